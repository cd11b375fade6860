import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { AgentRole } from '../../protocol/agent.ts';
import { type Client, connect as connectClient, type SocketLike } from '../../protocol/client.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { HostState } from '../../protocol/hosts.ts';
import {
	connect,
	crash,
	type Daemon,
	endAllDaemons,
	readPortFile,
	startDaemon,
	until,
} from '../daemon/harness.ts';
import { cutOf } from '../host-bridge/cuts.ts';

const CUT = cutOf({ video: [[[0, 50]]] });

let daemon: Daemon;
beforeAll(async () => {
	daemon = await startDaemon();
});
afterAll(endAllDaemons);

const CAN = {
	frame: false,
	addTracks: true,
	disable: true,
	swap: true,
	bin: false,
	undo: false,
	show: true,
};

/** An agent of one sequence, on the client that agents in JavaScript use. */
class Double implements AgentRole {
	readonly id = randomUUID();
	state: HostState = {
		project: { id: 'film', name: 'Film', path: null },
		sequence: { id: 'cut', name: 'Cut' },
		revision: 1,
		playhead: 0,
		selection: null,
		busy: null,
	};
	readonly who = () => ({
		agent: { id: this.id, program: 'Double', version: '1', can: CAN },
		state: this.state,
	});
	readonly answers: AgentRole['answers'] = {
		'agent.cut': () => ({ cut: CUT, revision: this.state.revision }),
		'agent.show': ({ frame }) => {
			if (frame > 100) throw new PickupError('bad-request', 'The cut ends before that');
			this.state = { ...this.state, playhead: frame };
			return {};
		},
		'agent.frame': () => {
			throw new TypeError('nobody thought of that');
		},
		'agent.edit': async () => ({ revision: 2, again: false }),
	};
}

/** A daemon that starts takes away the port file of the one before. */
function endpoint() {
	return readPortFile(daemon.state).catch((cause: unknown) => {
		throw new PickupError('daemon-unreachable', 'There is no port file', { cause });
	});
}

function connectAgent(role: AgentRole, onStatus = (_status: string) => {}): Promise<Client> {
	return connectClient({
		endpoint,
		openSocket: (url, protocols) => new WebSocket(url, protocols) as unknown as SocketLike,
		client: { name: 'double', version: '1' },
		onStatus,
		agent: role,
	});
}

test('An agent registers by connecting, answers, says what it cannot, and tells of changes', async () => {
	const role = new Double();
	const host = role.id;
	const client = await connectAgent(role);
	const panel = await connect(daemon);
	expect((await panel.call('host.watch', {})).hosts).toContainEqual(role.who());
	expect(await panel.call('host.cut', { host })).toEqual({ cut: CUT, revision: 1 });
	await panel.call('host.show', { host, frame: 40 });
	expect(role.state.playhead).toBe(40);
	expect(await panel.refusal('host.show', { host, frame: 101 })).toMatchObject({
		code: 'bad-request',
		message: 'The cut ends before that',
	});
	await client.call('host.changed', { state: role.state });
	await until('the playhead', () =>
		panel.hosts?.some(({ agent, state }) => agent.id === host && state.playhead === 40),
	);
	client.close();
	await until('the agent to be gone', () => !panel.hosts?.some(({ agent }) => agent.id === host));
});

test('An agent is back when the daemon is, as things stand then', async () => {
	const role = new Double();
	const host = role.id;
	const told: string[] = [];
	const client = await connectAgent(role, (status) => told.push(status));
	await crash(daemon);
	await until('the loss', () => told.includes('lost'));
	role.state = { ...role.state, revision: 7 };
	daemon = await startDaemon({ state: daemon.state });
	await until('the agent', () => told.includes('connected'));
	const panel = await connect(daemon);
	expect((await panel.call('host.cut', { host })).revision).toBe(7);
	client.close();
});

test('A client that is no agent answers that it is none, and goes on', async () => {
	const stranger = await connectClient({
		endpoint,
		openSocket: (url, protocols) => new WebSocket(url, protocols) as unknown as SocketLike,
		client: { name: 'stranger', version: '1' },
	});
	const { id: host, who } = new Double();
	await stranger.call('host.register', who());
	const panel = await connect(daemon);
	expect((await panel.refusal('host.cut', { host })).code).toBe('no-such-method');
	await stranger.call('host.watch', {});
	// It is told of changes that it did not ask to be called for, and takes no harm.
	await stranger.call('host.changed', { state: { ...who().state, revision: 2 } });
	expect((await stranger.call('job.list', {})).jobs).toEqual([]);
	stranger.close();
});

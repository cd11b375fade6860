import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Agent } from '../../host-bridge/agent/agent.ts';
import { PickupError } from '../../protocol/errors.ts';
import {
	connect,
	crash,
	type Daemon,
	endAllDaemons,
	startDaemon,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';
import { openAgentDaemon } from '../fakes/agent-daemon.ts';
import { openAgent, PortDouble } from '../fakes/editor-port.ts';
import { cutWithGap } from './film.ts';

let daemon: Daemon;
let port: PortDouble;
const agents: Agent[] = [];
const open = (where: { readonly state: string }, onStatus = () => {}) => {
	const agent = openAgent(port, where, onStatus);
	agents.push(agent);
	return agent;
};

beforeAll(async () => {
	daemon = await startDaemon();
});
beforeEach(() => {
	for (const agent of agents.splice(0)) agent.end();
	port = new PortDouble(cutWithGap());
});
afterAll(async () => {
	for (const agent of agents) agent.end();
	await endAllDaemons();
});

async function hostOf(peer: Awaited<ReturnType<typeof connect>>) {
	const { hosts } = await peer.call('host.watch', {});
	return hosts.find(({ agent }) => agent.program === 'Double');
}

test('An agent of a port registers, answers, tells what changes, and passes on briefs and presses', async () => {
	const agent = open(daemon);
	const panel = await connect(daemon);
	const host = await until('the agent', () => hostOf(panel));
	const id = host.agent.id;
	const page = await until('the page', () => agent.status.panel);
	expect(page).toBe(`http://127.0.0.1:${daemon.port}/panel/#token=${daemon.token}&host=${id}`);
	const first = await panel.call('host.cut', { host: id });
	expect(first.cut).toEqual(port.shown);

	port.rename('Cut, renamed');
	const told = await until('the revision', async () => {
		const now = await hostOf(panel);
		return now && now.state.revision > first.revision && now.state.revision;
	});
	await panel.call('host.show', { host: id, frame: 30 });
	expect(port.now.playhead).toBe(30);
	await until('the playhead', async () => (await hostOf(panel))?.state.playhead === 30);
	// A playhead that moves is no change of the cut.
	expect((await hostOf(panel))?.state.revision).toBe(told);

	await until('the brief', () => agent.status.brief?.gap?.startsWith('V1'));
	expect(agent.status.brief?.refusal).toBeNull();
	await agent.fill();
	await until('the landing', () => port.edits.length > 0);
	expect(port.edits[0]?.steps[0]).toMatchObject({ kind: 'place', of: 'video', track: 'V1' });
	await panel.close();
});

test('An agent waits for a daemon that is not there, and is back after one that crashed', async () => {
	const told: (string | null)[] = [];
	const state = join(await temporaryFolder(), 'state');
	const agent = open({ state }, () => told.push(agent.status.away));
	await until('the reason', () => told.includes('Pickup is not running'));
	let own = await startDaemon({ state });
	await until('the connection', () => agent.status.away === null);
	await crash(own);
	await until('the loss', () => agent.status.away !== null);
	port.rename('Cut, meanwhile');
	own = await startDaemon({ state });
	await until('the connection', () => agent.status.away === null);
	const panel = await connect(own);
	const host = await until('the agent', () => hostOf(panel));
	const { cut } = await panel.call('host.cut', { host: host.agent.id });
	expect(cut.sequence.name).toBe('Cut, meanwhile');
	await panel.close();
});

test('Whoever else listens on the port of an old file is not shown the token', async () => {
	const asked: string[] = [];
	const stranger = createServer((request, response) => {
		asked.push(`${request.url} ${JSON.stringify(request.headers)}`);
		response.end('hello');
	});
	await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
	const state = await temporaryFolder();
	const { port: listening } = stranger.address() as AddressInfo;
	const token = 'ab'.repeat(32);
	const file = { port: listening, token, pid: 1, protocol: 3, version: '0' };
	await writeFile(join(state, 'daemon.json'), JSON.stringify(file));
	const agent = open({ state });
	await until('the refusal', () => agent.status.away?.includes('does not answer'));
	await until('another attempt', () => asked.length > 1);
	expect(asked.join()).not.toContain(token);
	stranger.close();
});

test('An operation is done once, never for a cut that has changed, and what failed can be asked again', async () => {
	const asking = await openAgentDaemon();
	open(asking);
	const where = await asking.where();
	const { revision } = await asking.ask('agent.cut', where);
	const step = { kind: 'add-track', of: 'audio', as: 'A9' } as const;
	const edit = { ...where, operation: randomUUID(), label: 'Pickup', steps: [step], revision };

	port.onEdit = () => {
		throw new PickupError('host-refused', 'A dialog is open');
	};
	await expect(asking.ask('agent.edit', edit)).rejects.toThrow('A dialog is open');
	port.onEdit = () => {};
	const done = await asking.ask('agent.edit', edit);
	expect(done).toEqual({ revision: revision + 1, again: false, stale: false });
	expect(await asking.ask('agent.edit', edit)).toMatchObject({ again: true });
	const other = { ...edit, operation: randomUUID() };
	expect(await asking.ask('agent.edit', other)).toMatchObject({ stale: true });
	const carried = { ...edit, operation: randomUUID(), revision: revision + 1 };
	port.carried.add(carried.operation);
	expect(await asking.ask('agent.edit', carried)).toMatchObject({ again: true });
	expect(port.edits).toHaveLength(1);
	await expect(asking.ask('agent.cut', { ...where, sequence: 'other' })).rejects.toThrow(
		'That sequence is not open in Double',
	);
	await asking.close();
});

test('Nothing is read in the middle of an edit', async () => {
	const asking = await openAgentDaemon();
	open(asking);
	const where = await asking.where();
	const { revision } = await asking.ask('agent.cut', where);
	const read: string[] = [];
	port.onEdit = async () => {
		port.rename('Cut, half done');
		const cut = asking.ask('agent.cut', where).then((answer) => answer.cut.sequence.name);
		void cut.then((name) => read.push(name));
		// The answer to what was asked after it, and may be done meanwhile.
		await asking.ask('agent.frame', { ...where, frame: 0, path: '/frame.png' });
		expect(read).toEqual([]);
	};
	const edit = { ...where, operation: randomUUID(), label: 'Whole', revision };
	await asking.ask('agent.edit', {
		...edit,
		steps: [{ kind: 'add-track', of: 'audio', as: 'A9' }],
	});
	await until('the cut', () => read.length > 0);
	expect(read).toEqual(['Whole 1']);
	await asking.close();
});

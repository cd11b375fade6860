import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import { pngOf } from '../../inference-daemon/media/png.ts';
import { PickupError } from '../../protocol/errors.ts';
import {
	type AgentMethod,
	type AgentParams,
	type AgentResult,
	agentMethods,
	type HostAgent,
	type HostState,
} from '../../protocol/hosts.ts';
import { PROTOCOL_VERSION, SUBPROTOCOL } from '../../protocol/rpc.ts';
import type { Cut } from '../../protocol/timeline.ts';

/** A small editor with one project and one sequence, and the agent in it. */
export type Editor = {
	readonly agent: HostAgent;
	readonly state: () => HostState;
	/** What the person does in it. */
	readonly change: (change: Partial<HostState>) => Promise<void>;
	/** It stops answering, as one that shows a dialog. */
	readonly freeze: () => void;
	/** It ends, with the connection. */
	readonly quit: () => Promise<void>;
};

const ABILITIES = {
	frame: false,
	addTracks: true,
	disable: true,
	swap: true,
	bin: true,
	undo: true,
	show: true,
};

export type EditorOptions = {
	readonly id?: string;
	readonly can?: Partial<HostAgent['can']>;
};

/** Opens a cut in an editor that is connected to the daemon and registered there. */
export async function openEditor(
	{ port, token }: { readonly port: number; readonly token: string },
	cut: Cut,
	{ id = randomUUID(), can = {} }: EditorOptions = {},
): Promise<Editor> {
	const agent: HostAgent = { id, program: 'Fake', version: '1', can: { ...ABILITIES, ...can } };
	let state: HostState = {
		project: { id: 'film', name: 'Film', path: null },
		sequence: { id: 'cut', name: cut.sequence.name },
		revision: 1,
		playhead: 0,
		selection: null,
		busy: null,
	};
	let isFrozen = false;
	const socket = new WebSocket(`ws://127.0.0.1:${port}`, [SUBPROTOCOL, `token.${token}`]);
	const waiting = new Map<number, (answer: { error?: { message: string } }) => void>();
	const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
	socket.on('error', () => {});
	await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
	let nextId = 1;
	async function call(method: string, params: unknown): Promise<void> {
		const id = nextId++;
		const answer = new Promise<{ error?: { message: string } }>((resolve) =>
			waiting.set(id, resolve),
		);
		socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
		const { error } = await answer;
		if (error) throw new Error(`${method}: ${error.message}`);
	}

	const answers: { [M in AgentMethod]: (params: never) => AgentResult<M> } = {
		'agent.who': () => ({ agent, state }),
		'agent.cut': (where: { project: string; sequence: string }) => {
			if (where.project !== state.project?.id || where.sequence !== state.sequence?.id) {
				throw new PickupError('no-such-host', 'That sequence is not open', { field: 'sequence' });
			}
			return { cut, revision: state.revision };
		},
		'agent.show': ({ frame }: { frame: number }) => {
			state = { ...state, playhead: frame };
			return {};
		},
		'agent.frame': ({ frame, path }: AgentParams<'agent.frame'>) => {
			const size = { width: 64, height: 36 };
			const data = new Uint8Array(64 * 36 * 3).fill(frame);
			writeFileSync(path, pngOf({ ...size, data }), { flag: 'wx' });
			return { size };
		},
		'agent.edit': () => {
			throw new Error('not an editor that edits yet');
		},
	};

	socket.on('message', (data) => {
		const message = JSON.parse(String(data));
		if (message.method === undefined) {
			waiting.get(message.id)?.(message);
			return;
		}
		if (isFrozen) return;
		const { id, method } = message as { id: number; method: AgentMethod };
		try {
			const params = agentMethods[method].params.parse(message.params);
			const result = answers[method](params as never);
			socket.send(JSON.stringify({ jsonrpc: '2.0', id, result }));
		} catch (error) {
			const text = (error as Error).message;
			const problem = error instanceof PickupError ? { data: error.toProblem() } : {};
			const answer = { code: -32_000, message: text, ...problem };
			socket.send(JSON.stringify({ jsonrpc: '2.0', id, error: answer }));
		}
	});
	const client = { name: 'fake-agent', version: '1' };
	await call('hello', { protocol: PROTOCOL_VERSION, token, client });
	await call('host.register', { agent, state });

	return {
		agent,
		state: () => state,
		async change(change) {
			state = { ...state, ...change, revision: state.revision + 1 };
			await call('host.changed', { state });
		},
		freeze: () => {
			isFrozen = true;
		},
		quit: async () => {
			socket.close();
			await closed;
		},
	};
}

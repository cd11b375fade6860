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
	type Brief,
	briefSchema,
	type EditStep,
	type HostAgent,
	type HostState,
	type Item,
} from '../../protocol/hosts.ts';
import { PROTOCOL_VERSION, SUBPROTOCOL } from '../../protocol/rpc.ts';
import type { ClipSpan, Cut, Track } from '../../protocol/timeline.ts';

/** A small editor with one project and one sequence, and the agent in it. */
export type Editor = {
	readonly agent: HostAgent;
	readonly state: () => HostState;
	/** What the person does in it. */
	readonly change: (change: Partial<HostState>) => Promise<void>;
	/** The cut as it stands, and what is in the bin. */
	readonly cut: () => Cut;
	readonly bin: () => readonly string[];
	/** The person edits: gives the cut another shape. */
	readonly edit: (change: (cut: Cut) => Cut) => Promise<void>;
	/** Ctrl+Z and Ctrl+Shift+Z. */
	readonly undo: () => Promise<void>;
	readonly redo: () => Promise<void>;
	/** What it may show, as last told. */
	readonly brief: () => Brief | null;
	/** The person presses Fill in it. */
	readonly fill: () => Promise<void>;
	/** How often an edit was done, and the steps of the last one. */
	readonly edits: () => number;
	/** Called after an edit was done and before it is answered. What it throws is answered. */
	onEdit: (() => Promise<void> | void) | null;
	/** Called before an edit is done. What it throws is answered, and nothing is done. */
	beforeEdit: (() => void) | null;
	/** Called when the cut was read, before it is answered. */
	onCut: (() => Promise<void> | void) | null;
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
	/** What it calls itself. */
	readonly program?: string;
	readonly id?: string;
	readonly can?: Partial<HostAgent['can']>;
	/** Of the saved project. */
	readonly path?: string | null;
	/** Operations that an earlier run of it has done and not lost. */
	readonly done?: Set<string>;
};

/** Opens a cut in an editor that is connected to the daemon and registered there. */
export async function openEditor(
	{ port, token }: { readonly port: number; readonly token: string },
	opened: Cut,
	{
		id = randomUUID(),
		program = 'Fake',
		can = {},
		path = null,
		done = new Set(),
	}: EditorOptions = {},
): Promise<Editor> {
	const agent: HostAgent = { id, program, version: '1', can: { ...ABILITIES, ...can } };
	let cut = opened;
	let edits = 0;
	let brief: Brief | null = null;
	const bin: string[] = [];
	const undos: Cut[] = [];
	const redos: Cut[] = [];
	let state: HostState = {
		project: { id: 'film', name: 'Film', path },
		sequence: { id: 'cut', name: opened.sequence.name },
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

	function checkOpen(where: { project: string; sequence: string }): void {
		if (where.project === state.project?.id && where.sequence === state.sequence?.id) return;
		throw new PickupError('no-such-host', 'That sequence is not open', { field: 'sequence' });
	}

	/** The cut before goes on one of the two stacks. */
	function step(next: Cut, stack: Cut[]): void {
		stack.push(cut);
		cut = next;
		state = { ...state, revision: state.revision + 1 };
	}

	const answers: {
		[M in AgentMethod]: (params: never) => AgentResult<M> | Promise<AgentResult<M>>;
	} = {
		'agent.who': () => ({ agent, state }),
		'agent.cut': async (where: { project: string; sequence: string }) => {
			checkOpen(where);
			const read = { cut, revision: state.revision };
			await editor.onCut?.();
			return read;
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
		'agent.edit': async (edit: AgentParams<'agent.edit'>) => {
			checkOpen(edit);
			if (done.has(edit.operation)) return { revision: state.revision, again: true, stale: false };
			if (edit.revision !== state.revision) {
				return { revision: state.revision, again: false, stale: true };
			}
			editor.beforeEdit?.();
			const next = applySteps(cut, edit.steps, bin);
			done.add(edit.operation);
			edits += 1;
			step(next, undos);
			redos.length = 0;
			const { revision } = state;
			await editor.onEdit?.();
			return { revision, again: false, stale: false };
		},
	};

	socket.on('message', async (data) => {
		const message = JSON.parse(String(data));
		if (message.method === undefined) {
			waiting.get(message.id)?.(message);
			return;
		}
		if (message.method === 'brief') {
			brief = briefSchema.parse(message.params);
			return;
		}
		if (isFrozen) return;
		const { id, method } = message as { id: number; method: AgentMethod };
		try {
			const params = agentMethods[method].params.parse(message.params);
			const before = state;
			const result = await answers[method](params as never);
			socket.send(JSON.stringify({ jsonrpc: '2.0', id, result }));
			// What it did itself it tells like anything else that changes in it.
			if (state !== before) void tell().catch(() => {});
			if (method === 'agent.edit') void tell().catch(() => {});
		} catch (error) {
			const text = (error as Error).message;
			const problem = error instanceof PickupError ? { data: error.toProblem() } : {};
			const answer = { code: -32_000, message: text, ...problem };
			socket.send(JSON.stringify({ jsonrpc: '2.0', id, error: answer }));
		}
	});
	const client = { name: 'fake-agent', version: '1' };

	const tell = () => call('host.changed', { state });
	const editor: Editor = {
		agent,
		state: () => state,
		cut: () => cut,
		bin: () => bin,
		edits: () => edits,
		brief: () => brief,
		fill: () => call('host.fill', {}),
		onEdit: null,
		beforeEdit: null,
		onCut: null,
		async edit(change) {
			step(change(cut), undos);
			await tell();
		},
		async undo() {
			const before = undos.pop();
			if (before) step(before, redos);
			await tell();
		},
		async redo() {
			const after = redos.pop();
			if (after) step(after, undos);
			await tell();
		},
		async change(change) {
			state = { ...state, ...change, revision: state.revision + 1 };
			await tell();
		},
		freeze: () => {
			isFrozen = true;
		},
		quit: async () => {
			socket.close();
			await closed;
		},
	};
	await call('hello', { protocol: PROTOCOL_VERSION, token, client });
	await call('host.register', { agent, state });
	return editor;
}

function applySteps(before: Cut, steps: readonly EditStep[], bin: string[]): Cut {
	const added = new Map<string, string>();
	let tracks = [...before.tracks];
	const change = (name: string, clips: (clips: readonly ClipSpan[]) => readonly ClipSpan[]) => {
		const track = tracks.find((each) => each.name === (added.get(name) ?? name));
		if (!track) throw new Error(`there is no track ${name}`);
		const sorted = [...clips(track.clips)].sort((a, b) => a.range.start - b.range.start);
		for (const [index, clip] of sorted.entries()) {
			if (clip.range.start < (sorted[index - 1]?.range.end ?? 0)) {
				throw new Error(`${clip.name} would cover ${sorted[index - 1]?.name}`);
			}
		}
		tracks = tracks.map((each) => (each === track ? { ...track, clips: sorted } : each));
	};
	const at = ({ track, range, path }: Item, clip: ClipSpan) =>
		clip.range.start === range.start &&
		clip.range.end === range.end &&
		clip.source.kind === 'file' &&
		clip.source.path === path &&
		clip.track === track;
	for (const step of steps) {
		switch (step.kind) {
			case 'add-track': {
				const alike = tracks.filter(({ kind }) => kind === step.of);
				const name = `${step.of === 'video' ? 'V' : 'A'}${alike.length + 1}`;
				added.set(step.as, name);
				const empty = { enabled: true, locked: false, clips: [], transitions: [] };
				const track: Track = { kind: step.of, index: alike.length, name, ...empty };
				const videos = tracks.filter(({ kind }) => kind === 'video');
				const audios = tracks.filter(({ kind }) => kind === 'audio');
				tracks =
					step.of === 'video' ? [...videos, track, ...audios] : [...videos, ...audios, track];
				break;
			}
			case 'place':
				change(step.track, (clips) => [
					...clips,
					{
						name: step.name,
						track: added.get(step.track) ?? step.track,
						range: step.range,
						source: { kind: 'file', path: step.path },
						sourceIn: { num: 0, den: 1 },
						speed: { num: 1, den: 1 },
						enabled: step.enabled,
					},
				]);
				break;
			case 'swap':
			case 'remove': {
				const { item } = step;
				let found = false;
				change(item.track, (clips) =>
					clips.flatMap((clip) => {
						if (!at(item, clip)) return [clip];
						found = true;
						if (step.kind === 'remove') return [];
						return [{ ...clip, name: step.name, source: { kind: 'file', path: step.path } }];
					}),
				);
				if (!found) throw new Error(`there is no ${item.path} on ${item.track}`);
				break;
			}
			case 'bin':
				bin.push(step.path);
				break;
		}
	}
	return { ...before, tracks };
}

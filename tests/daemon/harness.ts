import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { WebSocket } from 'ws';
import type { RequestOf } from '../../protocol/generation.ts';
import type { EditorHost } from '../../protocol/hosts.ts';
import { type JobEvent, jobEventSchema } from '../../protocol/jobs.ts';
import {
	type Method,
	methods,
	notifications,
	type PanelState,
	type Params,
	type PortFile,
	PROTOCOL_VERSION,
	portFileSchema,
	type Result,
	RPC_ERRORS,
	SUBPROTOCOL,
} from '../../protocol/rpc.ts';
import { context, request, SEQUENCE } from '../requests.ts';

const root = join(import.meta.dirname, '../..');

const folders: string[] = [];

/** Programs are bundled once per test file, from the sources as they are, beside node_modules. */
const programs: Promise<string> = bundle();

async function bundle(): Promise<string> {
	await mkdir(join(root, 'dist'), { recursive: true });
	const folder = mkdtempSync(join(root, 'dist/test-daemon-'));
	folders.push(folder);
	await build({
		absWorkingDir: root,
		entryPoints: {
			daemon: 'inference-daemon/main.ts',
			engine: 'inference-daemon/jobs/engine-process.ts',
			'provider-probe': 'inference-daemon/engines/ltx2/runtime/probe-process.ts',
			fake: 'tests/fakes/engine.ts',
			finisher: 'tests/fakes/finisher.ts',
		},
		outdir: folder,
		outExtension: { '.js': '.mjs' },
		bundle: true,
		// So that the fake engine's errors are of the daemon's own class.
		splitting: true,
		platform: 'node',
		format: 'esm',
		target: 'node20.19',
		packages: 'external',
		logLevel: 'error',
	});
	return folder;
}

export type Daemon = PortFile & {
	readonly state: string;
	readonly child: ChildProcess;
	/** In the environment of every process that descends from this daemon. */
	readonly mark: string;
	/** The exit code, or the signal that ended it. */
	readonly ended: Promise<number | string>;
	readonly said: () => string;
};

const started: Daemon[] = [];

export type StartOptions = {
	readonly state?: string;
	readonly env?: Readonly<Record<string, string>>;
	readonly args?: readonly string[];
	/** Which of the small engines goes before the real ones. */
	readonly engine?: 'fake' | 'finisher' | 'none';
};

/** Starts a real daemon with the fake engine and waits until it listens, or has ended. */
export async function startDaemon(options: StartOptions = {}): Promise<Daemon> {
	const { daemon, listening } = await launchDaemon(options);
	if (await listening) return { ...daemon, ...(await readPortFile(daemon.state)) };
	throw new Error(`The daemon did not start: ${daemon.said()}`);
}

/** Starts a daemon without waiting. `listening` tells whether it got that far. */
export async function launchDaemon(options: StartOptions = {}) {
	const folder = await programs;
	const { engine = 'fake' } = options;
	const state = options.state ?? join(await temporaryFolder(), 'state');
	const mark = `PICKUP_TEST_MARK=${randomUUID()}`;
	const child = spawn(
		process.execPath,
		[join(folder, 'daemon.mjs'), '--state', state, ...(options.args ?? [])],
		{
			stdio: ['ignore', 'pipe', 'pipe'],
			env: {
				...process.env,
				PICKUP_ENGINE_MODULE: engine === 'none' ? '' : join(folder, `${engine}.mjs`),
				PICKUP_TEST_MARK: mark.split('=')[1],
				// However little others leave.
				PICKUP_LEAST_FREE: '0',
				...options.env,
			},
		},
	);
	let text = '';
	const ended = new Promise<number | string>((resolve) =>
		child.on('close', (code, signal) => resolve(code ?? signal ?? 'nothing')),
	);
	const listening = new Promise<boolean>((resolve) => {
		for (const stream of [child.stdout, child.stderr]) {
			stream.setEncoding('utf8').on('data', (chunk: string) => {
				text += chunk;
				if (text.includes('Listening on')) resolve(true);
			});
		}
		void ended.then(() => resolve(false));
	});
	const nowhere = { port: 0, token: '', pid: child.pid ?? 0, protocol: 0, version: '' };
	const daemon: Daemon = { ...nowhere, state, child, mark, ended, said: () => text };
	started.push(daemon);
	return { daemon, listening };
}

export async function readPortFile(state: string): Promise<PortFile> {
	return portFileSchema.parse(JSON.parse(await readFile(join(state, 'daemon.json'), 'utf8')));
}

/** Ends a daemon as a crash would. */
export async function crash(daemon: Daemon): Promise<void> {
	daemon.child.kill('SIGKILL');
	await daemon.ended;
}

/** Ends a daemon as a person would; gives its exit code. */
export async function stop(daemon: Daemon): Promise<number | string> {
	daemon.child.kill('SIGTERM');
	return daemon.ended;
}

/** For afterAll: nothing outlives the tests. */
export async function endAllDaemons(): Promise<void> {
	await Promise.all(started.splice(0).map((daemon) => crash(daemon)));
	for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export async function temporaryFolder(): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), 'pickup-daemon-'));
	folders.push(folder);
	return folder;
}

/** Process numbers of everything that descends from a daemon and still runs (Linux). */
export function descendants(daemon: Daemon): number[] {
	return readdirSync('/proc')
		.filter((name) => /^\d+$/.test(name) && Number(name) !== daemon.pid)
		.filter((pid) => {
			try {
				const running = !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
				return running && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(daemon.mark);
			} catch {
				return false;
			}
		})
		.map(Number);
}

/** The process number of the engine among them, if it runs. (Names in /proc are listed as text.) */
export function engineOf(daemon: Daemon): number | undefined {
	return descendants(daemon).find((pid) => {
		try {
			return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine.mjs');
		} catch {
			return false;
		}
	});
}

export async function until<T>(
	what: string,
	look: () => T | false | null | undefined | Promise<T | false | null | undefined>,
	patience = Number(process.env.PICKUP_TEST_PATIENCE ?? 600_000),
): Promise<T> {
	for (const since = performance.now(); performance.now() - since < patience; ) {
		const found = await look();
		if (found) return found;
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
	throw new Error(`Waited in vain for ${what}`);
}

export type RpcReply = {
	readonly jsonrpc: unknown;
	readonly id?: unknown;
	readonly result?: unknown;
	readonly error?: { code: number; message: string; data: Record<string, unknown> };
};

/** A connection that has said hello, as close to the wire as is practical. */
export class Peer {
	readonly socket: WebSocket;
	readonly events: JobEvent[] = [];
	/** The editors that are connected, as last told after `host.watch`. */
	hosts: readonly EditorHost[] | null = null;
	/** What panels share, as last told after `panel.watch`. */
	panel: PanelState | null = null;
	/** Answers that no `call` waits for. */
	readonly replies: RpcReply[] = [];
	readonly closed: Promise<number>;
	readonly #waiting = new Map<number, (reply: RpcReply) => void>();
	#nextId = 1;

	constructor(socket: WebSocket) {
		this.socket = socket;
		this.closed = new Promise((resolve) => socket.on('close', (code) => resolve(code)));
		socket.on('message', (data) => this.#receive(JSON.parse(String(data))));
	}

	/** The whole answer, error or result. */
	ask(method: string, params: unknown): Promise<RpcReply> {
		const id = this.#nextId++;
		this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
		return new Promise((resolve, reject) => {
			this.#waiting.set(id, resolve);
			void this.closed.then((code) => reject(new Error(`${method}: closed with ${code}`)));
		});
	}

	/** The result, which must fit the method's schema. */
	async call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>> {
		const reply = await this.ask(method, params);
		if (reply.error) throw new Error(`${method}: ${JSON.stringify(reply.error)}`);
		return methods[method].result.parse(reply.result) as Result<M>;
	}

	/** The code of the refusal that a call gets. */
	async refusal<M extends Method>(method: M, params: Params<M>) {
		const { error } = await this.ask(method, params);
		return { code: error?.data.code, field: error?.data.field, message: error?.message };
	}

	async waitForJob(jobId: string, ...states: string[]): Promise<Result<'job.get'>['job']> {
		return until(`job ${jobId} to be ${states.join(' or ')}`, async () => {
			const { job } = await this.call('job.get', { jobId });
			return states.includes(job.state) ? job : null;
		});
	}

	close(): Promise<number> {
		this.socket.close();
		return this.closed;
	}

	#receive(message: RpcReply & { method?: string; params?: unknown }): void {
		if (message.method === 'event') {
			this.events.push(jobEventSchema.parse(message.params));
			return;
		}
		if (message.method === 'hosts') {
			({ hosts: this.hosts } = notifications.hosts.params.parse(message.params));
			return;
		}
		if (message.method === 'panel') {
			this.panel = notifications.panel.params.parse(message.params);
			return;
		}
		if (message.method !== undefined) {
			const error = { code: RPC_ERRORS.methodNotFound, message: 'This is no agent' };
			this.socket.send(JSON.stringify({ jsonrpc: '2.0', id: message.id, error }));
			return;
		}
		const waiting = this.#waiting.get(Number(message.id));
		if (waiting && typeof message.id === 'number') {
			this.#waiting.delete(message.id);
			waiting(message);
		} else {
			this.replies.push(message);
		}
	}
}

export async function connect(daemon: Pick<Daemon, 'port' | 'token'>): Promise<Peer> {
	const peer = await connectUngreeted(daemon);
	await peer.call('hello', helloFor(daemon));
	return peer;
}

export async function connectUngreeted({
	port,
	token,
}: Pick<Daemon, 'port' | 'token'>): Promise<Peer> {
	const socket = new WebSocket(`ws://127.0.0.1:${port}`, [SUBPROTOCOL, `token.${token}`]);
	const peer = new Peer(socket);
	await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
	socket.on('error', () => {});
	return peer;
}

export function helloFor({ token }: Pick<Daemon, 'token'>): Params<'hello'> {
	return { protocol: PROTOCOL_VERSION, token, client: { name: 'test', version: '1' } };
}

/** Where the first attempt of a job writes the clip of `requestFor`. */
export function partOf(folder: string, id: string): string {
	return join(folder, `.pickup-${id}-1.part`, 'clip.mov.part');
}

export type Wish = {
	readonly folder: string;
	readonly id?: string;
	readonly frames?: number;
	readonly settings?: Readonly<Record<string, string | number | boolean>>;
	readonly prompt?: string;
};

/** A new shot of 160×90 at 25 frames per second. */
export function requestFor(wish: Wish): RequestOf<'insert'> {
	const { folder, id = randomUUID(), frames = 5, settings = {}, prompt = 'grey' } = wish;
	const sequence = { ...SEQUENCE, rate: { num: 25, den: 1 }, startFrame: 90_000 };
	const inside = context({ sequence, range: { start: 100, end: 100 + frames } });
	return request('insert', inside, {
		id,
		engine: 'fake',
		prompt,
		output: { folder, name: 'shot', codec: 'h264-intra' },
		settings,
		images: [],
	});
}

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { run as runProgram } from '../../demo/ffmpeg.ts';

/** What goes wrong in it: names in tests/fakes/resolve/objects.py. */
export type ResolveFault = string;

export type ResolveItem = {
	readonly id: string;
	readonly name: string;
	/** Frames as Resolve counts them. */
	readonly start: number;
	readonly duration: number;
	readonly media: string | null;
	readonly left?: number;
	readonly speed?: number;
	readonly type?: string;
	readonly enabled?: boolean;
	readonly colour?: string;
	readonly selected?: boolean;
	readonly [more: string]: unknown;
};

export type ResolveTrack = {
	readonly kind: 'video' | 'audio';
	readonly locked?: boolean;
	readonly enabled?: boolean;
	readonly subtype?: string;
	readonly items: readonly ResolveItem[];
};

export type ResolveMedia = {
	readonly id: string;
	readonly name: string;
	readonly bin: string;
	readonly path?: string;
	readonly fps: string;
	readonly frames: number;
	readonly video: boolean;
	readonly audio: boolean;
	readonly type?: string;
};

export type ResolveTimeline = {
	readonly id: string;
	readonly name: string;
	readonly rate: string;
	readonly start: number;
	readonly playhead: number;
	readonly size: readonly [number, number];
	readonly tracks: readonly ResolveTrack[];
};

export type ResolveModel = {
	readonly project: { readonly id: string; readonly name: string };
	readonly media: readonly ResolveMedia[];
	readonly timelines: readonly ResolveTimeline[];
	readonly bins?: readonly string[];
	readonly faults?: readonly ResolveFault[];
	/** Functions that this version has not, as `Timeline.DeleteClips`. */
	readonly lacking?: readonly string[];
	readonly page?: string;
};

/** The simulated Resolve that runs, with our script in it. */
export type Resolve = {
	/** Runs Python in it, as a person works in it, and gives what that leaves in `result`. */
	readonly run: <T = unknown>(code: string) => Promise<T>;
	readonly model: () => Promise<ResolveModel>;
	/** What the script has used that Blackmagic does not publish. */
	readonly beyond: () => Promise<readonly string[]>;
	/** Ends it at once, as a crash. */
	readonly kill: () => Promise<void>;
	/** The script has ended by itself. */
	readonly ended: Promise<void>;
	readonly said: () => string;
	/** Addresses that it has opened in the browser. */
	readonly opened: () => Promise<readonly string[]>;
};

export type ResolveOptions = {
	/** The daemon's state folder. */
	readonly state: string;
	/** A folder for the person's own files. */
	readonly home: string;
};

const root = join(import.meta.dirname, '../..');
const running = new Set<Resolve>();
let packed: Promise<string> | undefined;

export async function startResolve(
	model: ResolveModel,
	{ state, home }: ResolveOptions,
): Promise<Resolve> {
	packed ??= pack();
	const script = await packed;
	mkdirSync(home, { recursive: true });
	const folder = await mkdtemp(join(home, 'resolve-'));
	const data = join(folder, 'model.json');
	writeFileSync(data, JSON.stringify(model));
	const addresses = join(folder, 'addresses');
	const browser = join(folder, 'browser');
	writeFileSync(browser, `#!/bin/sh\nprintf '%s\\n' "$1" >> '${addresses}'\n`, { mode: 0o755 });
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const connected = new Promise<Socket>((resolve) => server.once('connection', resolve));
	const { port } = server.address() as AddressInfo;
	const child: ChildProcess = spawn(
		process.env.PICKUP_TEST_PYTHON ?? 'python3',
		[join(root, 'tests/fakes/resolve/run.py'), script, data, String(port)],
		{
			stdio: ['ignore', 'pipe', 'pipe'],
			env: {
				...process.env,
				PICKUP_STATE: state,
				HOME: home,
				// A path with spaces in it has to be quoted.
				BROWSER: `'${browser}' %s`,
				PYTHONDONTWRITEBYTECODE: '1',
				PYTHONUNBUFFERED: '1',
			},
		},
	);
	let text = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream?.setEncoding('utf8').on('data', (chunk: string) => {
			text += chunk;
		});
	}
	const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
	const socket = await Promise.race([
		connected,
		closed.then(() => Promise.reject(new Error(`Resolve did not start: ${text}`))),
	]);
	server.close();
	const waiting = new Map<number, (answer: { error?: string; result: unknown }) => void>();
	const ended = new Promise<void>((resolve) => {
		createInterface({ input: socket }).on('line', (line) => {
			const answer = JSON.parse(line);
			if (answer.ended) resolve();
			else waiting.get(answer.id)?.(answer);
		});
	});
	socket.on('error', () => {});
	let nextId = 1;
	const opened: Resolve = {
		async run<T>(code: string) {
			const id = nextId++;
			const answered = new Promise<{ error?: string; result: unknown }>((resolve) =>
				waiting.set(id, resolve),
			);
			socket.write(`${JSON.stringify({ id, code })}\n`);
			const gone = closed.then(() => Promise.reject(new Error(`Resolve has ended: ${text}`)));
			const { error, result } = await Promise.race([answered, gone]);
			if (error) throw new Error(error);
			return result as T;
		},
		model: () => opened.run<ResolveModel>('result = studio.data()'),
		beyond: () => opened.run<readonly string[]>('result = published.beyond'),
		async kill() {
			running.delete(opened);
			child.kill('SIGKILL');
			socket.destroy();
			await closed;
		},
		ended,
		said: () => text,
		async opened() {
			const lines = await readFile(addresses, 'utf8').catch(() => '');
			return lines.split('\n').filter(Boolean);
		},
	};
	running.add(opened);
	return opened;
}

/** The script as it is built of the sources. */
async function pack(): Promise<string> {
	const code = "import { packResolve } from './scripts/pack-resolve.mjs'; packResolve('.')";
	await runProgram(process.execPath, ['--input-type=module', '-e', code]);
	return join(root, 'dist/Pickup.py');
}

/** For afterAll: nothing outlives the tests. */
export async function endAllResolves(): Promise<void> {
	await Promise.all([...running].map((each) => each.kill()));
}

import { type ChildProcess, spawn } from 'node:child_process';
import { cp } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { bpyPython } from '../python.ts';

/** The Blenders that there are: Debian’s 3.4 with its window, and 5.0 as a Python module without. */
export type Which = 'window' | 'module';

/** A Blender that runs, with the add-on in it. */
export type Blender = {
	/** Runs Python in it, as a person works in it, and gives what that leaves in `result`. */
	readonly run: <T = unknown>(code: string) => Promise<T>;
	/** Ends it at once, as a crash. */
	readonly kill: () => Promise<void>;
	readonly said: () => string;
};

const root = join(import.meta.dirname, '../..');
const running = new Set<Blender>();

export type BlenderOptions = {
	/** The daemon's state folder. */
	readonly state: string;
	/** A folder for Blender’s own settings. */
	readonly home: string;
	/** A zip to install; the add-on as it stands in the sources where it is left out. */
	readonly zip?: string;
	readonly env?: Readonly<Record<string, string>>;
};

export async function startBlender(which: Which, options: BlenderOptions): Promise<Blender> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const connected = new Promise<Socket>((resolve) => server.once('connection', resolve));
	const driver = join(import.meta.dirname, 'blender-driver.py');
	const child = await launch(which, driver, {
		...process.env,
		PICKUP_STATE: options.state,
		BLENDER_USER_CONFIG: join(options.home, 'config'),
		BLENDER_USER_SCRIPTS: join(options.home, 'scripts'),
		BLENDER_USER_EXTENSIONS: join(options.home, 'extensions'),
		LIBGL_ALWAYS_SOFTWARE: '1',
		// The add-on's sources are not to be littered.
		PYTHONDONTWRITEBYTECODE: '1',
		DRIVER_PORT: String((server.address() as AddressInfo).port),
		ADDON: options.zip ?? (await putTogether(join(options.home, 'sources'))),
		...options.env,
	});
	let text = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream?.setEncoding('utf8').on('data', (chunk: string) => {
			text += chunk;
		});
	}
	const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
	const socket = await Promise.race([
		connected,
		ended.then(() => Promise.reject(new Error(`Blender did not start: ${text}`))),
	]);
	server.close();

	const waiting = new Map<number, (answer: { error?: string; result: unknown }) => void>();
	createInterface({ input: socket }).on('line', (line) => {
		const answer = JSON.parse(line);
		waiting.get(answer.id)?.(answer);
	});
	socket.on('error', () => {});
	let nextId = 1;
	const blender: Blender = {
		async run<T>(code: string) {
			const id = nextId++;
			const answered = new Promise<{ error?: string; result: unknown }>((resolve) =>
				waiting.set(id, resolve),
			);
			socket.write(`${JSON.stringify({ id, code })}\n`);
			const gone = ended.then(() => Promise.reject(new Error(`Blender has ended: ${text}`)));
			const { error, result } = await Promise.race([answered, gone]);
			if (error) throw new Error(error);
			return result as T;
		},
		async kill() {
			running.delete(blender);
			// The display goes with it: both are in a group of their own.
			if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
			socket.destroy();
			await ended;
		},
		said: () => text,
	};
	running.add(blender);
	return blender;
}

/** For afterAll: nothing outlives the tests. */
export async function endAllBlenders(): Promise<void> {
	await Promise.all([...running].map((blender) => blender.kill()));
}

/** The add-on's sources in one folder, as the zip has them. */
async function putTogether(folder: string): Promise<string> {
	for (const part of ['host-bridge/python', 'host-bridge/blender/pickup']) {
		await cp(join(root, part), join(folder, 'pickup'), { recursive: true });
	}
	return folder;
}

async function launch(which: Which, driver: string, env: NodeJS.ProcessEnv): Promise<ChildProcess> {
	const options = { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] as const };
	if (which === 'module')
		return spawn(await bpyPython(), [driver], { ...options, stdio: [...options.stdio] });
	const screen = ['-a', '-s', '-screen 0 1280x800x24'];
	const blender = ['blender', '--factory-startup', '--python', driver];
	return spawn('xvfb-run', [...screen, ...blender], { ...options, stdio: [...options.stdio] });
}

import { spawn } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import envPaths from 'env-paths';
import { WebSocket } from 'ws';
import { type Client, connect, type SocketLike } from '../protocol/client.ts';
import { PickupError } from '../protocol/errors.ts';
import { type PortFile, portFileSchema } from '../protocol/rpc.ts';
import { isRunning } from './processes.ts';
import { VERSION } from './version.ts';

/** Where daemon and command meet: jobs, the port file and the log live there. */
export function stateFolder(environment: NodeJS.ProcessEnv = process.env): string {
	return environment.PICKUP_STATE || envPaths('pickup', { suffix: '' }).data;
}

/** A client of the running daemon; starts one when there is none, warm where a job is to follow. */
export async function connectToDaemon(
	{ expectJob }: { readonly expectJob: boolean },
	state = stateFolder(),
): Promise<Client> {
	try {
		return await connectToRunning(state);
	} catch (error) {
		if (!(error instanceof PickupError && error.code === 'daemon-unreachable')) throw error;
	}
	return startDaemon(state, expectJob ? ['--expect-job'] : []);
}

/** A client of the running daemon, or `daemon-unreachable`. */
export function connectToRunning(state = stateFolder()): Promise<Client> {
	return connect({
		endpoint: () => readPortFile(state),
		openSocket: (url, protocols) => new WebSocket(url, protocols) as unknown as SocketLike,
		client: { name: 'pickup-cli', version: VERSION },
	});
}

export async function readPortFile(state: string): Promise<PortFile> {
	const path = join(state, 'daemon.json');
	let text: string;
	try {
		text = await readFile(path, 'utf8');
	} catch (cause) {
		throw new PickupError('daemon-unreachable', `No daemon has left its port in ${path}`, {
			cause,
		});
	}
	const parsed = portFileSchema.safeParse(parseJson(text));
	if (parsed.success) return parsed.data;
	throw new PickupError('daemon-unreachable', `${path} is not a daemon's port file`);
}

export function daemonProgram(): string {
	return fileURLToPath(new URL('./daemon.mjs', import.meta.url));
}

/**
 * Starts a daemon that outlives this command and connects as soon as it listens. Two commands may do so at
 * once: the state folder's lock lets one live, and both then find it.
 */
async function startDaemon(state: string, options: readonly string[]): Promise<Client> {
	await mkdir(state, { recursive: true, mode: 0o700 });
	const log = await open(join(state, 'daemon-start.log'), 'w', 0o600);
	const child = spawn(process.execPath, [daemonProgram(), '--state', state, ...options], {
		detached: true,
		stdio: ['ignore', log.fd, log.fd],
		windowsHide: true,
	});
	let exit: number | null | undefined;
	child.on('exit', (code) => {
		exit = code;
	});
	child.unref();
	await log.close();
	const since = performance.now();
	while (performance.now() - since < START_PATIENCE) {
		const listening = await connectToRunning(state).catch((error: unknown) => {
			if (error instanceof PickupError && error.code === 'daemon-unreachable') return null;
			throw error;
		});
		if (listening) return listening;
		if (exit !== undefined && exit !== LOCKED) break;
		await pause(25);
	}
	const said = (await readFile(join(state, 'daemon-start.log'), 'utf8')).trim();
	throw new PickupError('daemon-unreachable', `The daemon did not start: ${said || 'no answer'}`, {
		action: `Look at ${join(state, 'daemon.log')}, or run \`pickup daemon\` to watch it start.`,
	});
}

/**
 * How long a daemon may take to listen, in ms: it waits for one that is ending, and after a crash
 * it puts things right first.
 */
const START_PATIENCE = 120_000;

/**
 * Stops the running daemon and returns when its process has ended, so that everything it held is
 * free again. Throws `daemon-unreachable` where there is none.
 */
export async function stopDaemon(state: string): Promise<PortFile> {
	const client = await connectToRunning(state);
	const daemon = await readPortFile(state);
	try {
		await client.call('daemon.stop', {});
	} finally {
		client.close();
	}
	if (await hasEnded(daemon.pid, STOP_PATIENCE)) return daemon;
	process.kill(daemon.pid, 'SIGKILL');
	await hasEnded(daemon.pid, STOP_PATIENCE);
	return daemon;
}

/** How long a daemon may take to stop before it is killed, which loses no job. ms. */
const STOP_PATIENCE = 30_000;

/** Whether the process ends within that many milliseconds. */
async function hasEnded(pid: number, patience: number): Promise<boolean> {
	const since = performance.now();
	while (await isRunning(pid)) {
		if (performance.now() - since > patience) return false;
		await pause(10);
	}
	return true;
}

/** The daemon's exit code when another one holds the state folder. */
const LOCKED = 3;

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ClientOptions as SocketOptions, WebSocket } from 'ws';
import { stateFolder } from '../files/folders.ts';
import { isRunning } from '../files/is-running.ts';
import { claimStateFolder, statePaths } from '../files/state-folder.ts';
import { noRoom } from '../files/system-errors.ts';
import { type Client, type ClientOptions, connect, type SocketLike } from '../protocol/client.ts';
import { PickupError } from '../protocol/errors.ts';
import { printable } from '../protocol/printable.ts';
import type { PortFile } from '../protocol/rpc.ts';
import { findDaemon, holdsState, readPortFile, stateError, whoListens } from './port-file.ts';
import { VERSION } from './version.ts';

export function ownStateFolder(): string {
	return stateFolder(process.env.PICKUP_STATE);
}

/** Which daemon: that of the person's own state folder, with its own model, unless others are named. */
export type DaemonWanted = {
	readonly expectJob: boolean;
	/** Absolute. */
	readonly state?: string;
	/** The folder with the weights, absolute; for one that is started. */
	readonly model?: string | undefined;
};

/**
 * Works with the daemon, which is started when there is none, warm where a job is to follow. One
 * that dies meanwhile is started again, one that is stopped is not, unless it had answered nothing
 * yet: then the work begins anew with the next. However the work ends, the connection ends with it.
 */
export async function withDaemon<T>(
	wanted: DaemonWanted,
	work: (client: Client) => Promise<T>,
): Promise<T> {
	const { expectJob, state = ownStateFolder(), model } = wanted;
	const options = [
		...(expectJob ? ['--expect-job'] : []),
		...(model === undefined ? [] : ['--model', model]),
	];
	let hasAnswered = false;
	const found: { daemon?: PortFile | null } = {};
	const endpoint = async () => {
		found.daemon = await findDaemon(state);
		return found.daemon ?? startUnlessStopped(state, hasAnswered, options);
	};
	let client: Client | null = null;
	try {
		client = await connectTo({ endpoint });
		return await work(noting(client, () => (hasAnswered = true)));
	} catch (error) {
		const isUnreachable = error instanceof PickupError && error.code === 'daemon-unreachable';
		const hasGone = found.daemon && (await readPortFile(state))?.pid !== found.daemon.pid;
		if (hasAnswered || !isUnreachable || !hasGone) throw error;
	} finally {
		client?.close();
	}
	return withDaemon(wanted, work);
}

/**
 * A client that is an agent and stays connected until it is closed. The daemon is started when there
 * is none, and again when one dies; one that is stopped is waited for.
 */
export async function connectAgent(
	options: Pick<ClientOptions, 'agent' | 'onStatus' | 'onGivenUp'>,
): Promise<Client> {
	const state = ownStateFolder();
	let isConnected = false;
	const endpoint = async () =>
		(await findDaemon(state)) ?? startUnlessStopped(state, isConnected, []);
	const client = await connectTo({ ...options, endpoint });
	isConnected = true;
	return client;
}

/** A daemon that was stopped took its port file along; whoever had spoken to it does not start another. */
async function startUnlessStopped(
	state: string,
	hasSpoken: boolean,
	options: readonly string[],
): Promise<PortFile> {
	if (hasSpoken && (await readPortFile(state)) === null) throw noDaemon(state);
	return startDaemon(state, options);
}

/** The same client, telling of every answer. */
function noting(client: Client, onAnswer: () => void): Client {
	return {
		hello: client.hello,
		events: client.events,
		close: client.close,
		async call(method, params) {
			const result = await client.call(method, params);
			onAnswer();
			return result;
		},
	};
}

/** A client of the running daemon. Throws `daemon-unreachable` where there is none. */
export function connectToRunning(state: string): Promise<Client> {
	return connectTo({ endpoint: () => runningDaemon(state) });
}

/** Where it listens, and its process. Throws `daemon-unreachable` where there is none. */
export async function runningDaemon(state: string): Promise<PortFile> {
	const daemon = await findDaemon(state);
	if (daemon === null) throw noDaemon(state);
	return daemon;
}

/**
 * Stops the running daemon, of whatever version and also one that does not answer, and returns when
 * its process has ended: everything it held is free again. Throws `daemon-unreachable`.
 */
export async function stopDaemon(state: string): Promise<PortFile> {
	const daemon = await readPortFile(state);
	if (daemon === null) throw noDaemon(state);
	const isHere = await holdsState(daemon, state);
	const runs = async () =>
		isHere ? isRunning(daemon.pid) : (await whoListens(daemon)) === 'daemon';
	if (isHere) {
		tell(daemon.pid, 'SIGTERM');
		// One that was halted hears it only when it goes on.
		tell(daemon.pid, 'SIGCONT');
	} else {
		// Where the system does not say whose process that is, only the daemon itself can be asked.
		const client = await connectToRunning(state);
		await client.call('daemon.stop', {}).finally(() => client.close());
	}
	if (await isOver(runs)) return daemon;
	// What is journaled is safe, so that this loses no job.
	if (isHere) tell(daemon.pid, 'SIGKILL');
	if (await isOver(runs)) return daemon;
	throw new PickupError('daemon-unreachable', `The daemon, process ${daemon.pid}, does not end`, {
		action: `End process ${daemon.pid} by hand.`,
	});
}

export function daemonProgram(): string {
	return fileURLToPath(new URL('./daemon.mjs', import.meta.url));
}

/** How long a server may leave a connection that was closed half open, in ms. */
const CLOSE_WITHIN = 1000;

async function connectTo(options: Omit<ClientOptions, 'openSocket' | 'client'>): Promise<Client> {
	const closing = { closeTimeout: CLOSE_WITHIN } as SocketOptions;
	const client = await connect({
		...options,
		openSocket: (url, protocols) => new WebSocket(url, protocols, closing) as unknown as SocketLike,
		client: { name: 'pickup-cli', version: VERSION },
	});
	for (const notice of client.hello.notices) process.stderr.write(printable(`${notice}\n`));
	return client;
}

/** How long a daemon may take to stop before it is killed, in ms. */
const STOP_PATIENCE = 30_000;

async function isOver(runs: () => Promise<boolean>): Promise<boolean> {
	const since = performance.now();
	while (await runs()) {
		if (performance.now() - since > STOP_PATIENCE) return false;
		await pause(10);
	}
	return true;
}

function tell(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(pid, signal);
	} catch {
		// It has ended meanwhile.
	}
}

function noDaemon(state: string): PickupError {
	return new PickupError('daemon-unreachable', `No daemon runs for the state folder ${state}`);
}

/**
 * How long a daemon may take to listen, in ms: it waits for one that is ending, and after a crash
 * it puts things right first.
 */
const START_PATIENCE = 120_000;

/** How long another one may take that was started at the same time and has the state folder, in ms. */
const OTHERS_PATIENCE = 30_000;

/** The daemon's exit code when another one holds the state folder. */
const LOCKED = 3;

/** The same when there was no room for its files, and so none to say that in. */
const FULL = 4;

/**
 * Starts a daemon that outlives this command, and returns when one listens. Two commands may do so
 * at once: the state folder's lock lets one live, and both then find it.
 */
async function startDaemon(state: string, options: readonly string[]): Promise<PortFile> {
	const daemon = await spawnDaemon(state, options);
	let patience = START_PATIENCE;
	for (let waited = 0; waited < patience; waited += 25) {
		const found = await findDaemon(state);
		if (found) return found;
		if (daemon.exit === LOCKED) patience = OTHERS_PATIENCE;
		else if (daemon.exit !== undefined) break;
		await pause(25);
	}
	if (daemon.exit === FULL) throw noRoom(state, 'the files of the daemon');
	const { log, startLog } = statePaths(state);
	const said = (await readFile(startLog, 'utf8')).trim();
	const ending = daemon.signal && `${daemon.signal} ended it`;
	const why = [said, ending].filter(Boolean).join('\n') || 'no answer';
	throw new PickupError('daemon-unreachable', `The daemon did not start: ${why}`, {
		action: `Look at ${log}, or run \`pickup daemon\` to watch it start.`,
	});
}

/** Throws what keeps the state folder from being written to, or the program from being started. */
async function spawnDaemon(state: string, options: readonly string[]) {
	const daemon: { exit?: number; signal?: NodeJS.Signals } = {};
	try {
		await claimStateFolder(state);
		const log = await open(statePaths(state).startLog, 'w', 0o600);
		try {
			const child = spawn(process.execPath, [daemonProgram(), '--state', state, ...options], {
				detached: true,
				stdio: ['ignore', log.fd, log.fd],
				windowsHide: true,
			});
			child.on('exit', (code, signal) => {
				daemon.exit = code ?? -1;
				if (signal) daemon.signal = signal;
			});
			await new Promise((resolve, reject) => child.on('spawn', resolve).on('error', reject));
			child.unref();
		} finally {
			await log.close();
		}
	} catch (error) {
		throw stateError(state, error);
	}
	return daemon;
}

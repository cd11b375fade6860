import { get } from 'node:http';
import { readRegular } from '../files/open-regular.ts';
import { statePaths } from '../files/state-folder.ts';
import { errorCode, systemProblem } from '../files/system-errors.ts';
import { PickupError } from '../protocol/errors.ts';
import { provesItself } from '../protocol/proof.ts';
import { type PortFile, PROTOCOL_VERSION, portFileSchema } from '../protocol/rpc.ts';
import { hasOpen } from './has-open.ts';

/**
 * The daemon that runs for a state folder, null where there is none: a port file may be older than
 * it. It has proved that it is the one that wrote the file. Throws `daemon-unreachable` for one that
 * does not answer and `version-mismatch` for one that speaks another version.
 */
export async function findDaemon(state: string): Promise<PortFile | null> {
	const daemon = await readPortFile(state);
	if (daemon === null) return null;
	let listener = await whoListens(daemon, STRANGER_WITHIN);
	const isHere = listener === 'daemon' || (await holdsState(daemon, state));
	if (listener === 'silent' && isHere) listener = await whoListens(daemon);
	if (listener === 'nobody' || !isHere) return null;
	if (listener === 'daemon' && daemon.protocol === PROTOCOL_VERSION) return daemon;
	const which = `process ${daemon.pid} of Pickup ${daemon.version}`;
	if (listener === 'silent') {
		throw new PickupError('daemon-unreachable', `The daemon, ${which}, does not answer`, {
			action: 'Wait until it is less busy, or end it with `pickup daemon stop`.',
		});
	}
	throw new PickupError(
		'version-mismatch',
		`Expected a daemon of protocol ${PROTOCOL_VERSION}, found ${which} with protocol ${daemon.protocol}`,
	);
}

/** Bytes of a port file at most: what is longer is something else. */
const LONGEST = 10_000;

/** What the last daemon that listened wrote; null where it was stopped, or there was none. */
export async function readPortFile(state: string): Promise<PortFile | null> {
	try {
		const bytes = await readRegular(statePaths(state).portFile, LONGEST);
		return portFileSchema.parse(JSON.parse(bytes.toString()));
	} catch (error) {
		// What stands there is no daemon's; the folder is refused for it before one is started in it.
		if (error instanceof PickupError) return null;
		const code = errorCode(error);
		if (code === undefined || code === 'ENOENT' || code === 'ENOTDIR') return null;
		throw stateError(state, error);
	}
}

/** What the system would not do with the state folder. */
export function stateError(state: string, error: unknown): PickupError {
	const problem = systemProblem(error);
	// The command names no state folder: one that is in other use is no mistake in what was typed.
	const code = problem.code === 'usage' ? 'folder-not-writable' : problem.code;
	return new PickupError(code, `Expected to use the state folder ${state}: ${problem.message}`, {
		action: 'Name a folder that you may write to with PICKUP_STATE.',
		cause: error,
	});
}

/** Whether the process in a port file is the daemon of the state folder, whatever it answers. */
export function holdsState({ pid }: PortFile, state: string): Promise<boolean> {
	return hasOpen(pid, statePaths(state).database);
}

/** How long a daemon may take to answer, in ms. */
const ANSWER_WITHIN = 15_000;
/** The same before it is looked at whether the process is one. */
const STRANGER_WITHIN = 3000;

/** What listens on the port of a port file. It learns nothing of the token. */
export async function whoListens(
	address: PortFile,
	within = ANSWER_WITHIN,
): Promise<'daemon' | 'stranger' | 'silent' | 'nobody'> {
	const limit = AbortSignal.timeout(within);
	try {
		const isDaemon = await provesItself(address, (path) => textAt(address.port, path, limit));
		return isDaemon ? 'daemon' : 'stranger';
	} catch {
		return limit.aborted ? 'silent' : 'nobody';
	}
}

/** The first hundred characters of an answer. */
function textAt(port: number, path: string, signal: AbortSignal): Promise<string> {
	return new Promise((resolve, reject) => {
		const request = get({ host: '127.0.0.1', port, path, signal, agent: false }, (response) => {
			let text = '';
			const end = () => {
				resolve(text);
				request.destroy();
			};
			response.setEncoding('utf8').on('error', reject).on('end', end);
			response.on('data', (chunk: string) => {
				text += chunk;
				if (text.length > 100) end();
			});
		});
		request.on('error', reject);
	});
}

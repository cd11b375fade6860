import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { get as httpGet } from 'node:http';
import { isAbsolute } from 'node:path';
import { statePaths } from '../../files/state-folder.ts';
import { PickupError } from '../../protocol/errors.ts';

/** The text of the daemon's port file; null where there is none. */
export function readPortFile(state: string): Promise<string | null> {
	return readFile(statePaths(state).portFile, 'utf8').catch(() => null);
}

/** The body of a `GET`, asked by Node: a page from a file may not ask everything itself. */
export function get(url: string): Promise<string> {
	return new Promise((resolve, reject) => {
		const request = httpGet(url, { timeout: 15_000 }, (response) => {
			let body = '';
			response.setEncoding('utf8');
			response.on('data', (text: string) => {
				body += text;
			});
			response.on('end', () => {
				if (response.statusCode === 200) return resolve(body);
				reject(new Error(`${url}: ${response.statusCode}`));
			});
		});
		request.on('timeout', () => request.destroy(new Error(`${url}: no answer`)));
		request.on('error', reject);
	});
}

/**
 * Starts the daemon that was last started here, to outlive the editor. Throws PickupError
 * `daemon-unreachable` where none was, or where its files are gone.
 */
export async function startDaemon(state: string): Promise<void> {
	const { node, daemon } = await programOf(state);
	const log = openSync(statePaths(state).startLog, 'w', 0o600);
	try {
		const child = spawn(node, [daemon, '--state', state], {
			detached: true,
			stdio: ['ignore', log, log],
			windowsHide: true,
			env: cleanEnvironment(process.env),
		});
		await new Promise<void>((resolve, reject) => {
			child.once('spawn', resolve);
			child.once('error', reject);
		});
		child.unref();
	} catch (error) {
		const message = `Pickup could not be started: ${(error as Error).message}`;
		throw new PickupError('daemon-unreachable', message, { cause: error });
	} finally {
		closeSync(log);
	}
}

/**
 * Of an editor's environment what a program needs to find its user's things. The rest is meant for
 * the editor, and has kept programs from being started at all.
 */
export function cleanEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
	return Object.fromEntries(
		Object.entries(environment).filter(([name]) => KEPT.test(name.toUpperCase())),
	);
}

const KEPT =
	/^(PATH|PATHEXT|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|TEMP|TMP|XDG_\w+|DISPLAY|WAYLAND_DISPLAY|DBUS_SESSION_BUS_ADDRESS|PICKUP_\w+|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|USERNAME|USERPROFILE|HOMEDRIVE|HOMEPATH|APPDATA|LOCALAPPDATA|PROGRAMDATA|PROGRAMFILES.*)$/;

async function programOf(state: string): Promise<{ node: string; daemon: string }> {
	const unknown = new PickupError('daemon-unreachable', 'Pickup has not been started here yet', {
		action: 'Start it once with `pickup daemon`: editors then know where it is.',
	});
	const text = await readFile(statePaths(state).programFile, 'utf8').catch(() => null);
	if (text === null) throw unknown;
	const { node, daemon } = JSON.parse(text) as Record<string, unknown>;
	for (const path of [node, daemon]) {
		const isFile =
			typeof path === 'string' &&
			isAbsolute(path) &&
			(await stat(path).catch(() => null))?.isFile();
		if (!isFile) throw unknown;
	}
	return { node: node as string, daemon: daemon as string };
}

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { statePaths } from '../../files/state-folder.ts';
import type { Check } from '../../protocol/rpc.ts';
import type { Machine } from './machine.ts';
import { resolveLogs } from './places.ts';

/** Where the logs are that tell why Pickup is not in an editor: those that there are. */
export async function logChecks(machine: Machine): Promise<readonly Check[]> {
	const candidates = [
		{ of: 'Pickup', path: statePaths(machine.state).log },
		{ of: 'DaVinci Resolve', path: resolveLogs(machine) },
		...(await extensionLogs(machine)).map((path) => ({ of: 'extensions', path })),
	];
	const there = await Promise.all(
		candidates.map(async (each) => ((await stat(each.path).catch(() => null)) ? [each] : [])),
	);
	return there
		.flat()
		.map(({ of, path }) => ({ name: `log of ${of}`, status: 'ok', found: path, action: null }));
}

/** Of Adobe's editors, where they keep what they say of extensions. */
async function extensionLogs({ platform, home, env }: Machine): Promise<readonly string[]> {
	if (platform === 'darwin') return [join(home, 'Library', 'Logs', 'CSXS')];
	if (platform !== 'win32') return [];
	const folder = env.TEMP ?? join(home, 'AppData', 'Local', 'Temp');
	const names = await readdir(folder).catch(() => []);
	return names
		.filter((name) => /^CEP\d+-(PPRO|AEFT)\.log$/i.test(name))
		.sort()
		.map((name) => join(folder, name));
}

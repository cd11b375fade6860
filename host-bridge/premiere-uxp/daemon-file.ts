import type { Files, System } from './surroundings.ts';

/** The text of the daemon's port file; null where there is none. The folder is as in files/folders.ts. */
export async function readPortFile(files: Files, system: System): Promise<string | null> {
	const home = system.homedir();
	const path =
		system.platform() === 'win32'
			? `${home}\\AppData\\Local\\pickup\\daemon.json`
			: `${home}/Library/Application Support/pickup/daemon.json`;
	return files.readFile(path, { encoding: 'utf-8' }).catch(() => null);
}

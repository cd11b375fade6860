import type { Files, System } from './surroundings.ts';

/** The text of the daemon's port file; null where there is none. The folder is as in files/folders.ts. */
export async function readPortFile(files: Files, system: System): Promise<string | null> {
	const home = system.homedir();
	// Of Windows it says `win32` or `win10`.
	const path =
		system.platform() === 'darwin'
			? `${home}/Library/Application Support/pickup/daemon.json`
			: `${home}\\AppData\\Local\\pickup\\daemon.json`;
	return files.readFile(path, { encoding: 'utf-8' }).catch(() => null);
}

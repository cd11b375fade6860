import { execFile } from 'node:child_process';
import { readdir, readlink, realpath } from 'node:fs/promises';
import { promisify } from 'node:util';

/**
 * Whether the process has the file open, also one that was deleted or does not answer. False where
 * the system does not say: on Windows, and of other people's processes.
 */
export async function hasOpen(pid: number, file: string): Promise<boolean> {
	const path = await realpath(file).catch(() => file);
	if (process.platform === 'win32') return false;
	if (process.platform !== 'linux') {
		const listing = promisify(execFile)('lsof', ['-a', '-p', String(pid), '-F', 'n']);
		const { stdout } = await listing.catch(() => ({ stdout: '' }));
		return stdout.split('\n').includes(`n${path}`);
	}
	const folder = `/proc/${pid}/fd`;
	const numbers = await readdir(folder).catch(() => []);
	const links = await Promise.all(
		numbers.map((name) => readlink(`${folder}/${name}`).catch(() => '')),
	);
	return links.some((link) => link === path || link === `${path} (deleted)`);
}

import { execFile } from 'node:child_process';
import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Whether the process still runs; one that has ended and waits to be reaped does not. */
export async function isRunning(pid: number): Promise<boolean> {
	try {
		process.kill(pid, 0);
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
	if (process.platform !== 'linux') return true;
	const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
	// The name in parentheses may hold anything, so the state is looked for behind its end (proc(5)).
	return /^.*\) [^ZX]/s.test(stat);
}

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

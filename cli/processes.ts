import { readFile } from 'node:fs/promises';

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

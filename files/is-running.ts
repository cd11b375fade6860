import { readFile } from 'node:fs/promises';
import { errorCode } from './system-errors.ts';

/** Whether the process still runs; one that has ended and waits to be reaped does not. */
export async function isRunning(pid: number): Promise<boolean> {
	if (!hasNumber(pid)) return false;
	if (process.platform !== 'linux') return true;
	const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
	if (stat === null) return hasNumber(pid);
	// The name in parentheses may hold anything, so the state is looked for behind its end (proc(5)).
	return /^.*\) [^ZX]/s.test(stat);
}

/** Whether any process has the number, somebody else's too. */
function hasNumber(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return errorCode(error) === 'EPERM';
	}
}

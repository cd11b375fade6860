import { readFileSync } from 'node:fs';

/** Ticks a second of the kernel's counters. */
const TICKS = 100;

/** Milliseconds of processor that the work takes: all threads, and programs that end meanwhile. */
export async function processorTime(work: () => unknown): Promise<number> {
	const [own, others] = [process.cpuUsage(), childrenTime()];
	await work();
	const { user, system } = process.cpuUsage(own);
	return (user + system) / 1000 + childrenTime() - others;
}

/** Of all programs started by this one that have ended; 0 where the system does not tell. */
function childrenTime(): number {
	if (process.platform !== 'linux') return 0;
	const stat = readFileSync('/proc/self/stat', 'utf8');
	// The program's name, in brackets, may hold spaces; then cutime and cstime are fields 13 and 14.
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	return ((Number(fields[13]) + Number(fields[14])) / TICKS) * 1000;
}

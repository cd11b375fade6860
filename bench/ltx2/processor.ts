import { readFileSync } from 'node:fs';

/** Ticks a second of the kernel's counters. */
const TICKS = 100;

export type ProcessorTime = {
	/** Milliseconds of all threads, and of programs that end meanwhile. */
	readonly milliseconds: number;
	/** Those of the programs. */
	readonly programs: number;
};

/** Processor that the work takes. */
export async function processorTime(work: () => unknown): Promise<ProcessorTime> {
	const [own, others] = [process.cpuUsage(), childrenTime()];
	await work();
	const { user, system } = process.cpuUsage(own);
	const programs = childrenTime() - others;
	return { milliseconds: (user + system) / 1000 + programs, programs };
}

/** Milliseconds of all programs started by this one that have ended; 0 where the system does not tell. */
export function childrenTime(): number {
	if (process.platform !== 'linux') return 0;
	const stat = readFileSync('/proc/self/stat', 'utf8');
	// The program's name, in brackets, may hold spaces; then cutime and cstime are fields 13 and 14.
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	return ((Number(fields[13]) + Number(fields[14])) / TICKS) * 1000;
}

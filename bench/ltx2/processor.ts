import { readFileSync } from 'node:fs';

/** Ticks a second of the kernel's counters. */
const TICKS = 100;

/** Milliseconds that the work takes of all threads, and of programs that end meanwhile. */
export async function processorTime(work: () => unknown): Promise<number> {
	const before = ownTime() + childrenTime();
	await work();
	return ownTime() + childrenTime() - before;
}

/** Milliseconds of all programs started by this one that have ended; 0 where the system does not tell. */
export function childrenTime(): number {
	return process.platform === 'linux' ? timesOf(process.pid).ended : 0;
}

/** Milliseconds of all threads of this process. */
export function ownTime(): number {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1000;
}

/** Milliseconds of the thread that asks. Linux. */
export function threadTime(): number {
	return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6;
}

/** Milliseconds of programs started by the main thread, and by those in turn, ended or not. Linux. */
export function programsTime(): number {
	for (;;) {
		const { ended } = timesOf(process.pid);
		const live = liveTime(process.pid);
		// One that has ended in between would be missed, or counted twice.
		if (timesOf(process.pid).ended === ended) return ended + live;
	}
}

function liveTime(pid: number): number {
	const children = readIfThere(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean);
	return children.reduce((sum, child) => {
		const { own, ended } = timesOf(Number(child));
		return sum + own + ended + liveTime(Number(child));
	}, 0);
}

/** Milliseconds of a process, and of its programs that have ended; 0 for one that is gone. */
function timesOf(pid: number): { readonly own: number; readonly ended: number } {
	const stat = readIfThere(`/proc/${pid}/stat`);
	// The program's name, in brackets, may hold spaces; utime to cstime are fields 11 to 14 after it.
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15).map(Number);
	const milliseconds = 1000 / TICKS;
	return { own: (utime + stime) * milliseconds, ended: (cutime + cstime) * milliseconds };
}

function readIfThere(path: string): string {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return '';
	}
}

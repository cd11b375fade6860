import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

/** Bytes of a process that are no file's; walks all its pages. Linux. */
export async function anonymous(pid: number): Promise<number> {
	return kilobytes(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Anonymous');
}

/** The same from the kernel's counter, without a walk that would slow the process down. */
export async function resident(pid: number): Promise<number> {
	return kilobytes(await readFile(`/proc/${pid}/status`, 'utf8'), 'RssAnon');
}

/** The most that the process has ever had in memory, pages of files among it. */
export async function highWater(pid: number): Promise<number> {
	return kilobytes(await readFile(`/proc/${pid}/status`, 'utf8'), 'VmHWM');
}

/** Looks at a process again and again, `every` so many ms, until the signal or its end. */
export async function watch(
	pid: number,
	every: number,
	look: (bytes: number) => void,
	signal: AbortSignal,
): Promise<void> {
	while (!signal.aborted) {
		const bytes = await resident(pid).catch(() => null);
		if (bytes === null || Number.isNaN(bytes)) return;
		look(bytes);
		await wait(every);
	}
}

export function megabytes(bytes: number): string {
	return (bytes / 1e6).toFixed(0);
}

function kilobytes(text: string, name: string): number {
	return 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]);
}

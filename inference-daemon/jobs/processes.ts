import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A process that cannot be taken for a later one with the same number. */
export type ProcessMark = { readonly pid: number; readonly started: string };

type Running = ProcessMark & { readonly group: number };

/** What identifies the process, or null when it is gone. */
export async function markOf(pid: number): Promise<ProcessMark | null> {
	const found = (await running()).find((process) => process.pid === pid);
	return found ? { pid, started: found.started } : null;
}

/** How long the system may take to end what it was told to, in ms: it may be busy. */
const LONGEST_ENDING = 60_000;

/**
 * Ends a process group at once and waits until nothing of it is left. The leader's number is the
 * group's.
 */
export async function endGroup(leader: number): Promise<void> {
	// What could not be started has no number, and group 0 would be this process's own.
	if (leader <= 1) return;
	if (process.platform === 'win32') {
		await run('taskkill', ['/PID', String(leader), '/T', '/F']).catch(() => {});
		return;
	}
	await endAll(
		() => process.kill(-leader, 'SIGKILL'),
		({ group }) => group === leader,
	);
}

/** Ends what a group's leader has started and left running, and waits until it is gone. */
export async function endFollowers(leader: number): Promise<void> {
	await endAll(
		({ pid }) => process.kill(pid, 'SIGKILL'),
		({ group, pid }) => group === leader && pid !== leader,
	);
}

/** Ends those that are meant, over and over: one of them may just have started another. */
async function endAll(
	end: (one: Running) => void,
	isMeant: (one: Running) => boolean,
): Promise<void> {
	const since = performance.now();
	for (let wait = 5; performance.now() - since < LONGEST_ENDING; wait = Math.min(wait * 2, 200)) {
		const left = (await running()).filter(isMeant);
		if (left.length === 0) return;
		for (const one of left) {
			try {
				end(one);
			} catch {
				// It has ended meanwhile.
			}
		}
		await new Promise((resolve) => setTimeout(resolve, wait));
	}
}

/**
 * Ends what an earlier daemon left behind: the marked leader if it still runs, or the rest of its
 * group. A group whose leader's number has gone to another process is not touched.
 */
export async function endOrphans(mark: ProcessMark): Promise<void> {
	const all = await running();
	const leader = all.find(({ pid }) => pid === mark.pid);
	if (leader && leader.started !== mark.started) return;
	if (all.some(({ group }) => group === mark.pid)) await endGroup(mark.pid);
}

/** Every process of this machine that has not ended; none where the system does not tell. */
async function running(): Promise<readonly Running[]> {
	if (process.platform === 'linux') return runningOnLinux();
	if (process.platform === 'win32') return [];
	const { stdout } = await run('ps', ['-axo', 'pid=,pgid=,stat=,lstart=']);
	return stdout.split('\n').flatMap((line) => {
		const [pid, group, state, ...started] = line.trim().split(/\s+/);
		if (!pid || !group || !state || state.startsWith('Z')) return [];
		return [{ pid: Number(pid), group: Number(group), started: started.join(' ') }];
	});
}

async function runningOnLinux(): Promise<readonly Running[]> {
	const numbers = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
	const stats = await Promise.all(
		numbers.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)),
	);
	return stats.flatMap((stat) => {
		if (stat === null) return [];
		// The name in parentheses may hold anything, so fields are counted from its end (proc(5)).
		const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
		const [state, , group] = fields;
		if (state === 'Z' || state === 'X') return [];
		const started = `${fields[19]}`;
		return [{ pid: Number.parseInt(stat, 10), group: Number(group), started }];
	});
}

const run = promisify(execFile);

import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { GenerationRequest } from '../../protocol/generation.ts';
import { isEnded, type Job } from '../../protocol/jobs.ts';
import {
	connect,
	type Daemon,
	descendants,
	endAllDaemons,
	type Peer,
	type StartOptions,
	startDaemon,
	until,
} from '../daemon/harness.ts';
import { openStudio, type Studio } from '../engines/ltx2/shots.ts';

/** A studio, a daemon that knows nothing yet, and a line to it. */
export type Scene = {
	readonly studio: Studio;
	readonly daemon: Daemon;
	readonly peer: Peer;
	/** Queues a request; gives the job's id. */
	submit(request: GenerationRequest): Promise<string>;
	/** Waits until a job has ended, whichever way. */
	ended(id: string): Promise<Job>;
	/** Does a request to its end, which must be a clip. */
	make(request: GenerationRequest): Promise<Job>;
	close(): Promise<void>;
};

export async function openScene(checkpoint?: string, options?: StartOptions): Promise<Scene> {
	const [studio, daemon] = await Promise.all([openStudio(checkpoint), startDaemon(options)]);
	const peer = await connect(daemon);
	const submit = async (request: GenerationRequest) =>
		(await peer.call('job.submit', { request })).job.id;
	const ended = (id: string) =>
		until(`job ${id} to end`, async () => {
			const { job } = await peer.call('job.get', { jobId: id });
			return isEnded(job.state) ? job : null;
		});
	return {
		studio,
		daemon,
		peer,
		submit,
		ended,
		async make(request) {
			const job = await ended(await submit(request));
			if (job.state === 'done') return job;
			throw new Error(`${job.kind} ended as ${job.state}: ${JSON.stringify(job.problem)}`);
		},
		async close() {
			await peer.close();
			await endAllDaemons();
			await studio.close();
		},
	};
}

/** Every file that jobs could leave: clips, work in progress and previews; what is cached may stay. */
export async function leftBy({ studio, daemon }: Scene): Promise<string[]> {
	const folders = [studio.clips, join(daemon.state, 'work'), join(daemon.state, 'previews')];
	const names = await Promise.all(
		folders.map((folder) => readdir(folder, { recursive: true }).catch(() => [])),
	);
	return names.flat().sort();
}

/** The engine's process; null when there is none. */
export function engineOf(daemon: Daemon): number | null {
	return descendants(daemon).find((pid) => commandOf(pid).includes('engine.mjs')) ?? null;
}

/** What descends from a daemon beside the engine: programs that a job has started. */
export function helpersOf(daemon: Daemon): string[] {
	return descendants(daemon)
		.map(commandOf)
		.filter((command) => command !== '' && !command.includes('engine.mjs'));
}

/** Bytes of memory that are a process's own (Linux: resident and not of a file). */
export function memoryOf(pid: number): number {
	const found = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
	if (!found) throw new Error(`Expected process ${pid} to tell its memory`);
	return Number(found[1]) * 1024;
}

/** Descriptors that a process holds open. */
export function openFilesOf(pid: number): number {
	return readdirSync(`/proc/${pid}/fd`).length;
}

function commandOf(pid: number): string {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
	} catch {
		return '';
	}
}

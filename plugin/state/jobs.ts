import type { Job, JobEvent } from '../../protocol/jobs.ts';
import type { Landing } from '../../protocol/landings.ts';

export type Jobs = ReadonlyMap<string, Job>;

/** The jobs after an event; the same map where it tells nothing new. */
export function applyEvent(jobs: Jobs, event: JobEvent): Jobs {
	if (event.kind === 'accepted') return withJob(jobs, event.job);
	const job = jobs.get(event.jobId);
	if (!job) return jobs;
	const changed = changedBy(job, event);
	return changed === job ? jobs : withJob(jobs, changed);
}

export function withJobs(jobs: Jobs, more: readonly Job[]): Jobs {
	const all = new Map(jobs);
	for (const job of more) all.set(job.id, job);
	return all;
}

/** The jobs with the places in the queue that the listed ones have. */
export function withPositions(jobs: Jobs, listed: readonly Job[]): Jobs {
	const moved = listed.flatMap(({ id, position, priority }) => {
		const job = jobs.get(id);
		const isSame = job?.position === position && job.priority === priority;
		return job?.state === 'queued' && !isSame ? [{ ...job, position, priority }] : [];
	});
	return moved.length > 0 ? withJobs(jobs, moved) : jobs;
}

function withJob(jobs: Jobs, job: Job): Jobs {
	return withJobs(jobs, [job]);
}

function changedBy(job: Job, event: Exclude<JobEvent, { kind: 'accepted' }>): Job {
	const { at } = event;
	switch (event.kind) {
		case 'moved':
			return { ...job, priority: event.priority };
		case 'started':
			return {
				...job,
				state: 'running',
				attempt: event.attempt,
				startedAt: at,
				position: null,
				progress: 0,
				phase: 'starting',
				pause: null,
				pausedFor: 0,
			};
		case 'progress':
			return { ...job, progress: event.progress, phase: event.phase };
		case 'paused':
			return { ...job, pause: event.pause };
		case 'resumed':
			return { ...job, pause: null, pausedFor: event.pausedFor };
		case 'preview':
			return job;
		case 'done':
			return {
				...job,
				state: 'done',
				pause: null,
				progress: 1,
				phase: 'done',
				clip: event.clip,
				endedAt: at,
				position: null,
				problem: null,
			};
		case 'failed':
			return {
				...job,
				state: 'failed',
				pause: null,
				problem: event.problem,
				endedAt: at,
				position: null,
			};
		case 'cancelled':
			return { ...job, state: 'cancelled', pause: null, endedAt: at, position: null };
		case 'landing':
			return { ...job, landings: withLanding(job.landings, event.landing) };
		case 'marked':
			return {
				...job,
				starred: event.starred,
				deleted: event.deleted,
				trashed: event.trashed,
			};
		case 'requeued':
			return {
				...job,
				state: 'queued',
				pause: null,
				problem: null,
				endedAt: null,
				progress: 0,
				phase: '',
			};
		case 'clip-moved':
			return { ...job, clip: event.clip };
	}
}

function withLanding(landings: readonly Landing[], landing: Landing): readonly Landing[] {
	const at = landings.findIndex(({ id }) => id === landing.id);
	return at < 0
		? [...landings, landing]
		: landings.map((known, index) => (index === at ? landing : known));
}

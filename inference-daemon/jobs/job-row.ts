import type { Problem } from '../../protocol/errors.ts';
import type { Plan } from '../../protocol/generation.ts';
import type { Clip, Job, JobState, Pause } from '../../protocol/jobs.ts';
import type { Landing } from '../../protocol/landings.ts';

/** A row of the table `jobs`. */
export type JobRow = {
	id: string;
	kind: Job['kind'];
	prompt: string;
	state: JobState;
	priority: number;
	rank: number;
	progress: number;
	phase: string;
	attempt: number;
	crashes: number;
	cancel_wanted: number;
	request: string;
	fingerprint: string;
	plan: string;
	clip_path: string;
	clip: string | null;
	clip_size: number | null;
	clip_modified: number | null;
	problem: string | null;
	created_at: string;
	ended_at: string | null;
	started_at?: string | null;
	shot?: string | null;
	take?: number | null;
	starred?: number;
	deleted?: number;
	trashed?: number;
	pause?: string | null;
	paused_for?: number;
};

/** What everybody may see of it. `position` is its place in the queue, null when not queued. */
export function toJob(row: JobRow, position: number | null, landings: readonly Landing[]): Job {
	const { shot = null, take = null } = row;
	return {
		id: row.id,
		kind: row.kind,
		prompt: row.prompt,
		state: row.state,
		priority: row.priority,
		position,
		progress: row.progress,
		phase: row.phase,
		attempt: row.attempt,
		plan: JSON.parse(row.plan) as Plan,
		clip: row.clip === null ? null : (JSON.parse(row.clip) as Clip),
		problem: row.problem === null ? null : (JSON.parse(row.problem) as Problem),
		createdAt: row.created_at,
		startedAt: row.started_at ?? null,
		endedAt: row.ended_at,
		pause: row.pause ? (JSON.parse(row.pause) as Pause) : null,
		pausedFor: row.paused_for ?? 0,
		takeOf: shot === null || take === null ? null : { shot, take },
		landings,
		starred: row.starred === 1,
		deleted: row.deleted === 1,
		trashed: row.trashed === 1,
	};
}

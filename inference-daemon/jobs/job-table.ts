import { PickupError } from '../../protocol/errors.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import { type Job, type JobState, jobStateSchema } from '../../protocol/jobs.ts';
import type { Store } from './database.ts';
import { type JobRow, toJob } from './job-row.ts';
import { LandingLog } from './landing-log.ts';

/** What the daemon keeps of a job beside what everybody sees. */
export type JobRecord = {
	readonly job: Job;
	readonly request: GenerationRequest;
	readonly clipPath: string;
	/** Daemons that ended without saying so while this job ran. */
	readonly crashes: number;
	/** Somebody was told that the job is being cancelled. */
	readonly cancelWanted: boolean;
	/** Of the clip that is being given its name, or has it. */
	readonly mark: FileMark | null;
};

/** A finished file as it was when its job was done. */
export type FileMark = { readonly size: number; readonly modified: number };

export type FinishedFile = { readonly id: string; readonly path: string; readonly mark: FileMark };

/** The row is of a job among those ids, given as JSON. */
const UNWRITTEN = 'id IN (SELECT value FROM json_each(?))';

/** Jobs as they are, whether the disk had room for all of it or not: what is read of them. */
export class JobTable {
	protected readonly store: Store;
	readonly landings: LandingLog;
	/** When jobs were cancelled whose end there was no room to write down yet. */
	protected readonly unwritten = new Map<string, string>();
	/** Running jobs that are to be cancelled, where that could not be written down. */
	protected readonly wanted = new Set<string>();

	constructor(store: Store) {
		this.store = store;
		this.landings = new LandingLog(store);
	}

	/** The job that does this request; an error when the id stands for a different one. */
	known(request: GenerationRequest, fingerprint: string): Job | PickupError | null {
		const row = this.store.row('SELECT fingerprint FROM jobs WHERE id = ?', request.id);
		if (!row) return null;
		if ((row as JobRow).fingerprint === fingerprint) return this.job(request.id);
		return new PickupError(
			'request-id-reused',
			`Expected a new id for a new request, got ${request.id} of another one`,
			{ field: 'request.id' },
		);
	}

	find(id: string): Job | null {
		const row = this.store.row('SELECT * FROM jobs WHERE id = ?', id) as JobRow | undefined;
		return row ? this.#job(row) : null;
	}

	/** Throws `no-such-job`. */
	job(id: string): Job {
		return this.#job(this.jobRow(id));
	}

	/** Whether a job may get another turn: unasked, or because somebody retries it. */
	mayRun(id: string): boolean {
		const state = this.find(id)?.state;
		return state === 'queued' || state === 'running' || state === 'failed';
	}

	/** Throws `no-such-job`. */
	record(id: string): JobRecord {
		return this.#record(this.jobRow(id));
	}

	/** Newest first. */
	jobs(states: readonly JobState[] = jobStateSchema.options, limit: number): readonly Job[] {
		const rows = this.store.rows(
			`SELECT * FROM jobs WHERE state IN (SELECT value FROM json_each(?)) OR ${UNWRITTEN}
				ORDER BY rowid DESC LIMIT ?`,
			...[JSON.stringify(states), this.#unwrittenIds(), limit],
		) as JobRow[];
		const queue = this.store.rows(
			"SELECT id FROM jobs WHERE state = 'queued' ORDER BY priority DESC, rank",
		) as { id: string }[];
		const waiting = queue.filter(({ id }) => !this.unwritten.has(id));
		const positions = new Map(waiting.map(({ id }, position) => [id, position]));
		const landings = this.landings.ofJobs(rows.map(({ id }) => id));
		return rows
			.map((row) => {
				const position = positions.get(row.id) ?? null;
				return toJob(this.#now(row), position, landings.get(row.id) ?? []);
			})
			.filter(({ state }) => states.includes(state));
	}

	/** Of one press: its draft, if any, then its takes. */
	ofShot(shot: string): readonly Job[] {
		const rows = this.store.rows('SELECT * FROM jobs WHERE shot = ? ORDER BY take', shot);
		return (rows as JobRow[]).map((row) => this.#job(row));
	}

	/** Jobs whose clips were wanted in a project, and the other takes of their presses. */
	ofProject(program: string, project: string): readonly Job[] {
		const rows = this.store.rows(
			`WITH wanted AS (SELECT jobs.id, shot FROM jobs JOIN landings ON landings.job = jobs.id
				WHERE json_extract(body, '$.destination.program') = ?
				AND json_extract(body, '$.destination.project.id') = ?)
			SELECT * FROM jobs WHERE id IN (SELECT id FROM wanted)
				OR shot IN (SELECT shot FROM wanted)`,
			...[program, project],
		);
		return (rows as JobRow[]).map((row) => this.#job(row));
	}

	/** The last finished ones of an engine, newest first. */
	lastDone(engine: string, most: number): readonly Job[] {
		const rows = this.store.rows(
			`SELECT * FROM jobs WHERE state = 'done' AND started_at IS NOT NULL
				AND json_extract(plan, '$.engine') = ? ORDER BY ended_at DESC LIMIT ?`,
			...[engine, most],
		) as JobRow[];
		return rows.map((row) => this.#job(row));
	}

	/** The job whose turn it is. */
	next(): JobRecord | null {
		const row = this.store.row(
			`SELECT * FROM jobs WHERE state = 'queued' AND NOT ${UNWRITTEN}
				ORDER BY priority DESC, rank LIMIT 1`,
			this.#unwrittenIds(),
		) as JobRow | undefined;
		return row ? this.#record(row) : null;
	}

	running(): readonly JobRecord[] {
		const rows = this.store.rows("SELECT * FROM jobs WHERE state = 'running'") as JobRow[];
		return rows.map((row) => this.#record(row));
	}

	/** Where the finished clip of a job stands and how it was when it was finished, or null. */
	finished(id: string): FinishedFile | null {
		const row = this.store.row("SELECT * FROM jobs WHERE id = ? AND state = 'done'", id) as
			| JobRow
			| undefined;
		const mark = row ? markIn(row) : null;
		return row && mark ? { id: row.id, path: row.clip_path, mark } : null;
	}

	#unwrittenIds(): string {
		return JSON.stringify([...this.unwritten.keys()]);
	}

	/** A row as it is, written down or not. */
	#now(row: JobRow): JobRow {
		const ended_at = this.unwritten.get(row.id);
		return ended_at === undefined ? row : { ...row, state: 'cancelled', pause: null, ended_at };
	}

	#job(stored: JobRow): Job {
		const row = this.#now(stored);
		const position = row.state === 'queued' ? this.ahead(row.priority, row.rank) : null;
		return toJob(row, position, this.landings.ofJob(row.id));
	}

	/** How many queued jobs have their turn before one of this priority and rank. */
	protected ahead(priority: number, rank: number): number {
		return this.store.number(
			`SELECT count(*) AS n FROM jobs WHERE state = 'queued'
				AND (priority > ? OR (priority = ? AND rank < ?))`,
			...[priority, priority, rank],
		);
	}

	#record(row: JobRow): JobRecord {
		return {
			job: this.#job(row),
			request: JSON.parse(row.request) as GenerationRequest,
			clipPath: row.clip_path,
			crashes: row.crashes,
			cancelWanted: row.cancel_wanted === 1 || this.wanted.has(row.id),
			mark: markIn(row),
		};
	}

	protected jobRow(id: string): JobRow {
		const row = this.store.row('SELECT * FROM jobs WHERE id = ?', id);
		if (row) return row as JobRow;
		throw new PickupError('no-such-job', `Expected the id of a job, got ${id}`, { field: 'jobId' });
	}

	protected lastTake(shot: string): number {
		return this.store.number('SELECT max(take) AS n FROM jobs WHERE shot = ?', shot);
	}

	protected lastRank(): number {
		return this.store.number('SELECT max(rank) AS n FROM jobs');
	}
}

function markIn({ clip_size, clip_modified }: JobRow): FileMark | null {
	if (clip_size === null || clip_modified === null) return null;
	return { size: clip_size, modified: clip_modified };
}

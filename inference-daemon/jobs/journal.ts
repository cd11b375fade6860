import type Database from 'libsql';
import { PickupError, type Problem } from '../../protocol/errors.ts';
import type { GenerationRequest, Plan } from '../../protocol/generation.ts';
import type { Clip, Job, JobEvent, JobState } from '../../protocol/jobs.ts';
import { openDatabase, sqliteCode } from './database.ts';
import { type JobRow, toJob } from './job-row.ts';
import type { ProcessMark } from './processes.ts';

/** A request that has been checked and planned, ready to be journaled. */
export type Submission = {
	readonly request: GenerationRequest;
	/** Equal for equal requests. */
	readonly fingerprint: string;
	readonly priority: number;
	readonly plan: Plan;
	readonly clipPath: string;
};

/** What the daemon keeps of a job beside what everybody sees. */
export type JobRecord = {
	readonly job: Job;
	readonly request: GenerationRequest;
	readonly clipPath: string;
	/** Daemons that ended without saying so while this job ran. */
	readonly crashes: number;
	/** Somebody was told that the job is being cancelled. */
	readonly cancelWanted: boolean;
};

/** A finished file as it was when its job was done. */
export type FileMark = { readonly size: number; readonly modified: number };

export type FinishedFile = { readonly id: string; readonly path: string; readonly mark: FileMark };

type EventBody = JobEvent extends infer E
	? E extends JobEvent
		? Omit<E, 'seq' | 'at'>
		: E
	: never;
type Emit = (body: EventBody) => void;

/**
 * Jobs and their events on disk. Every change is one transaction together with its events, and is
 * durable when the method returns; listeners hear of the events after that, in order. A job's
 * state changes here and nowhere else.
 */
export class Journal {
	readonly #database: Database.Database;
	readonly #statements = new Map<string, Database.Statement<unknown[]>>();
	readonly #listeners = new Set<(events: readonly JobEvent[]) => void>();
	readonly #eventsKept: number;
	#lastEvent: number;
	#firstEvent: number;

	/** Throws `state-locked` when another process has the file. */
	constructor(path: string, options: { readonly eventsKept: number }) {
		this.#database = openDatabase(path);
		this.#eventsKept = options.eventsKept;
		this.#lastEvent = this.#number("SELECT seq AS n FROM sqlite_sequence WHERE name = 'events'");
		this.#firstEvent = this.#number('SELECT min(seq) AS n FROM events') || this.#lastEvent + 1;
	}

	get lastEvent(): number {
		return this.#lastEvent;
	}

	onEvents(listener: (events: readonly JobEvent[]) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/** Journals all of them in one go. An id that is there already is not journaled again. */
	accept(submissions: readonly Submission[]): readonly (Job | PickupError)[] {
		return this.#change((emit) =>
			submissions.map((submission) => {
				const known = this.known(submission.request, submission.fingerprint);
				if (known) return known;
				const { request, plan, priority, fingerprint, clipPath } = submission;
				this.#run(
					`INSERT INTO jobs (id, kind, prompt, state, priority, rank, request, fingerprint, plan,
						clip_path, created_at) VALUES (?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?)`,
					request.id,
					request.kind,
					request.prompt.slice(0, 500),
					priority,
					this.#lastRank() + 1,
					JSON.stringify(request),
					fingerprint,
					JSON.stringify(plan),
					clipPath,
					now(),
				);
				const job = this.job(request.id);
				emit({ kind: 'accepted', jobId: job.id, job });
				return job;
			}),
		);
	}

	/** The job that does this request; an error when the id stands for a different one. */
	known(request: GenerationRequest, fingerprint: string): Job | PickupError | null {
		const row = this.#row('SELECT * FROM jobs WHERE id = ?', request.id) as JobRow | undefined;
		if (!row) return null;
		if (row.fingerprint === fingerprint) return this.#job(row);
		return new PickupError(
			'request-id-reused',
			`Expected a new id for a new request, got ${request.id} of another one`,
			{ field: 'request.id' },
		);
	}

	find(id: string): Job | null {
		const row = this.#row('SELECT * FROM jobs WHERE id = ?', id) as JobRow | undefined;
		return row ? this.#job(row) : null;
	}

	/** Throws `no-such-job`. */
	job(id: string): Job {
		return this.#job(this.#jobRow(id));
	}

	/** Throws `no-such-job`. */
	record(id: string): JobRecord {
		return this.#record(this.#jobRow(id));
	}

	/** Newest first. */
	jobs(states: readonly JobState[] | undefined, limit: number): readonly Job[] {
		const rows = this.#rows(
			`SELECT * FROM jobs WHERE ${states ? 'state IN (SELECT value FROM json_each(?))' : '1 = ?'}
				ORDER BY rowid DESC LIMIT ?`,
			states ? JSON.stringify(states) : 1,
			limit,
		) as JobRow[];
		const queue = this.#rows(
			"SELECT id FROM jobs WHERE state = 'queued' ORDER BY priority DESC, rank",
		) as { id: string }[];
		const positions = new Map(queue.map(({ id }, position) => [id, position]));
		return rows.map((row) => toJob(row, positions.get(row.id) ?? null));
	}

	/** The job whose turn it is. */
	next(): JobRecord | null {
		const row = this.#row(
			"SELECT * FROM jobs WHERE state = 'queued' ORDER BY priority DESC, rank LIMIT 1",
		) as JobRow | undefined;
		return row ? this.#record(row) : null;
	}

	running(): readonly JobRecord[] {
		const rows = this.#rows("SELECT * FROM jobs WHERE state = 'running'") as JobRow[];
		return rows.map((row) => this.#record(row));
	}

	/** Where the finished clip of a job stands and how it was when it was finished, or null. */
	finished(id: string): FinishedFile | null {
		const row = this.#row("SELECT * FROM jobs WHERE id = ? AND state = 'done'", id) as
			| JobRow
			| undefined;
		if (row?.clip_size == null || row.clip_modified == null) return null;
		const mark = { size: row.clip_size, modified: row.clip_modified };
		return { id: row.id, path: row.clip_path, mark };
	}

	/** Takes a queued job's turn; returns the number of the attempt. */
	start(id: string): number {
		return this.#change((emit) => {
			this.#run(
				`UPDATE jobs SET state = 'running', attempt = attempt + 1, progress = 0, phase = 'starting',
					cancel_wanted = 0 WHERE id = ?`,
				id,
			);
			const { attempt } = this.#jobRow(id);
			emit({ kind: 'started', jobId: id, attempt });
			return attempt;
		});
	}

	progress(id: string, progress: number, phase: string): void {
		this.#change((emit) => {
			this.#run('UPDATE jobs SET progress = ?, phase = ? WHERE id = ?', progress, phase, id);
			emit({ kind: 'progress', jobId: id, progress, phase });
		});
	}

	preview(id: string, url: string): void {
		this.#change((emit) => emit({ kind: 'preview', jobId: id, url }));
	}

	done(id: string, clip: Clip, mark: FileMark): void {
		this.#change((emit) => {
			this.#run(
				`UPDATE jobs SET state = 'done', progress = 1, phase = 'done', clip = ?, clip_size = ?,
					clip_modified = ?, ended_at = ? WHERE id = ?`,
				JSON.stringify(clip),
				mark.size,
				mark.modified,
				now(),
				id,
			);
			emit({ kind: 'done', jobId: id, clip });
		});
	}

	failed(id: string, problem: Problem): void {
		this.#change((emit) => {
			this.#run(
				"UPDATE jobs SET state = 'failed', problem = ?, ended_at = ? WHERE id = ?",
				JSON.stringify(problem),
				now(),
				id,
			);
			emit({ kind: 'failed', jobId: id, problem });
		});
	}

	cancelled(id: string): void {
		this.#change((emit) => {
			this.#run("UPDATE jobs SET state = 'cancelled', ended_at = ? WHERE id = ?", now(), id);
			emit({ kind: 'cancelled', jobId: id });
		});
	}

	/** Notes before anybody is told so that a running job is to be cancelled, come what may. */
	wantCancel(id: string): void {
		this.#change(() => this.#run('UPDATE jobs SET cancel_wanted = 1 WHERE id = ?', id));
	}

	/** Puts a job that was running back to its place in the queue. */
	requeue(id: string, reason: string, options: { readonly crashed: boolean }): void {
		this.#change((emit) => {
			this.#run(
				`UPDATE jobs SET state = 'queued', progress = 0, phase = '', crashes = crashes + ?
					WHERE id = ?`,
				options.crashed ? 1 : 0,
				id,
			);
			emit({ kind: 'requeued', jobId: id, reason });
		});
	}

	/** Puts an ended job behind the others of its priority. */
	retry(id: string): void {
		this.#change((emit) => {
			this.#run(
				`UPDATE jobs SET state = 'queued', progress = 0, phase = '', crashes = 0, cancel_wanted = 0,
					problem = NULL, ended_at = NULL, rank = ? WHERE id = ?`,
				this.#lastRank() + 1,
				id,
			);
			emit({ kind: 'requeued', jobId: id, reason: 'asked for again' });
		});
	}

	prioritise(id: string, priority: number): void {
		this.#change((emit) => {
			this.#run('UPDATE jobs SET priority = ? WHERE id = ?', priority, id);
			emit({ kind: 'moved', jobId: id, priority });
		});
	}

	/** Right before another queued job, whose priority it takes on, or last of all (null). */
	move(id: string, before: string | null): void {
		this.#change((emit) => {
			const lowest = "SELECT min(priority) AS n FROM jobs WHERE state = 'queued'";
			let priority = this.#number(lowest);
			let rank = this.#lastRank() + 1;
			if (before !== null) {
				({ priority, rank } = this.#jobRow(before));
				this.#run("UPDATE jobs SET rank = rank + 1 WHERE state = 'queued' AND rank >= ?", rank);
			}
			this.#run('UPDATE jobs SET priority = ?, rank = ? WHERE id = ?', priority, rank, id);
			emit({ kind: 'moved', jobId: id, priority });
		});
	}

	/** Every event after a number. Throws `events-gone` with the number to go on from. */
	eventsAfter(after: number): readonly JobEvent[] {
		if (after < this.#firstEvent - 1 || after > this.#lastEvent) {
			throw new PickupError(
				'events-gone',
				`Expected a number from ${this.#firstEvent - 1} to ${this.#lastEvent}, got ${after}: ` +
					`list the jobs and go on from ${this.#lastEvent}`,
				{ field: 'after' },
			);
		}
		const rows = this.#rows('SELECT seq, body FROM events WHERE seq > ? ORDER BY seq', after);
		return (rows as { seq: number; body: string }[]).map(
			({ seq, body }) => ({ ...JSON.parse(body), seq }) as JobEvent,
		);
	}

	/** Remembers the engine's process, so that the next daemon can end what this one could not. */
	rememberEngine(mark: ProcessMark | null): void {
		this.#change(() => {
			this.#run('DELETE FROM engine_process');
			if (!mark) return;
			this.#run('INSERT INTO engine_process (pid, started) VALUES (?, ?)', mark.pid, mark.started);
		});
	}

	rememberedEngine(): ProcessMark | null {
		const row = this.#row('SELECT pid, started FROM engine_process') as ProcessMark | undefined;
		return row ? { pid: row.pid, started: row.started } : null;
	}

	close(): void {
		this.#listeners.clear();
		this.#statements.clear();
		this.#database.close();
	}

	#change<T>(change: (emit: Emit) => T): T {
		const events: JobEvent[] = [];
		const before = { first: this.#firstEvent, last: this.#lastEvent };
		this.#database.exec('BEGIN IMMEDIATE');
		let result: T;
		try {
			result = change((body) => {
				const stamped = { ...body, at: now() };
				this.#run('INSERT INTO events (body) VALUES (?)', JSON.stringify(stamped));
				this.#lastEvent += 1;
				events.push({ ...stamped, seq: this.#lastEvent } as JobEvent);
			});
			this.#forgetOldEvents();
			this.#database.exec('COMMIT');
		} catch (error) {
			this.#firstEvent = before.first;
			this.#lastEvent = before.last;
			if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
			throw sqliteCode(error) === 'SQLITE_FULL' ? diskFull(error) : error;
		}
		if (events.length > 0) for (const listener of this.#listeners) listener(events);
		return result;
	}

	/** A tenth more than are kept may stand, so that this is rarely done. */
	#forgetOldEvents(): void {
		const standing = this.#lastEvent - this.#firstEvent + 1;
		if (standing <= this.#eventsKept * 1.1) return;
		this.#firstEvent = this.#lastEvent - this.#eventsKept + 1;
		this.#run('DELETE FROM events WHERE seq < ?', this.#firstEvent);
	}

	#job(row: JobRow): Job {
		if (row.state !== 'queued') return toJob(row, null);
		const ahead = this.#number(
			`SELECT count(*) AS n FROM jobs WHERE state = 'queued'
				AND (priority > ? OR (priority = ? AND rank < ?))`,
			row.priority,
			row.priority,
			row.rank,
		);
		return toJob(row, ahead);
	}

	#record(row: JobRow): JobRecord {
		return {
			job: this.#job(row),
			request: JSON.parse(row.request) as GenerationRequest,
			clipPath: row.clip_path,
			crashes: row.crashes,
			cancelWanted: row.cancel_wanted === 1,
		};
	}

	#jobRow(id: string): JobRow {
		const row = this.#row('SELECT * FROM jobs WHERE id = ?', id);
		if (row) return row as JobRow;
		throw new PickupError('no-such-job', `Expected the id of a job, got ${id}`, { field: 'jobId' });
	}

	#lastRank(): number {
		return this.#number('SELECT max(rank) AS n FROM jobs');
	}

	#number(sql: string, ...values: unknown[]): number {
		return (this.#row(sql, ...values) as { n: number | null } | undefined)?.n ?? 0;
	}

	#row(sql: string, ...values: unknown[]): unknown {
		return this.#statement(sql).get(...values);
	}

	#rows(sql: string, ...values: unknown[]): unknown[] {
		return this.#statement(sql).all(...values);
	}

	#run(sql: string, ...values: unknown[]): void {
		this.#statement(sql).run(...values);
	}

	#statement(sql: string): Database.Statement<unknown[]> {
		let statement = this.#statements.get(sql);
		if (!statement) {
			statement = this.#database.prepare<unknown[]>(sql);
			this.#statements.set(sql, statement);
		}
		return statement;
	}
}

function now(): string {
	return new Date().toISOString();
}

function diskFull(cause: unknown): PickupError {
	return new PickupError('disk-full', 'No space is left on the disk of the state folder', {
		cause,
	});
}

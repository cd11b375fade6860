import { PickupError, type Problem } from '../../protocol/errors.ts';
import type { GenerationRequest, Plan } from '../../protocol/generation.ts';
import {
	type Clip,
	type Job,
	type JobEvent,
	type JobState,
	jobStateSchema,
} from '../../protocol/jobs.ts';
import type { Landing } from '../../protocol/landings.ts';
import type { TakeOf } from '../../protocol/shots.ts';
import { Store } from './database.ts';
import { type EventBody, EventLog } from './event-log.ts';
import { type JobRow, toJob } from './job-row.ts';
import { LandingLog } from './landing-log.ts';
import { PanelMemory } from './panel-memory.ts';
import type { ProcessMark } from './processes.ts';

/** A request that has been checked and planned, ready to be journaled. */
export type Submission = {
	readonly request: GenerationRequest;
	/** Equal for equal requests. */
	readonly fingerprint: string;
	readonly priority: number;
	readonly plan: Plan;
	readonly clipPath: string;
	/** The press that it is made for, and where its clip is to land. */
	readonly takeOf?: TakeOf;
	readonly landing?: Landing;
	/** What one more take of a press becomes with its number, which is given when it is journaled. */
	readonly asTake?: (take: number) => Submission;
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
	/** Of the clip that is being given its name, or has it. */
	readonly mark: FileMark | null;
};

/** A finished file as it was when its job was done. */
export type FileMark = { readonly size: number; readonly modified: number };

export type FinishedFile = { readonly id: string; readonly path: string; readonly mark: FileMark };

const MARKS = ['starred', 'deleted', 'trashed'] as const;

type Marks = { readonly [mark in (typeof MARKS)[number]]?: boolean | undefined };

type Emit = (body: EventBody) => void;

/** The row is of a job among those ids, given as JSON. */
const UNWRITTEN = 'id IN (SELECT value FROM json_each(?))';

/** How long until it is seen again whether there is room, in ms. */
const TRY_AGAIN = 1000;

/**
 * Jobs and their events on disk. Every change is one transaction together with its events, and is
 * durable when the method returns; listeners hear of the events after that, in order. A job's
 * state changes here and nowhere else.
 */
export class Journal {
	readonly #store: Store;
	readonly #events: EventLog;
	readonly landings: LandingLog;
	readonly panel: PanelMemory;
	readonly #listeners = new Set<(events: readonly JobEvent[]) => void>();
	/** When jobs were cancelled whose end there was no room to write down yet. */
	readonly #unwritten = new Map<string, string>();
	/** Running jobs that are to be cancelled, where that could not be written down. */
	readonly #wanted = new Set<string>();
	#later: ReturnType<typeof setTimeout> | undefined;

	/** Throws `state-locked` when another process has the file. */
	constructor(path: string, { eventsKept }: { readonly eventsKept: number }) {
		this.#store = new Store(path);
		this.#events = new EventLog(this.#store, eventsKept);
		this.landings = new LandingLog(this.#store);
		this.panel = new PanelMemory(this.#store);
	}

	/** What was found damaged on opening and what became of it, in sentences. */
	get notices(): readonly string[] {
		return this.#store.notices;
	}

	get lastEvent(): number {
		return this.#events.last;
	}

	onEvents(listener: (events: readonly JobEvent[]) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/** Journals all of them in one go. An id that is there already is not journaled again. */
	accept(submissions: readonly Submission[]): readonly (Job | PickupError)[] {
		let latest: Job | undefined;
		return this.#change((emit) =>
			submissions.map((wanted) => {
				const { request, fingerprint, takeOf, asTake } = wanted;
				const known = asTake ? this.find(request.id) : this.known(request, fingerprint);
				if (known) return known;
				const submission = takeOf && asTake ? asTake(this.#lastTake(takeOf.shot) + 1) : wanted;
				const job = this.#insert(submission, latest);
				latest = job;
				emit({ kind: 'accepted', jobId: job.id, job });
				if (submission.landing) this.landings.write(submission.landing);
				return job;
			}),
		);
	}

	/** The job that does this request; an error when the id stands for a different one. */
	known(request: GenerationRequest, fingerprint: string): Job | PickupError | null {
		const row = this.#store.row('SELECT fingerprint FROM jobs WHERE id = ?', request.id);
		if (!row) return null;
		if ((row as JobRow).fingerprint === fingerprint) return this.job(request.id);
		return new PickupError(
			'request-id-reused',
			`Expected a new id for a new request, got ${request.id} of another one`,
			{ field: 'request.id' },
		);
	}

	find(id: string): Job | null {
		const row = this.#store.row('SELECT * FROM jobs WHERE id = ?', id) as JobRow | undefined;
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
	jobs(states: readonly JobState[] = jobStateSchema.options, limit: number): readonly Job[] {
		const rows = this.#store.rows(
			`SELECT * FROM jobs WHERE state IN (SELECT value FROM json_each(?)) OR ${UNWRITTEN}
				ORDER BY rowid DESC LIMIT ?`,
			...[JSON.stringify(states), this.#unwrittenIds(), limit],
		) as JobRow[];
		const queue = this.#store.rows(
			"SELECT id FROM jobs WHERE state = 'queued' ORDER BY priority DESC, rank",
		) as { id: string }[];
		const waiting = queue.filter(({ id }) => !this.#unwritten.has(id));
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
		const rows = this.#store.rows('SELECT * FROM jobs WHERE shot = ? ORDER BY take', shot);
		return (rows as JobRow[]).map((row) => this.#job(row));
	}

	/** Jobs whose clips were wanted in a project, and the other takes of their presses. */
	ofProject(program: string, project: string): readonly Job[] {
		const rows = this.#store.rows(
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
		const rows = this.#store.rows(
			`SELECT * FROM jobs WHERE state = 'done' AND started_at IS NOT NULL
				AND json_extract(plan, '$.engine') = ? ORDER BY ended_at DESC LIMIT ?`,
			...[engine, most],
		) as JobRow[];
		return rows.map((row) => this.#job(row));
	}

	/** The job whose turn it is. */
	next(): JobRecord | null {
		const row = this.#store.row(
			`SELECT * FROM jobs WHERE state = 'queued' AND NOT ${UNWRITTEN}
				ORDER BY priority DESC, rank LIMIT 1`,
			this.#unwrittenIds(),
		) as JobRow | undefined;
		return row ? this.#record(row) : null;
	}

	running(): readonly JobRecord[] {
		const rows = this.#store.rows("SELECT * FROM jobs WHERE state = 'running'") as JobRow[];
		return rows.map((row) => this.#record(row));
	}

	/** Where the finished clip of a job stands and how it was when it was finished, or null. */
	finished(id: string): FinishedFile | null {
		const row = this.#store.row("SELECT * FROM jobs WHERE id = ? AND state = 'done'", id) as
			| JobRow
			| undefined;
		const mark = row ? markIn(row) : null;
		return row && mark ? { id: row.id, path: row.clip_path, mark } : null;
	}

	/** Takes a queued job's turn; returns the number of the attempt. */
	start(id: string): number {
		return this.#change((emit) => {
			this.#store.run(
				`UPDATE jobs SET state = 'running', attempt = attempt + 1, progress = 0, phase = 'starting',
					cancel_wanted = 0, clip_size = NULL, clip_modified = NULL, started_at = ? WHERE id = ?`,
				...[now(), id],
			);
			this.#wanted.delete(id);
			const { attempt } = this.#jobRow(id);
			emit({ kind: 'started', jobId: id, attempt });
			return attempt;
		});
	}

	progress(id: string, progress: number, phase: string): void {
		this.#change((emit) => {
			this.#store.run('UPDATE jobs SET progress = ?, phase = ? WHERE id = ?', progress, phase, id);
			emit({ kind: 'progress', jobId: id, progress, phase });
		});
	}

	preview(id: string): void {
		this.#change((emit) => emit({ kind: 'preview', jobId: id }));
	}

	/** Notes how the clip is before it is given its name: what then has the name is told by it. */
	finishing(id: string, mark: FileMark): void {
		this.#change(() =>
			this.#store.run(
				'UPDATE jobs SET clip_size = ?, clip_modified = ? WHERE id = ?',
				...[mark.size, mark.modified, id],
			),
		);
	}

	done(id: string, clip: Clip, mark: FileMark): void {
		this.#change((emit) => {
			this.#store.run(
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
			this.#store.run(
				"UPDATE jobs SET state = 'failed', problem = ?, ended_at = ? WHERE id = ?",
				JSON.stringify(problem),
				now(),
				id,
			);
			emit({ kind: 'failed', jobId: id, problem });
		});
	}

	/** Where the disk is full the job is cancelled all the same, and it is written down once there is room. */
	cancelled(id: string): void {
		this.#unlessFull(
			() => this.#change((emit) => this.#writeCancelled(emit, id, now())),
			() => {
				this.#unwritten.set(id, now());
				this.#writeLater();
			},
		);
	}

	/** Notes before anybody is told so that a running job is to be cancelled, come what may. */
	wantCancel(id: string): void {
		this.#unlessFull(
			() =>
				this.#change(() => this.#store.run('UPDATE jobs SET cancel_wanted = 1 WHERE id = ?', id)),
			() => this.#wanted.add(id),
		);
	}

	/** Puts a job that was running back to its place in the queue. */
	requeue(id: string, reason: string, options: { readonly crashed: boolean }): void {
		this.#change((emit) => {
			this.#store.run(
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
			this.#store.run(
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
			this.#store.run('UPDATE jobs SET priority = ? WHERE id = ?', priority, id);
			emit({ kind: 'moved', jobId: id, priority });
		});
	}

	/** Right before another queued job, whose priority it takes on, or last of all (null). */
	move(id: string, before: string | null): void {
		this.#change((emit) => {
			const lowest = "SELECT min(priority) AS n FROM jobs WHERE state = 'queued'";
			let priority = this.#store.number(lowest);
			let rank = this.#lastRank() + 1;
			if (before !== null) {
				({ priority, rank } = this.#jobRow(before));
				this.#store.run(
					"UPDATE jobs SET rank = rank + 1 WHERE state = 'queued' AND rank >= ?",
					rank,
				);
			}
			this.#store.run('UPDATE jobs SET priority = ?, rank = ? WHERE id = ?', priority, rank, id);
			emit({ kind: 'moved', jobId: id, priority });
		});
	}

	/** Writes down where clips stand, or are to stand: all of it or nothing. */
	land(...landings: readonly Landing[]): void {
		this.#change((emit) => {
			for (const landing of landings) {
				this.landings.write(landing);
				emit({ kind: 'landing', jobId: landing.jobId, landing });
			}
		});
	}

	/** The clip of a finished job stands elsewhere now. */
	moved(id: string, clip: Clip, mark: FileMark): void {
		this.#change((emit) => {
			this.#store.run(
				'UPDATE jobs SET clip = ?, clip_path = ?, clip_size = ?, clip_modified = ? WHERE id = ?',
				...[JSON.stringify(clip), clip.path, mark.size, mark.modified, id],
			);
			emit({ kind: 'clip-moved', jobId: id, clip });
		});
	}

	/** What is absent stays as it is. Throws `no-such-job`. */
	mark(ids: readonly string[], wanted: Marks): void {
		this.#change((emit) => {
			for (const id of ids) {
				const { id: jobId, ...before } = this.job(id);
				const marks = {
					starred: wanted.starred ?? before.starred,
					deleted: wanted.deleted ?? before.deleted,
					trashed: wanted.trashed ?? before.trashed,
				};
				const changed = MARKS.filter((mark) => marks[mark] !== before[mark]);
				if (changed.length === 0) continue;
				for (const mark of changed) {
					this.#store.run(`UPDATE jobs SET ${mark} = ? WHERE id = ?`, marks[mark] ? 1 : 0, jobId);
				}
				emit({ kind: 'marked', jobId, ...marks });
			}
		});
	}

	/** The events after a number, the first `most` of them. Throws `events-gone` with the number to go on from. */
	eventsAfter(after: number, most = Number.MAX_SAFE_INTEGER): readonly JobEvent[] {
		return this.#events.after(after, most);
	}

	/** Remembers the engine's process, so that the next daemon can end what this one could not. */
	rememberEngine(mark: ProcessMark | null): void {
		this.#change(() => {
			this.#store.run('DELETE FROM engine_process');
			if (!mark) return;
			this.#store.run(
				'INSERT INTO engine_process (pid, started) VALUES (?, ?)',
				mark.pid,
				mark.started,
			);
		});
	}

	rememberedEngine(): ProcessMark | null {
		const row = this.#store.row('SELECT pid, started FROM engine_process') as
			| ProcessMark
			| undefined;
		return row ? { pid: row.pid, started: row.started } : null;
	}

	/** False once somebody has deleted the file, or put another in its place. */
	isThere(): boolean {
		return this.#store.isThere();
	}

	close(): void {
		clearTimeout(this.#later);
		this.#listeners.clear();
		this.#store.close();
	}

	#unlessFull(work: () => void, otherwise: () => void): void {
		try {
			work();
		} catch (error) {
			if (!(error instanceof PickupError && error.code === 'disk-full')) throw error;
			otherwise();
		}
	}

	#writeCancelled(emit: Emit, id: string, at: string): void {
		this.#store.run("UPDATE jobs SET state = 'cancelled', ended_at = ? WHERE id = ?", at, id);
		emit({ kind: 'cancelled', jobId: id });
	}

	/** Any change that there is room for writes them down too. */
	#writeLater(): void {
		clearTimeout(this.#later);
		this.#later = setTimeout(() => {
			try {
				this.#change(() => {});
			} catch {
				this.#writeLater();
			}
		}, TRY_AGAIN).unref();
	}

	#unwrittenIds(): string {
		return JSON.stringify([...this.#unwritten.keys()]);
	}

	/** A row as it is, written down or not. */
	#now(row: JobRow): JobRow {
		const ended_at = this.#unwritten.get(row.id);
		return ended_at === undefined ? row : { ...row, state: 'cancelled', ended_at };
	}

	#change<T>(change: (emit: Emit) => T): T {
		const events: JobEvent[] = [];
		const before = this.#events.mark();
		let result: T;
		try {
			const emit: Emit = (body) => void events.push(this.#events.append(body));
			result = this.#store.transaction(() => {
				for (const [id, at] of this.#unwritten) this.#writeCancelled(emit, id, at);
				return change(emit);
			});
			this.#unwritten.clear();
		} catch (error) {
			this.#events.restore(before);
			throw error;
		}
		if (events.length > 0) for (const listener of this.#listeners) listener(events);
		return result;
	}

	/** `latest` is the job that was inserted just before, which saves counting the queue again. */
	#insert(submission: Submission, latest: Job | undefined): Job {
		const { request, plan, priority, fingerprint, clipPath, takeOf, landing } = submission;
		const { id, kind } = request;
		const prompt = request.prompt.slice(0, 500);
		const createdAt = now();
		const rank = this.#lastRank() + 1;
		this.#store.run(
			`INSERT INTO jobs (id, kind, prompt, state, priority, rank, request, fingerprint, plan,
				clip_path, created_at, shot, take)
				VALUES (?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			...[id, kind, prompt, priority, rank, JSON.stringify(request), fingerprint],
			...[JSON.stringify(plan), clipPath, createdAt, takeOf?.shot ?? null, takeOf?.take ?? null],
		);
		const position =
			latest?.priority === priority ? Number(latest.position) + 1 : this.#ahead(priority, rank);
		return {
			id,
			kind,
			prompt,
			state: 'queued',
			priority,
			position,
			progress: 0,
			phase: '',
			attempt: 0,
			plan,
			clip: null,
			problem: null,
			createdAt,
			startedAt: null,
			endedAt: null,
			takeOf: takeOf ?? null,
			landings: landing ? [landing] : [],
			starred: false,
			deleted: false,
			trashed: false,
		};
	}

	#job(stored: JobRow): Job {
		const row = this.#now(stored);
		const position = row.state === 'queued' ? this.#ahead(row.priority, row.rank) : null;
		return toJob(row, position, this.landings.ofJob(row.id));
	}

	/** How many queued jobs have their turn before one of this priority and rank. */
	#ahead(priority: number, rank: number): number {
		return this.#store.number(
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
			cancelWanted: row.cancel_wanted === 1 || this.#wanted.has(row.id),
			mark: markIn(row),
		};
	}

	#jobRow(id: string): JobRow {
		const row = this.#store.row('SELECT * FROM jobs WHERE id = ?', id);
		if (row) return row as JobRow;
		throw new PickupError('no-such-job', `Expected the id of a job, got ${id}`, { field: 'jobId' });
	}

	#lastTake(shot: string): number {
		return this.#store.number('SELECT max(take) AS n FROM jobs WHERE shot = ?', shot);
	}

	#lastRank(): number {
		return this.#store.number('SELECT max(rank) AS n FROM jobs');
	}
}

function markIn({ clip_size, clip_modified }: JobRow): FileMark | null {
	if (clip_size === null || clip_modified === null) return null;
	return { size: clip_size, modified: clip_modified };
}

function now(): string {
	return new Date().toISOString();
}

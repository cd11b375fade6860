import { PickupError, type Problem } from '../../protocol/errors.ts';
import type { GenerationRequest, Plan } from '../../protocol/generation.ts';
import type { Clip, Job, JobEvent, PauseReason } from '../../protocol/jobs.ts';
import type { Landing } from '../../protocol/landings.ts';
import type { TakeOf } from '../../protocol/shots.ts';
import { Store } from './database.ts';
import { type EventBody, EventLog } from './event-log.ts';
import { type FileMark, JobTable } from './job-table.ts';
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

const MARKS = ['starred', 'deleted', 'trashed'] as const;

type Marks = { readonly [mark in (typeof MARKS)[number]]?: boolean | undefined };

type Emit = (body: EventBody) => void;

/** How long until it is seen again whether there is room, in ms. */
const TRY_AGAIN = 1000;

/**
 * Jobs and their events on disk. Every change is one transaction together with its events, and is
 * durable when the method returns; listeners hear of the events after that, in order. A job's
 * state changes here and nowhere else.
 */
export class Journal extends JobTable {
	readonly #events: EventLog;
	readonly panel: PanelMemory;
	readonly #listeners = new Set<(events: readonly JobEvent[]) => void>();
	#later: ReturnType<typeof setTimeout> | undefined;

	/** Throws `state-locked` when another process has the file. */
	constructor(path: string, { eventsKept }: { readonly eventsKept: number }) {
		super(new Store(path));
		this.#events = new EventLog(this.store, eventsKept);
		this.panel = new PanelMemory(this.store);
	}

	/** What was found damaged on opening and what became of it, in sentences. */
	get notices(): readonly string[] {
		return this.store.notices;
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
				const submission = takeOf && asTake ? asTake(this.lastTake(takeOf.shot) + 1) : wanted;
				const job = this.#insert(submission, latest);
				latest = job;
				emit({ kind: 'accepted', jobId: job.id, job });
				if (submission.landing) this.landings.write(submission.landing);
				return job;
			}),
		);
	}

	/** Takes a queued job's turn; returns the number of the attempt. */
	start(id: string): number {
		return this.#change((emit) => {
			this.store.run(
				`UPDATE jobs SET state = 'running', attempt = attempt + 1, progress = 0, phase = 'starting',
					cancel_wanted = 0, clip_size = NULL, clip_modified = NULL, started_at = ?, pause = NULL,
					paused_for = 0 WHERE id = ?`,
				...[now(), id],
			);
			this.wanted.delete(id);
			const { attempt } = this.jobRow(id);
			emit({ kind: 'started', jobId: id, attempt });
			return attempt;
		});
	}

	progress(id: string, progress: number, phase: string): void {
		this.#change((emit) => {
			this.store.run('UPDATE jobs SET progress = ?, phase = ? WHERE id = ?', progress, phase, id);
			emit({ kind: 'progress', jobId: id, progress, phase });
		});
	}

	/** A running job stands still for a reason, or (null) goes on; nothing where that is so already. */
	pause(id: string, reason: PauseReason | null): void {
		const { pause: before, pausedFor: total } = this.job(id);
		if (before?.program === reason?.program && before?.busy === reason?.busy) return;
		const passed = before === null ? 0 : Date.now() - Date.parse(before.since);
		const pausedFor = total + Math.max(0, passed);
		const pause = reason && { ...reason, since: now() };
		this.#change((emit) => {
			this.store.run(
				'UPDATE jobs SET pause = ?, paused_for = ? WHERE id = ?',
				...[pause && JSON.stringify(pause), pausedFor, id],
			);
			if (pause) emit({ kind: 'paused', jobId: id, pause });
			else emit({ kind: 'resumed', jobId: id, pausedFor });
		});
	}

	preview(id: string): void {
		this.#change((emit) => emit({ kind: 'preview', jobId: id }));
	}

	/** Notes how the clip is before it is given its name: what then has the name is told by it. */
	finishing(id: string, mark: FileMark): void {
		this.#change(() =>
			this.store.run(
				'UPDATE jobs SET clip_size = ?, clip_modified = ? WHERE id = ?',
				...[mark.size, mark.modified, id],
			),
		);
	}

	done(id: string, clip: Clip, mark: FileMark): void {
		this.#change((emit) => {
			this.store.run(
				`UPDATE jobs SET state = 'done', pause = NULL, progress = 1, phase = 'done', clip = ?, clip_size = ?,
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
			this.store.run(
				"UPDATE jobs SET state = 'failed', pause = NULL, problem = ?, ended_at = ? WHERE id = ?",
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
				this.unwritten.set(id, now());
				this.#writeLater();
			},
		);
	}

	/** Notes before anybody is told so that a running job is to be cancelled, come what may. */
	wantCancel(id: string): void {
		this.#unlessFull(
			() =>
				this.#change(() => this.store.run('UPDATE jobs SET cancel_wanted = 1 WHERE id = ?', id)),
			() => this.wanted.add(id),
		);
	}

	/** Puts a job that was running back to its place in the queue. */
	requeue(id: string, reason: string, options: { readonly crashed: boolean }): void {
		this.#change((emit) => {
			this.store.run(
				`UPDATE jobs SET state = 'queued', pause = NULL, progress = 0, phase = '',
					crashes = crashes + ?
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
			this.store.run(
				`UPDATE jobs SET state = 'queued', progress = 0, phase = '', crashes = 0, cancel_wanted = 0,
					problem = NULL, ended_at = NULL, rank = ? WHERE id = ?`,
				this.lastRank() + 1,
				id,
			);
			emit({ kind: 'requeued', jobId: id, reason: 'asked for again' });
		});
	}

	prioritise(id: string, priority: number): void {
		this.#change((emit) => {
			this.store.run('UPDATE jobs SET priority = ? WHERE id = ?', priority, id);
			emit({ kind: 'moved', jobId: id, priority });
		});
	}

	/** Right before another queued job, whose priority it takes on, or last of all (null). */
	move(id: string, before: string | null): void {
		this.#change((emit) => {
			const lowest = "SELECT min(priority) AS n FROM jobs WHERE state = 'queued'";
			let priority = this.store.number(lowest);
			let rank = this.lastRank() + 1;
			if (before !== null) {
				({ priority, rank } = this.jobRow(before));
				this.store.run(
					"UPDATE jobs SET rank = rank + 1 WHERE state = 'queued' AND rank >= ?",
					rank,
				);
			}
			this.store.run('UPDATE jobs SET priority = ?, rank = ? WHERE id = ?', priority, rank, id);
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
			this.store.run(
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
					this.store.run(`UPDATE jobs SET ${mark} = ? WHERE id = ?`, marks[mark] ? 1 : 0, jobId);
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
			this.store.run('DELETE FROM engine_process');
			if (!mark) return;
			this.store.run(
				'INSERT INTO engine_process (pid, started) VALUES (?, ?)',
				mark.pid,
				mark.started,
			);
		});
	}

	rememberedEngine(): ProcessMark | null {
		const row = this.store.row('SELECT pid, started FROM engine_process') as
			| ProcessMark
			| undefined;
		return row ? { pid: row.pid, started: row.started } : null;
	}

	/** False once somebody has deleted the file, or put another in its place. */
	isThere(): boolean {
		return this.store.isThere();
	}

	close(): void {
		clearTimeout(this.#later);
		this.#listeners.clear();
		this.store.close();
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
		this.store.run(
			"UPDATE jobs SET state = 'cancelled', pause = NULL, ended_at = ? WHERE id = ?",
			...[at, id],
		);
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

	#change<T>(change: (emit: Emit) => T): T {
		const events: JobEvent[] = [];
		const before = this.#events.mark();
		let result: T;
		try {
			const emit: Emit = (body) => void events.push(this.#events.append(body));
			result = this.store.transaction(() => {
				for (const [id, at] of this.unwritten) this.#writeCancelled(emit, id, at);
				return change(emit);
			});
			this.unwritten.clear();
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
		const rank = this.lastRank() + 1;
		this.store.run(
			`INSERT INTO jobs (id, kind, prompt, state, priority, rank, request, fingerprint, plan,
				clip_path, created_at, shot, take)
				VALUES (?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			...[id, kind, prompt, priority, rank, JSON.stringify(request), fingerprint],
			...[JSON.stringify(plan), clipPath, createdAt, takeOf?.shot ?? null, takeOf?.take ?? null],
		);
		const position =
			latest?.priority === priority ? Number(latest.position) + 1 : this.ahead(priority, rank);
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
			pause: null,
			pausedFor: 0,
			takeOf: takeOf ?? null,
			landings: landing ? [landing] : [],
			starred: false,
			deleted: false,
			trashed: false,
		};
	}
}

function now(): string {
	return new Date().toISOString();
}

import { mkdir, rm } from 'node:fs/promises';
import { freemem } from 'node:os';
import { dirname, join } from 'node:path';
import { systemProblem, writeError } from '../../files/system-errors.ts';
import { PickupError, type Problem } from '../../protocol/errors.ts';
import type { Clip, PauseReason } from '../../protocol/jobs.ts';
import type { Log } from '../log.ts';
import type { Ffmpeg } from '../media/types.ts';
import { checkFolder } from './admission.ts';
import { EngineChild } from './engine-child.ts';
import type { Ending } from './engine-messages.ts';
import type { JobRecord } from './job-table.ts';
import type { Journal } from './journal.ts';
import {
	adoptClip,
	attemptOf,
	type CountClip,
	type Finished,
	isAsPlanned,
	markOfClip,
	nameClip,
	openAttempt,
	removeLeftovers,
} from './leftovers.ts';
import { markOf } from './processes.ts';
import { type Reporter, reportTo } from './reporter.ts';
import type { Unfinished } from './unfinished.ts';

export type SupervisorOptions = {
	readonly journal: Journal;
	readonly log: Log;
	/** The bundle that an engine process runs. */
	readonly engineProgram: string;
	readonly engineModule: string | null;
	readonly previews: string;
	readonly work: string;
	readonly cache: string;
	readonly unfinished: Unfinished;
	/** Throws `ffmpeg-missing`. */
	readonly ffmpeg: () => Promise<Ffmpeg>;
	readonly countClip: CountClip;
	/** An engine with nothing to do is kept this long for the next job, in ms. */
	readonly keepWarm: number;
	/** Below as much free memory it is not kept. Bytes. */
	readonly leastFree: number;
};

/** How often it is seen whether others need the memory of an engine that is kept, in ms. */
const LOOK_AT_MEMORY = 2000;

/** The journal's disk may be full for a while, in ms. */
const TRY_AGAIN = 1000;

type StopReason = 'cancel' | 'stop';

type Current = {
	readonly id: string;
	readonly stop: AbortController;
	readonly ended: Promise<void>;
	/** Whether a person wants it to go on whatever editors do. */
	goesOn: boolean;
	/** Whether its engine stands at a gate. */
	stands: boolean;
	reporter: Reporter | null;
};

/** Gives queued jobs their turn, one at a time, in a process that may die without harm. */
export class Supervisor {
	readonly #options: SupervisorOptions;
	#child: EngineChild | null = null;
	#working: Promise<void> | null = null;
	#current: Current | null = null;
	/** The editor that needs the machine now. */
	#busy: PauseReason | null = null;
	#stopping = false;
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(options: SupervisorOptions) {
		this.#options = options;
	}

	/** Call whenever a job may have been queued. */
	wake(): void {
		this.#occupy(() => this.#work());
	}

	/** Starts the engine's process, so that a job that is about to come need not wait for it. */
	warmUp(): void {
		if (this.#child?.alive || this.#isMemoryWanted()) return;
		this.#occupy(async () => void (await this.#warmChild()));
	}

	#occupy(work: () => Promise<void>): void {
		if (this.#stopping || this.#working) return;
		clearTimeout(this.#timer);
		let isWell = true;
		this.#working = work()
			.catch((error: unknown) => {
				this.#options.log.error(`could not start a job: ${systemProblem(error).message}`);
				isWell = false;
			})
			.finally(() => {
				this.#working = null;
				if (this.#stopping) return;
				if (!isWell) this.#timer = setTimeout(() => this.wake(), TRY_AGAIN).unref();
				else if (this.#next()) this.wake();
				else this.#keepWarm(performance.now() + this.#options.keepWarm);
			});
	}

	/** Until then, unless the memory is needed before. */
	#keepWarm(until: number): void {
		const left = until - performance.now();
		if (left <= 0 || this.#isMemoryWanted()) return void this.#retire();
		const again = () => this.#keepWarm(until);
		this.#timer = setTimeout(again, Math.min(left, LOOK_AT_MEMORY)).unref();
	}

	/** By others: an editor that plays does so between two jobs, one that renders may need all of it. */
	#isMemoryWanted(): boolean {
		const isRendering = this.#busy !== null && this.#busy.busy !== 'playing';
		return isRendering || freemem() < this.#options.leastFree;
	}

	/** An editor needs the machine from now on, or (null) none does. */
	pause(busy: PauseReason | null): void {
		this.#busy = busy;
		if (this.#isMemoryWanted() && !this.#working) void this.#retire();
		this.#hold();
	}

	/** Has the running job go on, whatever editors do. Nothing where that job does not run. */
	goOn(id: string): void {
		if (this.#current?.id !== id) return;
		this.#current.goesOn = true;
		this.#hold();
	}

	/** Has the engine stand or go on, and says so of the job once it does. */
	#hold(): void {
		if (!this.#current) return;
		const { goesOn, stands, reporter } = this.#current;
		const busy = goesOn ? null : this.#busy;
		this.#child?.pause(busy !== null);
		if (busy && stands) reporter?.pause(busy);
	}

	/** Stops a running job; returns when it has ended, one way or another, and what it left is gone. */
	async cancel(id: string): Promise<void> {
		if (this.#current?.id !== id) return this.#options.unfinished.remove(id);
		this.#current.stop.abort('cancel' satisfies StopReason);
		await this.#current.ended;
	}

	/** Puts the running job back into the queue and ends the engine. */
	async stop(): Promise<void> {
		this.#stopping = true;
		clearTimeout(this.#timer);
		this.#current?.stop.abort('stop' satisfies StopReason);
		await this.#working;
		await this.#retire();
	}

	async #work(): Promise<void> {
		for (;;) {
			const record = this.#stopping ? null : this.#next();
			if (!record) return;
			const stop = new AbortController();
			const ended = this.#run(record, stop.signal);
			const { id } = record.job;
			this.#current = { id, stop, ended, goesOn: false, stands: false, reporter: null };
			await ended;
			this.#current = null;
		}
	}

	#next(): JobRecord | null {
		const { journal } = this.#options;
		return journal.panel.paused ? null : journal.next();
	}

	/** One attempt, from the queue to its end. Nothing but a finished clip is left of it. */
	async #run(queued: JobRecord, signal: AbortSignal): Promise<void> {
		const { journal, log, work } = this.#options;
		const { id } = queued.job;
		const attempt = journal.start(id);
		const record = journal.record(id);
		const folder = join(work, `${id}-${attempt}`);
		log.info(`${id} started, attempt ${attempt}`);
		const ending = await this.#generate(record, folder, signal).catch(
			(error: unknown): Ending => ({ kind: 'failed', problem: systemProblem(error) }),
		);
		const finished = await this.#finished(record, ending, signal);
		await rm(folder, { recursive: true, force: true }).catch((error: Error) =>
			log.error(error.message),
		);
		await this.#conclude(record, ending, finished, signal.reason as StopReason | undefined);
	}

	async #generate(record: JobRecord, folder: string, signal: AbortSignal): Promise<Ending> {
		const { journal, ffmpeg, engineModule, cache, unfinished } = this.#options;
		const { request, job } = record;
		await checkFolder(request.output.folder);
		await openAttempt(record);
		await mkdir(folder, { recursive: true });
		await unfinished.tidy((id) => journal.mayRun(id));
		const task = {
			jobId: job.id,
			request,
			engine: job.plan.engine,
			ffmpeg: await ffmpeg(),
			folder,
			cache,
			unfinished: unfinished.folderOf(job.id),
			clipPath: attemptOf(record).clip,
			engineModule,
		};
		const reporter = reportTo(this.#options, job.id);
		const current = this.#current!;
		current.reporter = reporter;
		const onStand = (stands: boolean) => {
			current.stands = stands;
			if (stands) this.#hold();
			else reporter.pause(null);
		};
		const run = async () => {
			const child = await this.#warmChild();
			this.#hold();
			return child.run(task, { report: reporter.report, signal, onStand });
		};
		try {
			const ending = await run();
			if (ending.kind !== 'elsewhere') return ending;
			await this.#retire();
			return await run();
		} finally {
			await reporter.close();
		}
	}

	/** The clip that a job ended with, if it is what was planned. */
	async #finished(record: JobRecord, ending: Ending, signal: AbortSignal) {
		if (signal.reason === 'cancel') return null;
		if (ending.kind !== 'clip') return adoptClip(record, this.#options.countClip);
		const mark = await markOfClip(attemptOf(record).clip);
		if (!mark || !fits(record, ending.clip)) return null;
		return { clip: { ...ending.clip, path: record.clipPath }, mark };
	}

	/** Once more and again where the journal's disk is full: a job cannot end unheard. */
	async #conclude(
		record: JobRecord,
		ending: Ending,
		finished: Finished | null,
		reason: StopReason | undefined,
	): Promise<void> {
		const { journal, log, unfinished } = this.#options;
		const { id } = record.job;
		for (;;) {
			try {
				let refused: Problem | null = null;
				if (finished && !journal.record(id).cancelWanted) {
					journal.finishing(id, finished.mark);
					refused = await nameClip(record, finished.mark).then(
						() => null,
						(error) => systemProblem(writeError(error, dirname(record.clipPath), 'the clip')),
					);
				}
				const isNamed = finished && !refused && !journal.record(id).cancelWanted;
				if (!isNamed) await this.#clean(journal.record(id));
				// First: a job that dies in between has its clip by then, or is cancelled all the same.
				if (isNamed || journal.record(id).cancelWanted) await unfinished.remove(id);
				if (isNamed) journal.done(id, finished.clip, finished.mark);
				else if (journal.record(id).cancelWanted) journal.cancelled(id);
				else if (refused) journal.failed(id, refused);
				else if (reason === 'stop') journal.requeue(id, 'the daemon stopped', { crashed: false });
				else if (ending.kind === 'failed') journal.failed(id, ending.problem);
				else journal.failed(id, unfit(record, ending).toProblem());
				break;
			} catch (error) {
				log.error(`${id} cannot be concluded: ${systemProblem(error).message}`);
				if (this.#stopping) return;
				await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN));
			}
		}
		const { state, problem } = journal.job(id);
		log.info(`${id} ${state}${problem ? `: ${problem.message}` : ''}`);
	}

	async #clean(record: JobRecord): Promise<void> {
		const { previews, log } = this.#options;
		const preview = join(previews, `${record.job.id}.png`);
		await Promise.all([
			removeLeftovers(record),
			// How far a shot had come that stopped is still looked at.
			record.cancelWanted ? rm(preview, { force: true }) : null,
		]).catch((error: Error) => log.error(error.message));
	}

	async #warmChild(): Promise<EngineChild> {
		if (this.#child?.alive) return this.#child;
		const { engineProgram, log, journal } = this.#options;
		const child = new EngineChild(engineProgram, (text) => log.info(`engine: ${text.trimEnd()}`));
		this.#child = child;
		journal.rememberEngine(await markOf(child.pid));
		return child;
	}

	async #retire(): Promise<void> {
		const child = this.#child;
		this.#child = null;
		await child?.kill();
	}
}

function fits(record: JobRecord, clip: Clip): boolean {
	return clip.path === attemptOf(record).clip && isAsPlanned(clip, record);
}

function unfit({ job, clipPath }: JobRecord, ending: Ending): PickupError {
	const { frames, samples, openLength } = job.plan;
	const most = openLength ? 'at most ' : '';
	const got = ending.kind === 'clip' ? describe(ending.clip) : 'an abort that nobody asked for';
	return new PickupError(
		'engine-failed',
		`Expected ${most}${frames} frames and ${samples} samples at ${clipPath}, got ${got}`,
	);
}

function describe({ frames, samples, path }: Clip): string {
	return `${frames} frames and ${samples} samples at ${path}`;
}

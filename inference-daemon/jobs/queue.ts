import { PickupError } from '../../protocol/errors.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import { isEnded, type Job } from '../../protocol/jobs.ts';
import { admit, clipPathOf, fingerprintOf, type Surroundings } from './admission.ts';
import type { Journal, Submission } from './journal.ts';
import type { Supervisor } from './supervisor.ts';

/** What is asked for; of a press also which take it is and where that is to land. */
export type Wish = Pick<Submission, 'request' | 'priority' | 'takeOf' | 'landing'>;

/** What a take is by its number. */
export type TakeWish = (take: number) => Pick<Submission, 'request' | 'landing'>;

type Waiting = {
	readonly submissions: readonly Submission[];
	readonly resolve: (jobs: readonly Job[]) => void;
	readonly reject: (error: unknown) => void;
};

/** More than anybody asks for: where a name is short enough with that number, it is with any. */
const MOST_TAKES = 999;

/** What clients can do to jobs. Everything is on the disk before it is answered. */
export class JobQueue {
	readonly #journal: Journal;
	readonly #supervisor: Supervisor;
	readonly #surroundings: Surroundings;
	#waiting: Waiting[] = [];

	constructor(journal: Journal, supervisor: Supervisor, surroundings: Surroundings) {
		this.#journal = journal;
		this.#supervisor = supervisor;
		this.#surroundings = surroundings;
	}

	/** Throws the refusal. The same request again is the job that does it, also when it has ended. */
	async submit(request: GenerationRequest, priority: number): Promise<Job> {
		const known = this.#known(request, fingerprintOf(request));
		if (known) return known;
		const [job] = await this.submitAll([{ request, priority }]);
		return job!;
	}

	/** Takes all of them or, throwing the first refusal, none; a crash comes before all or after all. */
	async submitAll(wishes: readonly Wish[]): Promise<readonly Job[]> {
		const submissions = await Promise.all(
			wishes.map(async ({ request, ...wish }) => {
				const fingerprint = fingerprintOf(request);
				return { ...wish, ...(await admit(request, this.#surroundings)), fingerprint };
			}),
		);
		return this.#accept(submissions);
	}

	/**
	 * Takes more takes of a press, all or none, whose numbers are given in the transaction that journals
	 * them, or of two at once both would get the same. Throws the refusal.
	 */
	async submitTakes(shot: string, wishes: readonly TakeWish[]): Promise<readonly Job[]> {
		const submissions = wishes.map(async (wish) => {
			const { request } = wish(MOST_TAKES);
			const admitted = await admit(request, this.#surroundings);
			const submissionOf = (take: number): Submission => {
				const numbered = wish(take);
				const { output } = numbered.request;
				return {
					...admitted,
					...numbered,
					request: { ...admitted.request, output },
					fingerprint: fingerprintOf(numbered.request),
					clipPath: clipPathOf(numbered.request),
					priority: 0,
					takeOf: { shot, take },
				};
			};
			return { ...submissionOf(MOST_TAKES), asTake: submissionOf };
		});
		return this.#accept(await Promise.all(submissions));
	}

	/** Returns when the job has ended. An ended job is left as it is. */
	async cancel(id: string): Promise<Job> {
		const { job } = this.#journal.record(id);
		if (isEnded(job.state)) return job;
		if (job.state === 'queued') this.#journal.cancelled(job.id);
		else this.#journal.wantCancel(job.id);
		await this.#supervisor.cancel(job.id);
		return this.#journal.job(id);
	}

	/** Has a running job go on although an editor is busy. */
	goOn(id: string): Job {
		const job = this.#journal.job(id);
		if (job.state !== 'running') throw wrongState(job, 'running');
		this.#supervisor.goOn(job.id);
		return this.#journal.job(id);
	}

	retry(id: string): Job {
		const job = this.#journal.job(id);
		if (!isEnded(job.state) || job.state === 'done') {
			throw wrongState(job, 'failed or cancelled');
		}
		this.#journal.retry(job.id);
		const queued = this.#journal.job(id);
		this.#supervisor.wake();
		return queued;
	}

	move(id: string, before: string | null): Job {
		const job = this.#queued(id);
		if (before !== null) this.#queued(before);
		if (before?.toLowerCase() !== id.toLowerCase()) this.#journal.move(job.id, before);
		return this.#journal.job(id);
	}

	prioritise(id: string, priority: number): Job {
		this.#journal.prioritise(this.#queued(id).id, priority);
		return this.#journal.job(id);
	}

	/** A request is the same as it was sent and as `job.request` gives it. */
	#known(request: GenerationRequest, fingerprint: string): Job | null {
		const known = this.#journal.known(request, fingerprint);
		if (!(known instanceof PickupError)) return known;
		if (fingerprintOf(this.#journal.record(request.id).request) !== fingerprint) throw known;
		return this.#journal.job(request.id);
	}

	#accept(submissions: readonly Submission[]): Promise<readonly Job[]> {
		return new Promise((resolve, reject) => {
			// One transaction for all that come together: a thousand of them cost one sync of the disk.
			if (this.#waiting.length === 0) setImmediate(() => this.#acceptWaiting());
			this.#waiting.push({ submissions, resolve, reject });
		});
	}

	#acceptWaiting(): void {
		const waiting = this.#waiting;
		this.#waiting = [];
		try {
			const results = [...this.#journal.accept(waiting.flatMap((each) => each.submissions))];
			for (const { submissions, resolve, reject } of waiting) {
				const mine = results.splice(0, submissions.length);
				const refused = mine.find((each) => each instanceof PickupError);
				if (refused) reject(refused);
				else resolve(mine as Job[]);
			}
		} catch (error) {
			for (const { reject } of waiting) reject(error);
		}
		this.#supervisor.wake();
	}

	#queued(id: string): Job {
		const job = this.#journal.job(id);
		if (job.state === 'queued') return job;
		throw wrongState(job, 'queued');
	}
}

function wrongState(job: Job, expected: string): PickupError {
	return new PickupError('wrong-state', `Expected a ${expected} job, ${job.id} is ${job.state}`, {
		field: 'jobId',
	});
}

import type {
	Levels,
	LevelsOf,
	TakeScores,
	Ticket,
	Media as Wanted,
} from '../../protocol/media.ts';
import type { Link } from './link.ts';

/** As many answers are kept; the oldest goes first. */
const MOST_KEPT = 500;

/** What is seen and heard: addresses and levels, asked for once however often they are drawn. */
export class Media {
	readonly #call: Link['call'];
	readonly #kept = new Map<string, Promise<unknown>>();

	constructor(call: Link['call']) {
		this.#call = call;
	}

	/** `version`: another one for the same thing asks anew, as for a cut that has changed since. */
	ticket(media: Wanted, version: string | number = ''): Promise<Ticket> {
		return this.#once(['ticket', media, version], () => this.#call('media.ticket', { media }));
	}

	levels(of: LevelsOf, points: number, version: string | number = ''): Promise<Levels> {
		return this.#once(['levels', of, points, version], () =>
			this.#call('media.levels', { of, points }),
		);
	}

	/** What was measured at both joins of a take. */
	scores(jobId: string): Promise<TakeScores> {
		return this.#once(['scores', jobId], () => this.#call('take.scores', { jobId }));
	}

	/** An address that no longer holds is not given again. */
	forget(media: Wanted, version: string | number = ''): void {
		this.#kept.delete(JSON.stringify(['ticket', media, version]));
	}

	#once<T>(of: unknown, ask: () => Promise<T>): Promise<T> {
		const key = JSON.stringify(of);
		const known = this.#kept.get(key);
		if (known) {
			this.#kept.delete(key);
			this.#kept.set(key, known);
			return known as Promise<T>;
		}
		const answer = ask();
		this.#kept.set(key, answer);
		answer.catch(() => {
			if (this.#kept.get(key) === answer) this.#kept.delete(key);
		});
		for (const oldest of this.#kept.keys()) {
			if (this.#kept.size <= MOST_KEPT) break;
			this.#kept.delete(oldest);
		}
		return answer;
	}
}

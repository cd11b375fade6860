import { PickupError } from '../../protocol/errors.ts';
import type { JobEvent } from '../../protocol/jobs.ts';
import type { Store } from './database.ts';

export type EventBody = JobEvent extends infer E
	? E extends JobEvent
		? Omit<E, 'seq' | 'at'>
		: never
	: never;

/** The newest events, numbered by one without holes for as long as there is the journal. */
export class EventLog {
	readonly #store: Store;
	readonly #kept: number;
	#first: number;
	#last: number;

	/** Keeps at least `kept` events. */
	constructor(store: Store, kept: number) {
		this.#store = store;
		this.#kept = kept;
		const numbered = store.number("SELECT seq AS n FROM sqlite_sequence WHERE name = 'events'");
		this.#last = Math.max(numbered, store.number('SELECT max(seq) AS n FROM events'));
		this.#first = store.number('SELECT min(seq) AS n FROM events') || this.#last + 1;
	}

	get last(): number {
		return this.#last;
	}

	/** The events after a number, the first `most` of them. Throws `events-gone` with the number to go on from. */
	after(seq: number, most: number): readonly JobEvent[] {
		if (seq < this.#first - 1 || seq > this.#last) {
			throw new PickupError(
				'events-gone',
				`Expected a number from ${this.#first - 1} to ${this.#last}, got ${seq}: ` +
					`list the jobs and go on from ${this.#last}`,
				{ field: 'after' },
			);
		}
		const rows = this.#store.rows(
			'SELECT seq, body FROM events WHERE seq > ? ORDER BY seq LIMIT ?',
			seq,
			most,
		);
		return (rows as { seq: number; body: string }[]).map(
			({ seq: number, body }) => ({ ...JSON.parse(body), seq: number }) as JobEvent,
		);
	}

	/** To be called in a transaction. If that comes to nothing, `restore` what `mark` gave before. */
	append(body: EventBody): JobEvent {
		const stamped = { ...body, at: new Date().toISOString() };
		this.#store.run('INSERT INTO events (body) VALUES (?)', JSON.stringify(stamped));
		this.#last += 1;
		this.#forgetOld();
		return { ...stamped, seq: this.#last } as JobEvent;
	}

	mark(): readonly [first: number, last: number] {
		return [this.#first, this.#last];
	}

	restore([first, last]: readonly [number, number]): void {
		this.#first = first;
		this.#last = last;
	}

	/** A tenth more than are kept may stand, so that this is rarely done. */
	#forgetOld(): void {
		if (this.#last - this.#first + 1 <= this.#kept * 1.1) return;
		this.#first = this.#last - this.#kept + 1;
		this.#store.run('DELETE FROM events WHERE seq < ?', this.#first);
	}
}

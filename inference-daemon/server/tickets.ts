import { randomBytes } from 'node:crypto';
import type { FileMark } from '../jobs/job-table.ts';

/** A file that whoever has its ticket may read. */
export type Ticketed = {
	readonly path: string;
	readonly type: string;
	/** What the address ends in; tells nothing but the type. */
	readonly name: string;
	/** Whether pages of any origin may show it: one that comes from a file has none to be told by. */
	readonly acrossOrigins?: boolean;
	/** Where given, only a file that is still like this is served. */
	readonly mark?: FileMark | undefined;
};

/** How long a ticket is good after it was last used, in ms. */
const GOOD_FOR = 600_000;

/** Tickets at most; of more the one that was not used longest is forgotten. */
const MOST = 10_000;

/**
 * Addresses that a page can put into `<img>` and `<video>`, which send no token: whoever knows 128
 * random bits may read one file for a while. Kept in memory only.
 */
export class Tickets {
	/** Last used last. */
	readonly #tickets = new Map<string, Ticketed & { readonly until: number }>();
	readonly #now: () => number;

	constructor(now: () => number = () => performance.now()) {
		this.#now = now;
	}

	/** The path on the HTTP server. */
	issue(file: Ticketed): string {
		this.#forgetOld();
		const [oldest] = this.#tickets.keys();
		if (this.#tickets.size >= MOST && oldest !== undefined) this.#tickets.delete(oldest);
		const ticket = randomBytes(16).toString('hex');
		this.#tickets.set(ticket, { ...file, until: this.#now() + GOOD_FOR });
		return `/media/${ticket}/${file.name}`;
	}

	/** The file of an address, or null. Being used makes it good for as long again. */
	use(url: string): Ticketed | null {
		const [, ticket = '', name] = /^\/media\/([0-9a-f]{32})\/([a-z0-9.]+)(?:\?|$)/.exec(url) ?? [];
		this.#forgetOld();
		const file = this.#tickets.get(ticket);
		if (!file || file.name !== name) return null;
		this.#tickets.delete(ticket);
		this.#tickets.set(ticket, { ...file, until: this.#now() + GOOD_FOR });
		return file;
	}

	#forgetOld(): void {
		for (const [ticket, { until }] of this.#tickets) {
			if (until > this.#now()) return;
			this.#tickets.delete(ticket);
		}
	}
}

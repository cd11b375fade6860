import type { Landing, LandingState } from '../../protocol/landings.ts';
import type { Store } from './database.ts';

/** Where clips stand or are to stand, as it was last known. Written by the journal's changes. */
export class LandingLog {
	readonly #store: Store;

	constructor(store: Store) {
		this.#store = store;
	}

	/** Oldest first. */
	ofJob(jobId: string): readonly Landing[] {
		return this.ofJobs([jobId]).get(jobId) ?? [];
	}

	/** By job, as its row spells the id. */
	ofJobs(jobIds: readonly string[]): ReadonlyMap<string, readonly Landing[]> {
		const rows = this.#store.rows(
			`SELECT jobs.id AS job, body FROM landings JOIN jobs ON jobs.id = landings.job
				WHERE job IN (SELECT value FROM json_each(?)) ORDER BY landings.rowid`,
			JSON.stringify(jobIds),
		) as { job: string; body: string }[];
		const found = new Map<string, Landing[]>();
		for (const { job, body } of rows) {
			const landings = found.get(job) ?? [];
			landings.push(JSON.parse(body));
			found.set(job, landings);
		}
		return found;
	}

	/** Of all takes of a press, oldest first. */
	ofShot(shot: string): readonly Landing[] {
		const rows = this.#store.rows(
			`SELECT body FROM landings JOIN jobs ON jobs.id = landings.job
				WHERE shot = ? ORDER BY landings.rowid`,
			shot,
		) as { body: string }[];
		return rows.map(({ body }) => JSON.parse(body) as Landing);
	}

	inState(...states: readonly LandingState[]): readonly Landing[] {
		const rows = this.#store.rows(
			'SELECT body FROM landings WHERE state IN (SELECT value FROM json_each(?)) ORDER BY rowid',
			JSON.stringify(states),
		) as { body: string }[];
		return rows.map(({ body }) => JSON.parse(body) as Landing);
	}

	find(id: string): Landing | null {
		const row = this.#store.row('SELECT body FROM landings WHERE id = ?', id);
		return row ? (JSON.parse((row as { body: string }).body) as Landing) : null;
	}

	/** To be called in a transaction. */
	write(landing: Landing): void {
		this.#store.run(
			`INSERT INTO landings (id, job, state, body) VALUES (?, ?, ?, ?)
				ON CONFLICT (id) DO UPDATE SET state = excluded.state, body = excluded.body`,
			...[landing.id, landing.jobId, landing.state, JSON.stringify(landing)],
		);
	}
}

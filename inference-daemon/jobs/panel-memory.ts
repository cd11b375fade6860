import { PickupError } from '../../protocol/errors.ts';
import type { PanelState } from '../../protocol/rpc.ts';
import type { Store } from './database.ts';

type Memory = PanelState['memory'];

/** Of one value, and of all of them, as JSON. Characters. */
const LONGEST_VALUE = 65_536;
const LONGEST_MEMORY = 1_048_576;

/** Not a key that panels can name. */
const PAUSED = '.paused';

/** What panels share, on disk. */
export class PanelMemory {
	readonly #store: Store;
	readonly #listeners = new Set<() => void>();

	constructor(store: Store) {
		this.#store = store;
	}

	/** Called after every change. */
	onChange(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	get state(): PanelState {
		const rows = this.#store.rows('SELECT key, value FROM panel ORDER BY key') as Row[];
		const kept = rows.filter(({ key }) => key !== PAUSED);
		const memory: Memory = Object.fromEntries(
			kept.map(({ key, value }) => [key, JSON.parse(value)]),
		);
		return { memory, paused: kept.length < rows.length };
	}

	get paused(): boolean {
		return this.#store.row('SELECT key FROM panel WHERE key = ?', PAUSED) !== undefined;
	}

	/** Null forgets it. Throws `bad-request` where that is more than is kept. */
	remember(key: string, value: Memory[string]): void {
		const text = JSON.stringify(value);
		const all = this.#store.number('SELECT sum(length(value)) AS n FROM panel WHERE key <> ?', key);
		if (text.length > LONGEST_VALUE || all + text.length > LONGEST_MEMORY) {
			throw new PickupError(
				'bad-request',
				`Expected at most ${LONGEST_VALUE} characters to remember, ${LONGEST_MEMORY} in all, got ${text.length}`,
				{ field: 'value' },
			);
		}
		this.#write(key, value === null ? null : text);
	}

	pause(paused: boolean): void {
		this.#write(PAUSED, paused ? 'true' : null);
	}

	#write(key: string, text: string | null): void {
		this.#store.transaction(() => {
			if (text === null) this.#store.run('DELETE FROM panel WHERE key = ?', key);
			else this.#store.run('INSERT OR REPLACE INTO panel (key, value) VALUES (?, ?)', key, text);
		});
		for (const listener of this.#listeners) listener();
	}
}

type Row = { readonly key: string; readonly value: string };

import type { PauseReason } from '../../protocol/jobs.ts';
import type { Hosts } from './hosts.ts';

export type BusyEditorsOptions = {
	readonly hosts: Hosts;
	/** How long no editor may be busy before that is told, in ms: a person plays again and again. */
	readonly settle: number;
	/** Told of the editor that is busy, or (null) that none is any more; only when that changes. */
	readonly onChange: (busy: PauseReason | null) => void;
};

/** Whether an editor that is connected plays, renders or exports. One that has gone does nothing. */
export class BusyEditors {
	readonly #options: BusyEditorsOptions;
	#told: PauseReason | null = null;
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(options: BusyEditorsOptions) {
		this.#options = options;
		options.hosts.onChange(() => this.#look());
	}

	#look(): void {
		const busy = this.#busy();
		if (busy) {
			clearTimeout(this.#timer);
			this.#timer = undefined;
			this.#tell(busy);
		} else if (this.#told) {
			this.#timer ??= setTimeout(() => {
				this.#timer = undefined;
				this.#tell(null);
			}, this.#options.settle);
		}
	}

	/** Of several the one that was told of, for as long as it is. */
	#busy(): PauseReason | null {
		const all = this.#options.hosts.list().flatMap(({ agent: { program }, state: { busy } }) => {
			return busy === null || busy === 'dialog' ? [] : [{ program, busy }];
		});
		return all.find((one) => isSame(one, this.#told)) ?? all[0] ?? null;
	}

	#tell(busy: PauseReason | null): void {
		if (isSame(busy, this.#told)) return;
		this.#told = busy;
		this.#options.onChange(busy);
	}
}

function isSame(one: PauseReason | null, other: PauseReason | null): boolean {
	return one?.program === other?.program && one?.busy === other?.busy;
}

import { TICKS } from './media.ts';

/** Times and collections as Premiere's scripts have them. */

export class Time {
	#ticks: bigint;
	constructor(ticks = 0n) {
		this.#ticks = ticks;
	}
	get ticks(): string {
		return this.#ticks.toString();
	}
	set ticks(ticks: string) {
		this.#ticks = BigInt(ticks);
	}
	get seconds(): number {
		return Number(this.#ticks) / Number(TICKS);
	}
	set seconds(seconds: number) {
		this.#ticks = BigInt(Math.round(seconds * Number(TICKS)));
	}
}

export function ticksOf(time: unknown): bigint {
	if (time instanceof Time) return BigInt(time.ticks);
	throw new Error('Illegal Parameter type');
}

/** Things by number, and no array. */
class Indexed {
	readonly #count: number;
	constructor(things: readonly unknown[]) {
		this.#count = things.length;
		for (const [at, thing] of things.entries()) Object.assign(this, { [at]: thing });
	}
	/** @internal */
	static countOf(of: Indexed): number {
		return of.#count;
	}
}

export class ProjectItemCollection extends Indexed {
	get numItems(): number {
		return Indexed.countOf(this);
	}
}

export class TrackItemCollection extends Indexed {
	get numItems(): number {
		return Indexed.countOf(this);
	}
}

export class ComponentCollection extends Indexed {
	get numItems(): number {
		return Indexed.countOf(this);
	}
}

export class TrackCollection extends Indexed {
	get numTracks(): number {
		return Indexed.countOf(this);
	}
}

export class SequenceCollection extends Indexed {
	get numSequences(): number {
		return Indexed.countOf(this);
	}
}

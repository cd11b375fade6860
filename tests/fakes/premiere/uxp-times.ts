import { TICKS } from './media.ts';

/** Times and rates as Premiere's UXP has them. */

export class TickTime {
	readonly #ticks: bigint;
	constructor(ticks = 0n) {
		this.#ticks = ticks;
	}
	get ticks(): string {
		return this.#ticks.toString();
	}
	get ticksNumber(): number {
		return Number(this.#ticks);
	}
	get seconds(): number {
		return Number(this.#ticks) / Number(TICKS);
	}
	equals(tickTime: TickTime): boolean {
		return tickTime.ticks === this.ticks;
	}
}

export const TickTimeStatic = {
	createWithTicks(ticks: string): TickTime {
		if (typeof ticks !== 'string') throw new Error('Illegal Parameter type');
		return new TickTime(BigInt(ticks));
	},
	createWithSeconds(seconds: number): TickTime {
		return new TickTime(BigInt(Math.round(seconds * Number(TICKS))));
	},
	TIME_ZERO: new TickTime(),
};

export class FrameRate {
	readonly ticksPerFrame: number;
	constructor(ticksPerFrame = 0) {
		this.ticksPerFrame = ticksPerFrame;
	}
	get value(): number {
		return Number(TICKS) / this.ticksPerFrame;
	}
}

export class Guid {
	readonly #value: string;
	constructor(value = '') {
		this.#value = value;
	}
	toString(): string {
		return this.#value;
	}
}

export const GuidStatic = {
	fromString(stringValue: string): Guid {
		return new Guid(stringValue);
	},
};

export function ticksOf(time: unknown): bigint {
	if (time instanceof TickTime) return BigInt(time.ticks);
	throw new Error('Illegal Parameter type');
}

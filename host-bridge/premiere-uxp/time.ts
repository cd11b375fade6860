import type { TickTime } from '@adobe/premierepro';
import { type FrameRate, type Rational, rational, TICKS_PER_SECOND } from '../../protocol/time.ts';
import type { Premiere } from './surroundings.ts';

/** Times in ticks, exactly: as numbers they are wrong from the tenth hour on. */

export function ticksOf(time: TickTime): bigint {
	return BigInt(time.ticks);
}

/** A time that is so many frames after the start of the sequence. */
export function timeAt({ TickTime }: Premiere, frame: number, ticksPerFrame: bigint): TickTime {
	return TickTime.createWithTicks((BigInt(frame) * ticksPerFrame).toString());
}

/** The nearest frame; sound may start between two. */
export function frameOf(ticks: bigint, ticksPerFrame: bigint): number {
	return Number(floorDivide(2n * ticks + ticksPerFrame, 2n * ticksPerFrame));
}

/** The frames that a time span touches. */
export function framesTouched(start: bigint, end: bigint, ticksPerFrame: bigint) {
	return {
		start: Number(floorDivide(start, ticksPerFrame)),
		end: Number(-floorDivide(-end, ticksPerFrame)),
	};
}

export function secondsOf(ticks: bigint): Rational {
	return rational(ticks, TICKS_PER_SECOND);
}

export function rateOf(ticksPerFrame: bigint): FrameRate {
	return rational(TICKS_PER_SECOND, ticksPerFrame);
}

function floorDivide(a: bigint, b: bigint): bigint {
	const quotient = a / b;
	return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

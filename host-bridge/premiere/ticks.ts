import { type FrameRate, type Rational, rational, TICKS_PER_SECOND } from '../../protocol/time.ts';

/** Times in ticks, exactly: as numbers they are wrong from the tenth hour on. */

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

import type { TickTime } from '@adobe/premierepro';
import type { Premiere } from './surroundings.ts';

export function ticksOf(time: TickTime): bigint {
	return BigInt(time.ticks);
}

/** A time that is so many frames after the start of the sequence. */
export function timeAt({ TickTime }: Premiere, frame: number, ticksPerFrame: bigint): TickTime {
	return TickTime.createWithTicks((BigInt(frame) * ticksPerFrame).toString());
}

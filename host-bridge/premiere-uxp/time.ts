import type { TickTime } from '@adobe/premierepro';
import type { Stretch } from '../premiere/read.ts';
import type { Premiere } from './surroundings.ts';

export function ticksOf(time: TickTime): bigint {
	return BigInt(time.ticks);
}

/** Where an item stands; null where it does not say so. */
export async function stretchOf(item: {
	getStartTime(): Promise<TickTime>;
	getEndTime(): Promise<TickTime>;
}): Promise<Stretch | null> {
	try {
		return { start: ticksOf(await item.getStartTime()), end: ticksOf(await item.getEndTime()) };
	} catch {
		return null;
	}
}

/** A time that is so many frames after the start of the sequence. */
export function timeAt({ TickTime }: Premiere, frame: number, ticksPerFrame: bigint): TickTime {
	return TickTime.createWithTicks((BigInt(frame) * ticksPerFrame).toString());
}

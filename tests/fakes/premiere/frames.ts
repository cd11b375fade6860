import { writeFile } from 'node:fs/promises';
import { pngOf } from '../../../inference-daemon/media/png.ts';
import type { Size } from '../../../protocol/schemas.ts';
import type { Fault } from './faults.ts';
import type { Sequence } from './model.ts';

/** How long what comes late takes, in ms. */
export const LATE = 300;

export type WrittenFrame = {
	readonly of: Sequence;
	/** Ticks. */
	readonly at: bigint;
	readonly size: Size;
	readonly path: string;
};

/** Writes the picture of a frame as Premiere does, or does not: a grey that tells which it is. */
export async function writeFrame(
	faults: ReadonlySet<Fault>,
	{ of, at, size, path }: WrittenFrame,
): Promise<void> {
	if (faults.has('a frame is never written')) return;
	const divisor = faults.has('a frame is of another size') ? 2 : 1;
	const width = size.width / divisor;
	const height = size.height / divisor;
	const frame = Number(at / of.ticksPerFrame);
	const data = new Uint8Array(width * height * 3).fill(frame % 256);
	const bytes = pngOf({ width, height, data });
	if (faults.has('a frame comes in pieces')) {
		await writeFile(path, bytes.subarray(0, bytes.length - 20));
		setTimeout(() => void writeFile(path, bytes), LATE);
	} else if (faults.has('a frame comes late')) {
		setTimeout(() => void writeFile(path, bytes), LATE);
	} else {
		await writeFile(path, bytes);
	}
}

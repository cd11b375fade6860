import type { Precision } from '../graph/graph.ts';
import type { TransformerConfig } from '../networks/transformer-config.ts';
import { type Device, machineMemory } from './device.ts';
import type { Hold } from './transformer.ts';

export type MemoryNeed = {
	readonly device: Pick<Device, 'provider' | 'precision' | 'memory'>;
	/** Numbers in all blocks. */
	readonly parameters: number;
	/** Bytes that a run takes beside weights; see `activationBytes`. */
	readonly activations: number;
	/**
	 * How many kinds of forward passes need sessions of their own: 1, and one more for those with
	 * isolated streams.
	 */
	readonly kinds?: number;
	/** Bytes of the machine. */
	readonly machine?: number;
};

/** Bytes of a weight once it is cast. */
const BYTES: Readonly<Record<Precision, number>> = { float32: 4, float16: 2, bfloat16: 2 };

/** The editing program and the rest of the machine need as much as a model. */
const SHARE_OF_MACHINE = 0.5;
/** The editing program draws on the same device. */
const SHARE_OF_DEVICE = 0.8;
/** Bytes of a device that does not tell, as the smaller ones have. */
const UNTOLD = 4 * 1024 ** 3;

/** Whether all blocks can stay open at once with room for a run, or one at a time. */
export function planHold(need: MemoryNeed): Hold {
	const { device, parameters, activations, kinds = 1, machine = machineMemory() } = need;
	const weights = parameters * BYTES[device.precision] * kinds;
	const room =
		device.provider === 'cpu'
			? SHARE_OF_MACHINE * machine
			: SHARE_OF_DEVICE * (device.memory ?? Math.min(UNTOLD, machine));
	return weights + activations <= room ? 'all' : 'one';
}

/** Numbers per token and channel that are there at once in a block: 13 measured, most of them in the feed-forward. */
const ROWS = 16;

/**
 * Bytes of what flows through a block. With `masked` scores of all heads are held as a whole,
 * [heads, tokens, tokens].
 */
export function activationBytes(
	{ video, audio }: Pick<TransformerConfig, 'video' | 'audio'>,
	tokens: { readonly video: number; readonly audio: number },
	masked = false,
): number {
	const flowing = ROWS * (tokens.video * video.width + tokens.audio * audio.width);
	const scores = masked ? video.heads * tokens.video ** 2 : 0;
	return 4 * (flowing + scores);
}

import type { FrameRate } from '../../../../protocol/time.ts';
import { CELL } from '../diffusion/latent.ts';
import { durationConfig, durationHeadGraph } from '../networks/duration-head.ts';
import { snapDown } from '../plan/window.ts';
import type { Provider } from '../runtime/provider.ts';
import { Session } from '../runtime/session.ts';
import type { PromptContext } from '../runtime/transformer.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';

export type DurationOptions = {
	readonly rate: FrameRate;
	/** Frames that there is room for. */
	readonly most: number;
	readonly provider?: Provider;
	readonly signal?: AbortSignal;
};

/** Bounds of what is believed, in seconds: those of the reference. */
const SHORTEST = 1;
const LONGEST = 20;

/**
 * How many frames a shot of this prompt wants to be: 1…20 s, the greatest 8k + 1 in them, and at
 * most what there is room for. No network is in memory when it returns or throws. Throws
 * PickupError `bad-weights` for a checkpoint without the head, `engine-failed`, or the signal's
 * reason.
 */
export async function predictFrames(
	context: PromptContext,
	checkpoint: Checkpoint,
	{ rate, most, provider = 'cpu', signal }: DurationOptions,
): Promise<number> {
	signal?.throwIfAborted();
	const config = durationConfig(checkpoint.config);
	const tokens = context.video.shape[0]!;
	const graph = durationHeadGraph(checkpoint.at('duration_head'), config, tokens);
	checkpoint.check();
	const session = await Session.open(graph, { provider, weights: 'mapped' });
	try {
		const { seconds } = await session.run(
			{ video: context.video, audio: context.audio },
			{ signal },
		);
		return Math.min(most, framesFor((seconds!.data as Float32Array)[0]!, rate));
	} finally {
		await session.release();
	}
}

/** On the grid of 8k + 1 and within the bounds, whatever the seconds. */
export function framesFor(seconds: number, { num, den }: FrameRate): number {
	const frames = (time: number) => Math.max(1, Math.round((time * num) / den));
	const wanted = Math.max(frames(SHORTEST), Math.min(frames(seconds), frames(LONGEST)));
	const snapped = snapDown(wanted);
	return snapped < frames(SHORTEST) ? snapped + CELL.frames : snapped;
}

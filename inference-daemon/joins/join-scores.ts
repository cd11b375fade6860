import type { JoinScores } from '../../protocol/media.ts';
import type { Kernels } from '../engines/inbetween/kernels.ts';
import type { Frame, Sound } from '../media/types.ts';
import { loudnessStep } from './loudness-step.ts';
import { motionStep } from './motion-step.ts';
import { colourStep, pictureStep } from './picture-step.ts';

/** Beyond these a step may show; `bench/joins/README.md` has what real joins measure. */
export const LIMITS = {
	/** Times usual; below the first the picture stands still where it moves on both sides. */
	picture: [0.2, 2],
	/** Pixels of a picture that is 1920 wide. */
	motion: 2,
	/** ΔE2000. */
	colour: 1.5,
	/** dB, and times usual: speech changes by more from word to word. */
	loudness: [3, 2],
} as const;

/** Frames on either side that are looked at; the sound of a second. */
export const LOOK = 8;

/** What stands at a join; null where there is no picture, or no sound, of the take. */
export type JoinMedia = {
	/** Frames in `yuv420p`, all of one size: those that end at the join, those that begin there. */
	readonly picture: {
		readonly before: readonly Frame[];
		readonly after: readonly Frame[];
		/** Pixels of the sequence in one of the frames'. */
		readonly scale: number;
	} | null;
	/** Around the join, which is at a sample of it. */
	readonly sound: { readonly heard: Sound; readonly join: number } | null;
};

/** Measures one join. */
export async function scoreJoin(
	kernels: Kernels,
	{ picture, sound }: JoinMedia,
	signal: AbortSignal,
): Promise<JoinScores> {
	const loudness = sound && scoreLoudness(sound);
	if (!picture || picture.before.length === 0 || picture.after.length === 0) {
		return { picture: null, motion: null, colour: null, loudness };
	}
	const { before, after, scale } = picture;
	const moved = await motionStep(kernels, before, after, signal);
	const width = before[0]!.width * scale;
	const stepped = pictureStep(before, after);
	const colour = colourStep(before, after);
	const [still, jump] = LIMITS.picture;
	return {
		picture: scored(stepped, (value) => value < still || value > jump),
		motion: scored(moved && moved * scale, (value) => value > (LIMITS.motion * width) / 1920),
		colour: scored(colour, (value) => value > LIMITS.colour),
		loudness,
	};
}

function scoreLoudness({ heard, join }: NonNullable<JoinMedia['sound']>): JoinScores['loudness'] {
	const found = loudnessStep(heard, join);
	if (found === null) return null;
	const [least, timesUsual] = LIMITS.loudness;
	const limit = Math.max(least, timesUsual * found.usual);
	return { value: rounded(found.step), mayShow: Math.abs(found.step) > limit };
}

function scored(value: number | null, mayShow: (value: number) => boolean) {
	return value === null ? null : { value: rounded(value), mayShow: mayShow(value) };
}

/** Nobody reads more than two decimals. */
function rounded(value: number): number {
	return Math.round(value * 100) / 100;
}

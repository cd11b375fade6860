import type { JoinScores } from '../../protocol/media.ts';
import type { Kernels } from '../engines/inbetween/kernels.ts';
import type { Frame, Sound } from '../media/types.ts';
import { loudnessStep } from './loudness-step.ts';
import { motionStep } from './motion-step.ts';
import { colourStep, pictureStep } from './picture-step.ts';

/** Beyond these a step may show; found as `bench/joins` says. */
export const LIMITS = {
	/** Times usual. */
	picture: 2,
	/** Pixels of a picture that is 1920 wide. */
	motion: 1.5,
	/** ΔE2000. */
	colour: 2.5,
	/** dB, and times usual. */
	loudness: 3,
	loudnessUsual: 1.5,
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
	const heard = sound && loudnessStep(sound.heard, sound.join);
	const loudness = heard && {
		value: rounded(heard.step),
		mayShow:
			Math.abs(heard.step) > LIMITS.loudness &&
			Math.abs(heard.step) > LIMITS.loudnessUsual * heard.usual,
	};
	if (!picture || picture.before.length === 0 || picture.after.length === 0) {
		return { picture: null, motion: null, colour: null, loudness };
	}
	const { before, after, scale } = picture;
	const moved = await motionStep(kernels, before, after, signal);
	const width = before[0]!.width * scale;
	return {
		picture: score(pictureStep(before, after), LIMITS.picture),
		motion: score(moved === null ? null : moved * scale, (LIMITS.motion * width) / 1920),
		colour: score(colourStep(before, after), LIMITS.colour),
		loudness,
	};
}

function score(value: number | null, limit: number) {
	return value === null ? null : { value: rounded(value), mayShow: value > limit };
}

/** Nobody reads more than two decimals. */
function rounded(value: number): number {
	return Math.round(value * 100) / 100;
}

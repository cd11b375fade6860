import { writeFile } from 'node:fs/promises';
import type { JoinScores, TakeScores } from '../../protocol/media.ts';
import { type FrameRange, ONE, samplesForFrames } from '../../protocol/time.ts';
import type { ClipSpan } from '../../protocol/timeline.ts';
import { pictureOf } from '../engines/cut-picture.ts';
import { type Kernels, kernelModule, loadKernels } from '../engines/inbetween/kernels.ts';
import { type JoinMedia, LOOK, scoreJoin } from '../joins/join-scores.ts';
import type { Ffmpeg, Frame } from '../media/types.ts';
import type { FinishedClip } from './finished-clip.ts';
import { shapeOf } from './frame.ts';
import { nullWhereUnreadable, readWhatCan } from './levels.ts';
import type { Wanted } from './media-cache.ts';
import { type TakeInCut, takeInCut } from './take-in-cut.ts';

/** Pixels of width in which joins are looked at. */
const WIDTH = 480;

/** Samples on either side of a join: a second. */
const HEARD = 48_000;

/** How a take meets what stands beside it, as a JSON file of `TakeScores`. */
export function scoresOf(finished: FinishedClip, ffmpeg: () => Promise<Ffmpeg>): Wanted {
	return {
		key: ['scores', finished.jobId, finished.mark],
		extension: 'json',
		async make(to, signal) {
			const program: Ffmpeg = { ...(await ffmpeg()), isInBackground: true };
			const kernels = loadKernels(await kernelModule());
			const inCut = takeInCut(finished);
			const scores: TakeScores = {
				in: await scoreSide('in', inCut, kernels, program, signal),
				out: await scoreSide('out', inCut, kernels, program, signal),
			};
			await writeFile(to, JSON.stringify(scores), { mode: 0o600 });
		},
	};
}

async function scoreSide(
	side: 'in' | 'out',
	inCut: TakeInCut,
	kernels: Kernels,
	ffmpeg: Ffmpeg,
	signal: AbortSignal,
): Promise<JoinScores | null> {
	const { sequence, range, picture, left, right, hasPicture, hasSound, sounds } = inCut;
	const beside = side === 'in' ? left : right;
	if (beside === null) return null;
	const join = side === 'in' ? range.start : range.end;
	const [earlier, later] = side === 'in' ? [beside, picture] : [picture, beside];
	const full = shapeOf(sequence, sequence.size.width);
	const size = full.width > WIDTH ? shapeOf(sequence, WIDTH) : full;
	const shape = { rate: sequence.rate, size, pixelAspect: ONE, format: 'yuv420p' } as const;
	const read = async (clip: ClipSpan, wanted: FrameRange): Promise<readonly Frame[] | null> => {
		if (clip.source.kind !== 'file') return null;
		const frames: Frame[] = [];
		for await (const frame of pictureOf(ffmpeg, clip, wanted, shape, signal)) frames.push(frame);
		return frames;
	};
	const start = Math.max(join - LOOK, earlier === picture ? range.start : earlier.range.start);
	const end = Math.min(join + LOOK, later === picture ? range.end : later.range.end);
	const before =
		hasPicture && (await read(earlier, { start, end: join }).catch(nullWhereUnreadable));
	const after = hasPicture && (await read(later, { start: join, end }).catch(nullWhereUnreadable));
	const media: JoinMedia = {
		picture: before && after ? { before, after, scale: full.width / size.width } : null,
		sound: null,
	};
	if (!hasSound) return scoreJoin(kernels, media, signal);
	const at = samplesForFrames(join, sequence.rate);
	const window = { start: at - HEARD, end: at + HEARD };
	const { mix } = await readWhatCan(ffmpeg, sounds, window, sequence.rate, signal);
	return scoreJoin(kernels, { ...media, sound: { heard: mix, join: HEARD } }, signal);
}

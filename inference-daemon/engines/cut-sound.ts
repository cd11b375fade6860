import {
	add,
	type FrameRange,
	type FrameRate,
	framesToSeconds,
	multiply,
	type Rational,
	rational,
	samplesForFrames,
	subtract,
} from '../../protocol/time.ts';
import { type ClipSpan, sourceTime } from '../../protocol/timeline.ts';
import { readSound } from '../media/sound.ts';
import type { Ffmpeg, Sound } from '../media/types.ts';
import type { UsableSpan } from './cut-picture.ts';

/** What these clips sound like together in a window of 48 kHz samples, counted from sequence frame 0. */
export async function readMix(
	ffmpeg: Ffmpeg,
	spans: readonly ClipSpan[],
	window: FrameRange,
	rate: Rational,
	signal: AbortSignal,
): Promise<Sound> {
	const samples = window.end - window.start;
	const mix = { left: new Float32Array(samples), right: new Float32Array(samples) };
	for (const span of spans) {
		if (span.source.kind !== 'file') continue;
		const from = Math.max(window.start, samplesForFrames(span.range.start, rate));
		const to = Math.min(window.end, samplesForFrames(span.range.end, rate));
		if (to <= from) continue;
		const wanted = {
			path: span.source.path,
			from: soundTime(span, from, rate),
			samples: to - from,
			speed: span.speed,
		};
		const sound = await readSound(ffmpeg, wanted, signal);
		for (let i = 0; i < to - from; i++) {
			mix.left[from - window.start + i]! += sound.left[i]!;
			mix.right[from - window.start + i]! += sound.right[i]!;
		}
	}
	return mix;
}

/** A clip's own 48 kHz sound from a frame of the sequence on, beyond its range too. */
export function readOwnSound(
	ffmpeg: Ffmpeg,
	clip: UsableSpan,
	{ frame, samples }: { readonly frame: number; readonly samples: number },
	rate: FrameRate,
	signal: AbortSignal,
): Promise<Sound> {
	const from = sourceTime(clip, { num: frame, den: 1 }, rate);
	return readSound(ffmpeg, { path: clip.source.path, from, samples, speed: clip.speed }, signal);
}

/** Source time of a sample of the sequence, both counted at 48 kHz from sequence frame 0. */
function soundTime(span: ClipSpan, sample: number, rate: Rational): Rational {
	const start = framesToSeconds(span.range.start, rate);
	const seconds = subtract(rational(sample, 48_000), start);
	return add(span.sourceIn, multiply(seconds, span.speed));
}

import {
	add,
	compare,
	type FrameRange,
	type FrameRate,
	frameAt,
	framesToSeconds,
	multiply,
	type Rational,
	rangesOverlap,
	rational,
	samplesForFrames,
	subtract,
	toNumber,
} from '../../protocol/time.ts';
import {
	type ClipSound,
	type ClipSpan,
	distinctSounds,
	sourceTime,
} from '../../protocol/timeline.ts';
import { readSound } from '../media/sound.ts';
import type { Ffmpeg, Sound } from '../media/types.ts';
import type { UsableSpan } from './cut-picture.ts';

/** What these clips sound like together in a window of 48 kHz samples, counted from sequence frame 0. */
export async function readMix(
	ffmpeg: Ffmpeg,
	spans: readonly ClipSpan[],
	window: FrameRange,
	rate: FrameRate,
	signal: AbortSignal,
): Promise<Sound> {
	const samples = window.end - window.start;
	const mix = { left: new Float32Array(samples), right: new Float32Array(samples) };
	for (const span of together(spans)) {
		const start = Math.max(window.start, samplesForFrames(span.range.start, rate));
		const end = Math.min(window.end, samplesForFrames(span.range.end, rate));
		if (end <= start) continue;
		const { left, right } = await readClip(ffmpeg, span, { start, end }, rate, signal);
		for (let i = 0; i < end - start; i++) {
			mix.left[start - window.start + i]! += left[i]!;
			mix.right[start - window.start + i]! += right[i]!;
		}
	}
	return mix;
}

/**
 * A clip's own 48 kHz sound in a window, beyond its range too: what is heard of it in the cut, where
 * it stands on tracks of sound, else what its file has.
 */
export function readOwnSound(
	ffmpeg: Ffmpeg,
	clip: ClipSpan,
	heard: readonly ClipSpan[],
	window: FrameRange,
	rate: FrameRate,
	signal: AbortSignal,
): Promise<Sound> {
	const { start, end } = window;
	// Frames that hold the whole window, so that the clip is there throughout.
	const range = {
		start: Math.min(clip.range.start, frameOf(start, rate)),
		end: Math.max(clip.range.end, frameOf(end, rate) + 1),
	};
	const spans = ownSounds(clip, heard, rate).map((span) => {
		const sourceIn = sourceTime(span, { num: range.start, den: 1 }, rate);
		return { ...span, range, sourceIn };
	});
	return readMix(ffmpeg, spans, window, rate, signal);
}

/** The clips on tracks of sound that a clip is heard by; itself where there are none. */
export function ownSounds(
	clip: ClipSpan,
	heard: readonly ClipSpan[],
	rate: FrameRate,
): readonly ClipSpan[] {
	const start = { num: clip.range.start, den: 1 };
	const isBeside = (span: ClipSpan) => {
		const off = subtract(sourceTime(span, start, rate), sourceTime(clip, start, rate));
		return Math.abs(toNumber(off)) < rate.den / rate.num;
	};
	const own = distinctSounds(heard).filter(
		(span) =>
			span.enabled &&
			span.source.kind === 'file' &&
			clip.source.kind === 'file' &&
			span.source.path === clip.source.path &&
			rangesOverlap(span.range, clip.range) &&
			compare(span.speed, clip.speed) === 0 &&
			isBeside(span),
	);
	return own.length > 0 ? own : [clip];
}

/** Channels of one file that stand on several tracks, read at once. */
function together(spans: readonly ClipSpan[]): readonly UsableSpan[] {
	const joined = new Map<string, UsableSpan>();
	for (const [index, span] of spans.entries()) {
		const { source, range, sourceIn, speed, sound } = span;
		if (source.kind !== 'file') continue;
		const { stream, channels, level } = sound ?? {};
		const key = JSON.stringify([source, range, sourceIn, speed, stream, level, !channels && index]);
		const other = joined.get(key)?.sound?.channels;
		if (!channels || !other) joined.set(key, { ...span, source });
		else {
			const left = [...other.left, ...channels.left];
			const right = [...other.right, ...channels.right];
			joined.set(key, { ...span, source, sound: { ...sound, channels: { left, right } } });
		}
	}
	return [...joined.values()];
}

async function readClip(
	ffmpeg: Ffmpeg,
	span: UsableSpan,
	{ start, end }: FrameRange,
	rate: FrameRate,
	signal: AbortSignal,
): Promise<Sound> {
	const sound = await readSound(
		ffmpeg,
		{
			path: span.source.path,
			sound: span.sound,
			pictureStream: span.pictureStream,
			from: soundTime(span, start, rate),
			samples: end - start,
			speed: span.speed,
		},
		signal,
	);
	const level = span.sound?.level;
	return level ? atLevel(sound, level, start, rate) : sound;
}

/** Sound from a sample of the sequence on, as loud as the cut has it. */
function atLevel(
	{ left, right }: Sound,
	level: NonNullable<ClipSound['level']>,
	start: number,
	rate: FrameRate,
): Sound {
	const each = rate.num / rate.den / 48_000;
	let next = 0;
	const gain = Float32Array.from(left, (_, i) => {
		const frame = (start + i) * each;
		while (next < level.length && level[next]!.frame <= frame) next += 1;
		const [from, to] = [level[next - 1], level[next]];
		if (!from || !to) return (from ?? to)!.gain;
		const share = (frame - from.frame) / (to.frame - from.frame);
		return from.gain + (to.gain - from.gain) * share;
	});
	return {
		left: left.map((value, i) => value * gain[i]!),
		right: right.map((value, i) => value * gain[i]!),
	};
}

/** Source time of a sample of the sequence, both counted at 48 kHz from sequence frame 0. */
function soundTime(span: ClipSpan, sample: number, rate: Rational): Rational {
	const start = framesToSeconds(span.range.start, rate);
	const seconds = subtract(rational(sample, 48_000), start);
	return add(span.sourceIn, multiply(seconds, span.speed));
}

/** The frame in which a 48 kHz sample of the sequence lies. */
function frameOf(sample: number, rate: FrameRate): number {
	return frameAt(rational(sample, 48_000), rate);
}

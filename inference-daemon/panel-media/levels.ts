import { writeFile } from 'node:fs/promises';
import { PickupError } from '../../protocol/errors.ts';
import type { Levels } from '../../protocol/media.ts';
import {
	type FrameRange,
	type FrameRate,
	ONE,
	rangesOverlap,
	samplesForFrames,
	ZERO,
} from '../../protocol/time.ts';
import { type ClipSpan, type Cut, distinctSounds } from '../../protocol/timeline.ts';
import { readMix } from '../engines/cut-sound.ts';
import type { Ffmpeg, Sound } from '../media/types.ts';
import type { FinishedClip } from './finished-clip.ts';
import type { Wanted } from './media-cache.ts';
import { fileKey } from './still.ts';

/** Samples that are read at a time: 5 s, so that nobody waits long while they are brought to 48 kHz. */
const AT_ONCE = 5 * 48_000;

/** What is to be heard, in sequence frames at a rate. */
export type Heard = {
	readonly spans: readonly ClipSpan[];
	readonly range: FrameRange;
	readonly rate: FrameRate;
};

/** What is heard of a cut in a range: enabled clips on enabled tracks of sound. */
export function heardIn({ tracks, sequence }: Cut, range: FrameRange): Heard {
	const clips = tracks
		.filter(({ kind, enabled }) => kind === 'audio' && enabled)
		.flatMap((track) => track.clips)
		.filter((clip) => clip.enabled && rangesOverlap(clip.range, range));
	return { spans: distinctSounds(clips), range, rate: sequence.rate };
}

/** What is heard of a take, from its first frame to its last. */
export function heardInTake({ clip, path }: FinishedClip): Heard {
	const range = { start: 0, end: clip.frames };
	const spans = clip.samples > 0 ? [spanOfFile(path, range)] : [];
	return { spans, range, rate: clip.rate };
}

/** A file that plays as it is from the start of a range. */
export function spanOfFile(path: string, range: FrameRange): ClipSpan {
	return {
		name: path,
		track: '',
		range,
		source: { kind: 'file', path },
		sourceIn: ZERO,
		speed: ONE,
		enabled: true,
	};
}

/** How loud it is in each of so many stretches, as a JSON file of `Levels`. */
export async function levelsIn(
	{ spans, range, rate }: Heard,
	points: number,
	ffmpeg: () => Promise<Ffmpeg>,
): Promise<Wanted> {
	const files = await Promise.all(
		spans.map(({ source }) =>
			source.kind === 'file' ? fileKey(source.path).catch(() => null) : null,
		),
	);
	return {
		key: ['levels', spans, files, range, rate, points],
		extension: 'json',
		async make(to, signal) {
			const there = spans.filter((_span, index) => files[index] !== null);
			const program = await ffmpeg();
			const unheard = new Set(spans.filter((span) => !there.includes(span)));
			const window = {
				start: samplesForFrames(range.start, rate),
				end: samplesForFrames(range.end, rate),
			};
			const meter = meterOf(window.end - window.start, points);
			for (let start = window.start; start < window.end; start += AT_ONCE) {
				const part = { start, end: Math.min(window.end, start + AT_ONCE) };
				const heard = there.filter((span) => !unheard.has(span));
				const { mix, silent } = await readWhatCan(program, heard, part, rate, signal);
				for (const span of silent) unheard.add(span);
				meter.take(mix);
			}
			const levels: Levels = {
				...meter.read(),
				unheard: [...new Set([...unheard].map(({ name }) => name))],
			};
			await writeFile(to, JSON.stringify(levels), { mode: 0o600 });
		},
	};
}

/** All of them at once, which is quicker; one by one where there is one among them that cannot be read. */
export async function readWhatCan(
	ffmpeg: Ffmpeg,
	spans: readonly ClipSpan[],
	window: FrameRange,
	rate: FrameRate,
	signal: AbortSignal,
): Promise<{ readonly mix: Sound; readonly silent: readonly ClipSpan[] }> {
	const read = (some: readonly ClipSpan[]) => readMix(ffmpeg, some, window, rate, signal);
	const all = await read(spans).catch(nullWhereUnreadable);
	if (all) return { mix: all, silent: [] };
	const readable: ClipSpan[] = [];
	for (const span of spans) {
		if (await read([span]).catch(nullWhereUnreadable)) readable.push(span);
	}
	return {
		mix: await read(readable),
		silent: spans.filter((span) => !readable.includes(span)),
	};
}

/** For a `catch`: what is the media’s doing is passed over. */
export function nullWhereUnreadable(error: unknown): null {
	if (error instanceof PickupError && error.toProblem().fault === 'media') return null;
	throw error;
}

/** Takes so many samples in pieces and tells the highest of each stretch. */
function meterOf(samples: number, points: number) {
	const highest = new Float32Array(points);
	let taken = 0;
	return {
		take({ left, right }: Sound) {
			for (let i = 0; i < left.length; i++) {
				const point = Math.min(points - 1, Math.floor(((taken + i) * points) / samples));
				const sample = Math.max(Math.abs(left[i]!), Math.abs(right[i]!));
				if (sample > highest[point]!) highest[point] = sample;
			}
			taken += left.length;
		},
		read: () => ({
			peaks: Array.from(highest, (value) => Math.min(255, Math.round(value * 255))),
			loudest: highest.reduce((most, value) => Math.max(most, value), 0),
		}),
	};
}

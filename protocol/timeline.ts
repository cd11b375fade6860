import * as z from 'zod';
import {
	count,
	frameCount,
	framePosition,
	frameRangeSchema,
	frameRateSchema,
	pathSchema,
	pixelAspectSchema,
	secondsSchema,
	shortText,
	sizeSchema,
	speedSchema,
} from './schemas.ts';
import {
	add,
	type FrameRange,
	type FrameRate,
	framesToSeconds,
	multiply,
	type Rational,
	subtract,
} from './time.ts';

/** Where a clip's picture or sound comes from, as far as the host can tell. */
const mediaSourceSchema = z
	.discriminatedUnion('kind', [
		z.strictObject({ kind: z.literal('file'), path: pathSchema }),
		z.strictObject({ kind: z.literal('offline'), path: z.string().max(4096), reason: shortText }),
		/** A nested sequence, compound clip, title or generator: no one file to read. */
		z.strictObject({ kind: z.literal('synthetic'), what: shortText }),
	])
	.readonly()
	.meta({ id: 'MediaSource' });

/** One of a file's streams. */
const streamSchema = z
	.strictObject({
		among: z
			.enum(['all', 'kind'])
			.describe('`kind`: counted among the streams of picture, or of sound, alone.'),
		index: count.max(9999).describe('The first is 0.'),
	})
	.readonly()
	.meta({ id: 'Stream' });

const channels = z.array(count.max(255)).max(256).readonly();

/**
 * What is heard of a clip's file, and how loud. Clips that a cut has on several tracks are each
 * heard; only those that do not say which channels they play are taken for one where they are alike.
 */
const clipSoundSchema = z
	.strictObject({
		stream: streamSchema
			.optional()
			.describe('The stream of sound. Absent: the first, or with `channels` all of them.'),
		channels: z
			.strictObject({ left: channels, right: channels })
			.readonly()
			.optional()
			.describe(
				'The channels heard on either side, added up; the first is 0, counted through the stream, or without `stream` through all of the file’s streams of sound in order. One microphone in the middle is on both sides. A channel that is not there is silent. Absent: all of the stream, mixed down.',
			),
		level: z
			.array(
				z.strictObject({
					frame: framePosition.describe('Sequence frame.'),
					gain: z.number().min(0).max(1000).describe('1: as in the file, 0.5: 6 dB less.'),
				}),
			)
			.min(1)
			.max(1024)
			.readonly()
			.optional()
			.describe(
				'Level over time, frames ascending: straight lines between points, the first and the last held. One point is a level that does not change. Absent: as in the file.',
			),
	})
	.readonly()
	.meta({ id: 'ClipSound' });

/**
 * One clip as it stands in the cut. The picture or sound at sequence frame `T` is at the source
 * time `sourceIn + (T − range.start) · rate.den / rate.num · speed`, in seconds after the first
 * frame of the media (its first video frame; its first sample where there is no picture).
 */
export const clipSpanSchema = z
	.strictObject({
		name: shortText,
		track: z.string().max(64).describe('As the editor names it, e.g. V1 or A2.'),
		range: frameRangeSchema,
		source: mediaSourceSchema,
		sourceIn: secondsSchema,
		speed: speedSchema.describe('1 is normal, 2 is twice as fast, negative is reversed.'),
		enabled: z.boolean(),
		transition: frameCount
			.optional()
			.describe('Frames of a transition that overlap the edge beside the range.'),
		pictureStream: streamSchema.optional().describe('Absent: the first.'),
		nearestFrame: z
			.literal(true)
			.optional()
			.describe(
				'Of two frames of the file the one that is nearer to the source time shows. Absent: the one before it.',
			),
		sound: clipSoundSchema.optional(),
		effects: z
			.array(shortText)
			.max(64)
			.readonly()
			.optional()
			.describe(
				'What the cut does to the picture, or on a track of sound to that, and nobody else will: scaled, cropped, an equaliser, …',
			),
	})
	.readonly()
	.meta({ id: 'ClipSpan' });

export const sequenceSchema = z
	.strictObject({
		name: shortText,
		rate: frameRateSchema,
		size: sizeSchema,
		pixelAspect: pixelAspectSchema.describe('Width of a pixel over its height; 1/1 is square.'),
		duration: frameCount.describe('Frames.'),
		startFrame: framePosition.describe('Timecode of sequence frame 0, in frames.'),
		dropFrame: z.boolean(),
		sampleRate: z.int().min(8000).max(384_000),
	})
	.readonly()
	.meta({ id: 'Sequence' });

const transitionSchema = z
	.strictObject({ name: shortText, range: frameRangeSchema })
	.readonly()
	.meta({ id: 'Transition' });

/** One track of a sequence. */
export const trackSchema = z
	.strictObject({
		kind: z.enum(['video', 'audio']),
		index: count.describe('From 0, at the bottom; of its kind.'),
		name: z.string().max(64).describe('V1, A1, … or as the editor names it.'),
		enabled: z.boolean(),
		locked: z.boolean(),
		clips: z
			.array(clipSpanSchema)
			.readonly()
			.describe('In order, not overlapping. Disabled clips are there: they occupy their time.'),
		transitions: z.array(transitionSchema).readonly(),
		taken: z
			.array(frameRangeSchema)
			.readonly()
			.optional()
			.describe('Time on it that something else than clips has, so that nothing fits there.'),
		rightChannel: z
			.string()
			.max(64)
			.optional()
			.describe(
				'In a cut with `splitStereo`: the audio track that takes the right channel of a stereo sound whose left channel is here. Absent where this track cannot take a left channel.',
			),
	})
	.readonly()
	.meta({ id: 'Track' });

/** A sequence with its tracks: what gaps are found in and placements are planned by. */
export const cutSchema = z
	.strictObject({
		sequence: sequenceSchema,
		sizeAssumed: z
			.boolean()
			.optional()
			.describe('True where nobody says how large the picture is; the media then know better.'),
		tracks: z
			.array(trackSchema)
			.readonly()
			.describe('Video tracks bottom up, then audio tracks in the editor’s order.'),
		notes: z
			.array(z.string())
			.readonly()
			.optional()
			.describe(
				'What a person would miss in it, in sentences: clips that are there and not in the cut.',
			),
		splitStereo: z
			.boolean()
			.optional()
			.describe('True where an audio track holds one channel, so that a stereo sound takes two.'),
	})
	.readonly()
	.meta({ id: 'Cut' });

/** What an engine gets to know of the cut: the range to fill and what stands on both sides. */
export const timelineContextSchema = z
	.strictObject({
		sequence: sequenceSchema,
		track: z.string().max(64).describe('The track whose range is to be filled, e.g. V1.'),
		range: frameRangeSchema.describe('Sequence frames to make.'),
		left: clipSpanSchema
			.nullable()
			.describe('The clip that ends where the range starts, enabled or not.'),
		right: clipSpanSchema
			.nullable()
			.describe('The clip that starts where the range ends, enabled or not.'),
		sound: z
			.array(clipSpanSchema)
			.max(256)
			.readonly()
			.describe('Enabled sound clips that touch the range or the 10 s on either side of it.'),
	})
	.superRefine(({ sequence, range, left, right, sound }, issues) => {
		const spans = [
			{ path: ['left'], span: left },
			{ path: ['right'], span: right },
			...sound.map((span, index) => ({ path: ['sound', index], span })),
		];
		for (const { path, span } of spans) {
			if (span === null || isExact(span, sequence.rate, range)) continue;
			const message = 'expected a time that can be reckoned with exactly';
			issues.addIssue({ code: 'custom', path: [...path, 'sourceIn'], message });
		}
	})
	.readonly()
	.meta({ id: 'TimelineContext' });

export type MediaSource = z.infer<typeof mediaSourceSchema>;
export type Stream = z.infer<typeof streamSchema>;
export type ClipSound = z.infer<typeof clipSoundSchema>;
export type ClipSpan = z.infer<typeof clipSpanSchema>;
export type Sequence = z.infer<typeof sequenceSchema>;
export type Track = z.infer<typeof trackSchema>;
export type Cut = z.infer<typeof cutSchema>;
export type TimelineContext = z.infer<typeof timelineContextSchema>;

/** Source time of the picture or sound at a sequence position, in frames that need not be whole. */
export function sourceTime(
	span: Pick<ClipSpan, 'range' | 'sourceIn' | 'speed'>,
	at: Rational,
	rate: FrameRate,
): Rational {
	const frames = subtract(at, { num: span.range.start, den: 1 });
	const seconds = multiply(frames, framesToSeconds(1, rate));
	return add(span.sourceIn, multiply(seconds, span.speed));
}

function isExact(span: ClipSpan, rate: FrameRate, range: FrameRange): boolean {
	try {
		for (const frame of [range.start, range.end, span.range.start, span.range.end]) {
			sourceTime(span, { num: frame, den: 1 }, rate);
		}
		return true;
	} catch {
		return false;
	}
}

/** Why media are not there, as `/a/b.mov: there is no such file`; some have no path to name. */
export function whyOffline(source: Extract<MediaSource, { kind: 'offline' }>): string {
	const reason = source.reason.charAt(0).toLowerCase() + source.reason.slice(1);
	return source.path === '' ? reason : `${source.path}: ${reason}`;
}

/** Editors show the channels of one file as several tracks: where they do not say which, they are one sound. */
export function distinctSounds(clips: readonly ClipSpan[]): readonly ClipSpan[] {
	const seen = new Set<string>();
	return clips.filter(({ source, range, sourceIn, speed, sound }) => {
		if (sound?.channels) return true;
		const key = JSON.stringify([
			source,
			...[range.start, range.end, sourceIn.num, sourceIn.den, speed.num, speed.den],
			...[sound?.stream?.among, sound?.stream?.index],
			sound?.level?.map(({ frame, gain }) => [frame, gain]),
		]);
		return !seen.has(key) && seen.add(key);
	});
}

import { PickupError } from '../../protocol/errors.ts';
import {
	add,
	floor,
	multiply,
	type Rational,
	rational,
	round,
	toNumber,
} from '../../protocol/time.ts';
import type { ClipSound, Stream } from '../../protocol/timeline.ts';
import { examine, type Media } from './probe.ts';
import { FfmpegFailure, runFfmpeg } from './process.ts';
import { resample, resampleReach } from './resample.ts';
import { LOOKBACKS, seekArguments } from './seek.ts';
import { readShown, SHOW_KEPT_SOUND, SHOW_SOUND, SHOWINFO_LOGLEVEL } from './showinfo.ts';
import type { Ffmpeg, Sound, SoundWanted } from './types.ts';

const SAMPLE_RATE = 48_000;
/** Decoders of overlapping blocks need a few of them before what they give is right. */
const PREROLL_SECONDS = 0.2;

/**
 * Stereo sound at 48 kHz: sample k is the source at `from + k · speed / 48000`, on the clock where
 * the first video frame is 0 (the first sample, where there is no picture). 48 kHz sources at
 * normal speed come sample for sample, moved by at most half a sample; others are resampled, so
 * that speed changes pitch. Other layouts are mixed down, scaled so that they cannot clip, except
 * where channels are named. Silence outside the stream and where there is none. Throws PickupError `media-offline`,
 * `not-a-regular-file`, `media-unreadable`, or the signal's reason.
 */
export async function readSound(
	ffmpeg: Ffmpeg,
	wanted: SoundWanted,
	signal?: AbortSignal,
): Promise<Sound> {
	const { samples, pictureStream: picture } = wanted;
	const heard = { left: new Float32Array(samples), right: new Float32Array(samples) };
	if (samples === 0 || wanted.speed.num === 0) return heard;
	const first = await examine(ffmpeg, wanted.path, signal, { picture });
	for (const part of partsOf(first, wanted.sound)) {
		const media = await examine(ffmpeg, wanted.path, signal, { picture, sound: part.stream });
		if (!media.audio) {
			// The first stream may be missing or unknown to ffmpeg; one that the cut names must be there.
			if (wanted.sound?.stream || part.channels) throw missingStream(media, part.stream);
			continue;
		}
		const clock = first.video?.start ?? first.audio?.start ?? media.audio.start;
		addTo(heard, await readPart(ffmpeg, media, part.channels, { ...wanted, clock }, signal));
	}
	return heard;
}

function missingStream({ path, channels }: Media, { among, index }: Stream): PickupError {
	const which =
		among === 'all'
			? `stream ${index} of ${path} to be sound`
			: `stream of sound ${index} in ${path}`;
	return new PickupError(
		'media-unreadable',
		`Expected ${which}, counted from 0, that can be read; it has ${channels.length} of sound`,
		{ field: path },
	);
}

type Channels = NonNullable<ClipSound['channels']>;

/** One stream and what of it is heard; null is all of it, mixed down. */
type Part = { readonly stream: Stream; readonly channels: Channels | null };

function partsOf({ channels: counts }: Media, sound: SoundWanted['sound']): readonly Part[] {
	const { stream, channels } = sound ?? {};
	if (!channels) return [{ stream: stream ?? { among: 'kind', index: 0 }, channels: null }];
	if (stream) return [{ stream, channels }];
	let first = 0;
	return counts.flatMap((count, index) => {
		const start = first;
		first += count;
		const within = (wanted: readonly number[]) =>
			wanted.filter((at) => start <= at && at < first).map((at) => at - start);
		const own = { left: within(channels.left), right: within(channels.right) };
		if (own.left.length + own.right.length === 0) return [];
		return [{ stream: { among: 'kind', index }, channels: own }];
	});
}

function addTo(sum: Sound, { left, right }: Sound): void {
	for (let i = 0; i < left.length; i++) {
		sum.left[i]! += left[i]!;
		sum.right[i]! += right[i]!;
	}
}

async function readPart(
	ffmpeg: Ffmpeg,
	media: Media,
	channels: Channels | null,
	wanted: SoundWanted & { readonly clock: Rational },
	signal: AbortSignal | undefined,
): Promise<Sound> {
	const { samples, clock } = wanted;
	const rate = rational(media.audio!.sampleRate);
	// Positions in samples of the stream, counted from time 0 of the container.
	const origin = multiply(add(wanted.from, clock), rate);
	const step = multiply(wanted.speed, multiply(rate, rational(1, SAMPLE_RATE)));
	const isDirect = step.den === 1 && Math.abs(step.num) === 1;
	const first = isDirect ? rational(round(origin)) : origin;
	const last = add(first, multiply(step, rational(samples - 1)));
	const reach = isDirect ? 0 : resampleReach(toNumber(step));
	const from = Math.min(floor(first), floor(last)) - reach;
	const to = Math.max(floor(first), floor(last)) + 1 + reach;
	const source = await readWindow(ffmpeg, media, channels, from, to - from, signal);
	const offset = toNumber(add(first, rational(-from)));
	return {
		left: take(source.left, offset, step, samples, isDirect),
		right: take(source.right, offset, step, samples, isDirect),
	};
}

function take(
	source: Float32Array,
	offset: number,
	step: Rational,
	count: number,
	isDirect: boolean,
): Float32Array {
	if (!isDirect) return resample(source, offset, toNumber(step), count);
	if (step.num > 0) return source.slice(offset, offset + count);
	return source.slice(offset - count + 1, offset + 1).reverse();
}

/** Samples `from … from + count` of the stream in its own rate, with silence where it has none. */
async function readWindow(
	ffmpeg: Ffmpeg,
	media: Media,
	channels: Channels | null,
	from: number,
	count: number,
	signal: AbortSignal | undefined,
): Promise<Sound> {
	const rate = media.audio!.sampleRate;
	for (const lookback of LOOKBACKS) {
		const seek = seekArguments(media, from / rate - lookback);
		const run = await decode(ffmpeg, media, channels, { seek, from, count }, signal);
		const preroll = run.decodedFirst === null ? -1 : from - run.decodedFirst;
		if (seek.length === 0 || preroll >= PREROLL_SECONDS * rate) return run.sound;
	}
	throw new Error('unreachable: the last lookback reads the whole file');
}

type Decoded = { readonly sound: Sound; readonly decodedFirst: number | null };

async function decode(
	ffmpeg: Ffmpeg,
	media: Media,
	wanted: Channels | null,
	window: { readonly seek: readonly string[]; readonly from: number; readonly count: number },
	signal: AbortSignal | undefined,
): Promise<Decoded> {
	const { sampleRate, channels, map } = media.audio!;
	// Mixed by ffmpeg, mono would come out 3 dB quieter on both sides.
	const layout = channels === 1 && wanted === null ? 'mono' : 'stereo';
	const { from, count } = window;
	const all: Block[] = [];
	const kept: Block[] = [];
	const chunks: Uint8Array[] = [];
	// Wider than wanted by more than the container's times may be rounded.
	const start = (from / sampleRate - 0.002).toFixed(6);
	const end = ((from + count) / sampleRate + 0.002).toFixed(6);
	try {
		await runFfmpeg(ffmpeg, {
			args: [
				...SHOWINFO_LOGLEVEL,
				...window.seek,
				'-copyts',
				...media.input,
				...['-map', map, '-vn'],
				'-af',
				[
					SHOW_SOUND,
					`atrim=start=${start}:end=${end}`,
					...(wanted === null
						? [`aresample=${sampleRate}:rematrix_maxval=1`]
						: ['aformat=sample_fmts=flt', panOf(wanted, channels)]),
					`aformat=sample_fmts=flt:channel_layouts=${layout}`,
					SHOW_KEPT_SOUND,
				].join(','),
				...['-f', 'f32le', 'pipe:1'],
			],
			signal,
			onOutput: (chunk) => chunks.push(chunk),
			onLine: (line) => {
				for (const entry of readShown(line)) {
					if (entry.kind === 'sound') (entry.isKept ? kept : all).push(entry);
				}
			},
		});
	} catch (error) {
		if (!(error instanceof FfmpegFailure)) throw error;
		throw new PickupError(
			'media-unreadable',
			`Expected sound that can be read in ${media.path}: ${error.message}`,
			{ field: media.path, cause: error },
		);
	}
	const placed = placeBlocks(media, all);
	return {
		sound: lay(Buffer.concat(chunks), layout, settle(kept, placed), from, count),
		decodedFirst: placed[0]?.at ?? null,
	};
}

/** The channels of either side, added up; one that the stream has not got is silent. */
function panOf({ left, right }: Channels, count: number): string {
	const sides = [left, right].map((side) => {
		const times = (channel: number) => side.filter((other) => other === channel).length;
		const there = [...new Set(side)].filter((channel) => channel < count);
		return there.map((channel) => `${times(channel)}*c${channel}`).join('+') || '0*c0';
	});
	return `pan=stereo|c0=${sides[0]}|c1=${sides[1]}`;
}

/** What the decoder gave at once; `pts` in samples of its rate, as the container has it. */
type Block = { readonly pts: number | null; readonly samples: number };

/** Where a block belongs, in samples. */
type Placed = Block & { readonly at: number };

/**
 * Blocks follow each other without a seam where their times say so as nearly as the container can
 * tell; else there is a hole, or an overlap, as they say.
 */
function placeBlocks(media: Media, blocks: readonly Block[]): readonly Placed[] {
	const tolerance = media.coarseClock ? media.audio!.sampleRate / 1000 + 1 : 2;
	const shift = media.coarseClock ? gridShift(media, blocks) : 0;
	const placed: Placed[] = [];
	let next: number | null = null;
	for (const block of blocks) {
		const told: number = block.pts === null ? (next ?? 0) : block.pts + shift;
		const at: number = next !== null && Math.abs(told - next) <= tolerance ? next : told;
		placed.push({ ...block, at });
		next = at + block.samples;
	}
	return placed;
}

/**
 * Matroska and its like round each block's time to a millisecond, 48 samples, so that after a seek
 * the sound would lie up to half of that away from where it lies when read from the start. Where
 * blocks are all of one length the true place is known: whole blocks after the first.
 */
function gridShift(media: Media, blocks: readonly Block[]): number {
	const { audio } = media;
	const [block, second] = blocks;
	if (!audio || !block || !second || block.pts === null) return 0;
	const start = Math.round(toNumber(audio.start) * audio.sampleRate);
	if (block.pts <= start) return 0;
	const length = second.samples;
	const isUniform = blocks.slice(0, -1).every((other) => other.samples === length);
	if (!isUniform) return 0;
	const grid = start + audio.firstSamples;
	const exact = grid + Math.round((block.pts - grid) / length) * length;
	const shift = exact - block.pts;
	return Math.abs(shift) <= audio.sampleRate / 1000 + 1 ? shift : 0;
}

/** The places of blocks that are parts of placed ones: the window cuts the first and the last. */
function settle(kept: readonly Block[], placed: readonly Placed[]): readonly Placed[] {
	let whole = 0;
	return kept.map((block) => {
		const { pts } = block;
		const isIn = (candidate: Placed | undefined) =>
			candidate !== undefined && pts !== null && (candidate.pts ?? pts + 1) <= pts;
		while (isIn(placed[whole + 1])) whole += 1;
		const { pts: start = pts, at = 0 } = placed[whole] ?? {};
		return { ...block, at: at + (pts ?? 0) - (start ?? 0) };
	});
}

/** Puts interleaved blocks where their times say. */
function lay(
	data: Buffer,
	layout: 'mono' | 'stereo',
	blocks: readonly Placed[],
	from: number,
	count: number,
): Sound {
	const left = new Float32Array(count);
	const right = layout === 'mono' ? left : new Float32Array(count);
	const channels = layout === 'mono' ? 1 : 2;
	const values = new Float32Array(data.buffer, data.byteOffset, Math.floor(data.length / 4));
	let read = 0;
	for (const block of blocks) {
		const at = block.at - from;
		const begin = Math.max(0, -at);
		const end = Math.min(block.samples, count - at, values.length / channels - read);
		for (let i = begin; i < end; i++) {
			left[at + i] = values[(read + i) * channels]!;
			right[at + i] = values[(read + i) * channels + channels - 1]!;
		}
		read += block.samples;
	}
	return { left, right };
}

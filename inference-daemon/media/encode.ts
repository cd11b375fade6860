import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fullDisk, noRoom, writeError } from '../../files/system-errors.ts';
import { syncToDisk } from '../../files/write-whole.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { Codec } from '../../protocol/generation.ts';
import type { Size } from '../../protocol/schemas.ts';
import { type FrameRate, formatRate, samplesForFrames } from '../../protocol/time.ts';
import { clipSizeFor, encoderArguments, pixelFormatFor } from './codecs.ts';
import { outputArgument } from './files.ts';
import { frameBytes } from './pixels.ts';
import { previewArguments } from './poster.ts';
import { FfmpegFailure, runFfmpeg } from './process.ts';
import type { ClipWanted, Ffmpeg, Frame, Sound } from './types.ts';
import { readTracks } from './verify.ts';

export { clipSizeFor, pixelFormatFor };

/** A finished clip: counted, synced to the disk and standing under its own name. */
export type EncodedClip = {
	readonly path: string;
	readonly frames: number;
	/** 48 kHz sample frames; 0 without sound. */
	readonly samples: number;
	readonly rate: FrameRate;
	readonly size: Size;
	readonly codec: Codec;
};

/**
 * Encodes frames as they come, with their sound, into a MOV of exactly `frameCount` frames at the
 * constant rate. A frame's data may be reused once the next frame is asked for. The file stands as
 * `<path>.part` until it has been read back, counted and synced, and is then renamed; on any error
 * nothing is left. Throws PickupError `bad-request` where frames or sound are not as announced,
 * `folder-missing`, `folder-not-writable`, `disk-full`, `encode-failed`, what `frames` throws, or
 * the signal's reason.
 */
export async function encodeClip(
	ffmpeg: Ffmpeg,
	wanted: ClipWanted,
	signal?: AbortSignal,
): Promise<EncodedClip> {
	signal?.throwIfAborted();
	checkWanted(wanted);
	const part = `${wanted.path}.part`;
	const file = await createPart(part);
	try {
		await encode(ffmpeg, wanted, { part, file }, signal);
		await checkClip(wanted, file);
		await file.sync();
		signal?.throwIfAborted();
		if (!(await isSame(part, file))) throw new Error(`${part} was taken away`);
		await rename(part, wanted.path);
	} catch (error) {
		if (await isSame(part, file)) await rm(part, { force: true });
		throw explain(error, wanted);
	} finally {
		await file.close();
	}
	await syncToDisk(dirname(wanted.path)).catch(() => {
		// Not every system can sync a folder; the file itself is safe.
	});
	return {
		path: wanted.path,
		frames: wanted.frameCount,
		samples: samplesOf(wanted),
		rate: wanted.rate,
		size: wanted.size,
		codec: wanted.codec,
	};
}

function checkWanted(wanted: ClipWanted): void {
	const { frameCount, size, codec } = wanted;
	if (!Number.isSafeInteger(frameCount) || frameCount < 1) {
		throw new PickupError('bad-request', `Expected at least one frame, got ${frameCount}`, {
			field: 'frameCount',
		});
	}
	const isOdd = size.width % 2 === 1 || size.height % 2 === 1;
	if (isOdd && codec === 'h264-intra') {
		throw new PickupError(
			'bad-request',
			`Expected an even width and height for H.264, got ${size.width}×${size.height}`,
			{ field: 'size', action: 'Choose ProRes for a sequence of this size.' },
		);
	}
}

function samplesOf({ frameCount, rate, sound }: ClipWanted): number {
	return sound ? samplesForFrames(frameCount, rate) : 0;
}

/** Throws where something has the name: it is not written into. */
async function createPart(part: string): Promise<FileHandle> {
	try {
		return await open(part, 'wx+');
	} catch (error) {
		throw writeError(error, dirname(part), 'the clip');
	}
}

async function isSame(path: string, file: FileHandle): Promise<boolean> {
	const found = await lstat(path).catch(() => null);
	const { ino, dev } = await file.stat();
	return found?.ino === ino && found.dev === dev;
}

/**
 * ffmpeg writes into the file that was made, by its number: where others may write, a link could
 * have come to its name. Windows has no names for numbers.
 */
function targetOf(part: string): string {
	if (process.platform === 'win32') return outputArgument(part);
	return process.platform === 'linux' ? 'file:/proc/self/fd/4' : 'file:/dev/fd/4';
}

async function encode(
	ffmpeg: Ffmpeg,
	wanted: ClipWanted,
	{ part, file }: { readonly part: string; readonly file: FileHandle },
	signal: AbortSignal | undefined,
): Promise<void> {
	const { size, rate, sound, tags, still } = wanted;
	const given = givenAs(wanted);
	const tagArguments = Object.entries(tags).flatMap(([name, value]) => [
		'-metadata',
		`${name.replace(/[^\w-]/g, '')}=${value.replace(/\p{Cc}+/gu, ' ').slice(0, 2000)}`,
	]);
	await runFfmpeg(ffmpeg, {
		args: [
			...['-loglevel', 'level+error', '-y'],
			...['-f', 'rawvideo', '-pixel_format', given.format],
			...['-video_size', `${given.size.width}x${given.size.height}`],
			...['-r', `${rate.num}/${rate.den}`, '-i', 'pipe:0'],
			// A second of sound would be looked at, or its end, before more than some frames are taken.
			...(sound ? ['-probesize', '32'] : []),
			...(sound ? ['-f', 's24le', '-ar', '48000', '-ac', '2', '-i', 'pipe:3'] : []),
			...['-map', '0:v:0', ...(sound ? ['-map', '1:a:0', '-c:a', 'pcm_s24le'] : [])],
			...encoderArguments(wanted),
			...tagArguments,
			...['-f', 'mov', targetOf(part)],
			...(still ? ['-map', '0:v:0'] : []),
			...(still ? previewArguments(size, given.format, still.width, still.frame) : []),
		],
		signal,
		output: file.fd,
		input: checkedFrames(wanted),
		...(sound ? { secondInput: packedSound(wanted, sound) } : {}),
		...(still ? { onOutput: wholePng(still.take) } : {}),
	});
}

function givenAs({ drawn, size, codec }: ClipWanted) {
	return drawn ?? { size, format: pixelFormatFor(codec) };
}

const PNG_END = Buffer.from('IEND\xae\x42\x60\x82', 'latin1');

/** Takes a PNG in pieces and hands it on when its last chunk has come. */
function wholePng(take: (png: Uint8Array) => void): (chunk: Uint8Array) => void {
	const chunks: Uint8Array[] = [];
	return (chunk) => {
		chunks.push(chunk);
		const png = Buffer.concat(chunks);
		if (png.subarray(-PNG_END.length).equals(PNG_END)) take(png);
	};
}

/** The frames' bytes; an error where one is not as announced, or there are too many or too few. */
async function* checkedFrames(wanted: ClipWanted): AsyncGenerator<Uint8Array, void, void> {
	const { frameCount } = wanted;
	const { size, format } = givenAs(wanted);
	const bytes = frameBytes(format, size);
	let count = 0;
	for await (const frame of wanted.frames) {
		count += 1;
		const fits =
			frame.width === size.width &&
			frame.height === size.height &&
			frame.format === format &&
			frame.data.length === bytes;
		if (!fits) {
			throw new PickupError(
				'bad-request',
				`Expected frames of ${size.width}×${size.height} ${format} with ${bytes} bytes, got ${describe(frame)}`,
				{ field: `frames.${count - 1}` },
			);
		}
		if (count > frameCount) {
			throw new PickupError('bad-request', `Expected ${frameCount} frames, got more`, {
				field: 'frames',
			});
		}
		yield frame.data;
	}
	if (count < frameCount) {
		throw new PickupError('bad-request', `Expected ${frameCount} frames, got ${count}`, {
			field: 'frames',
		});
	}
}

function describe(frame: Frame): string {
	return `${frame.width}×${frame.height} ${frame.format} with ${frame.data.length}`;
}

const PACKED_AT_ONCE = 48_000;

/** Interleaved 24-bit samples, rounded, with what is beyond full scale cut off. */
async function* packedSound(
	wanted: ClipWanted,
	sound: NonNullable<ClipWanted['sound']>,
): AsyncGenerator<Uint8Array, void, void> {
	const samples = samplesOf(wanted);
	let count = 0;
	for await (const { left, right } of piecesOf(sound)) {
		count += left.length;
		if (left.length !== right.length || count > samples) throw unfitSound(wanted, count, right);
		for (let start = 0; start < left.length; start += PACKED_AT_ONCE) {
			const end = Math.min(left.length, start + PACKED_AT_ONCE);
			const bytes = Buffer.allocUnsafe((end - start) * 6);
			for (let i = start, at = 0; i < end; i++, at += 6) {
				bytes.writeIntLE(toInt24(left[i]!), at, 3);
				bytes.writeIntLE(toInt24(right[i]!), at + 3, 3);
			}
			yield bytes;
		}
	}
	if (count < samples) throw unfitSound(wanted, count);
}

async function* piecesOf(
	sound: NonNullable<ClipWanted['sound']>,
): AsyncGenerator<Sound, void, void> {
	if (Symbol.asyncIterator in sound) yield* sound;
	else yield await sound;
}

function unfitSound(wanted: ClipWanted, count: number, right?: Float32Array): PickupError {
	const got = right && right.length !== count ? `${count} and ${right.length}` : count;
	return new PickupError(
		'bad-request',
		`Expected ${samplesOf(wanted)} samples for ${wanted.frameCount} frames at ${formatRate(wanted.rate)}, got ${got}`,
		{ field: 'sound' },
	);
}

function toInt24(value: number): number {
	if (Number.isNaN(value)) return 0;
	return Math.max(-0x800000, Math.min(0x7fffff, Math.round(value * 0x800000)));
}

/** Reads the file back: every frame must be there, in its place, and every sample. */
async function checkClip(wanted: ClipWanted, file: FileHandle): Promise<void> {
	const { frameCount, rate } = wanted;
	const { video, audio } = await readTracks(file).catch((cause: Error) => {
		throw new PickupError('encode-failed', `Expected a whole clip: ${cause.message}`, { cause });
	});
	const [frames, samples] = [video?.count ?? 0, audio?.count ?? 0];
	const expected = samplesOf(wanted);
	if (frames !== frameCount || samples !== expected) {
		throw new PickupError(
			'encode-failed',
			`Expected a file with ${frameCount} frames and ${expected} samples, got ${frames} and ${samples}`,
		);
	}
	const isExact = video!.durations.every(
		({ ticks }) => ticks * rate.num === rate.den * video!.timescale,
	);
	if (!isExact || video!.isMoved || audio?.isMoved) {
		const told = video!.durations.map(({ count, ticks }) => `${count} × ${ticks}`).join(', ');
		throw new PickupError(
			'encode-failed',
			`Expected frames of 1/${formatRate(rate)} s from 0 on, got ${told} of 1/${video!.timescale} s`,
		);
	}
}

function explain(error: unknown, wanted: ClipWanted): unknown {
	const folder = dirname(wanted.path);
	if (!(error instanceof FfmpegFailure)) return writeError(error, folder, 'the clip');
	if (fullDisk(error) !== null) return noRoom(folder, 'the clip', error);
	return new PickupError(
		'encode-failed',
		`Expected ffmpeg to encode ${wanted.codec} at ${wanted.size.width}×${wanted.size.height}: ${error.message}`,
		{ cause: error },
	);
}

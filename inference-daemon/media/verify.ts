import type { FileHandle } from 'node:fs/promises';
import { openRegular } from '../../files/open-regular.ts';
import { PickupError } from '../../protocol/errors.ts';
import { inputArguments } from './files.ts';

export type ClipCount = { readonly frames: number; readonly samples: number };

/** What a MOV's sample tables say of its first picture or sound. */
export type Track = {
	/** Ticks per second. */
	readonly timescale: number;
	/** Frames of picture; sample frames of PCM sound. */
	readonly count: number;
	/** Runs of samples in a row that last equally long, in ticks. */
	readonly durations: readonly { readonly count: number; readonly ticks: number }[];
	/** Samples are shown in another order or from another time than they lie in. */
	readonly isMoved: boolean;
};

export type Tracks = { readonly video: Track | null; readonly audio: Track | null };

/**
 * Counts a finished MOV clip's video frames and its sample frames of sound. Throws PickupError
 * `media-offline`, `not-a-regular-file`, or `media-unreadable` where it breaks off or is no clip
 * at all.
 */
export async function countClip(path: string): Promise<ClipCount> {
	const input = await inputArguments(path);
	const file = await openRegular(input.path);
	try {
		const { video, audio } = await readTracks(file);
		return { frames: video?.count ?? 0, samples: audio?.count ?? 0 };
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		throw new PickupError('media-unreadable', `Expected a whole clip at ${input.path}: ${why}`, {
			field: input.path,
			cause: error,
		});
	} finally {
		await file.close();
	}
}

/**
 * Reads the sample tables of a MOV (Apple, QuickTime File Format, "Sample Atoms") and makes sure
 * that every byte they tell of is in the file. Throws Error that says what is wrong with it.
 */
export async function readTracks(file: FileHandle): Promise<Tracks> {
	const { size } = await file.stat();
	const movie = new Box(await readMovie(file, size));
	const tracks = movie.all('trak').map((track) => readTrack(track, size));
	const first = (kind: string) => tracks.find((track) => track.kind === kind)?.track ?? null;
	return { video: first('vide'), audio: first('soun') };
}

const LARGEST_MOVIE = 64 * 1024 * 1024;

/** The content of the `moov` atom, found from the heads of the atoms before it. */
async function readMovie(file: FileHandle, size: number): Promise<Buffer> {
	const head = Buffer.alloc(16);
	for (let at = 0; at + 8 <= size; ) {
		await file.read(head, 0, 16, at);
		const short = head.readUInt32BE(0);
		const start = short === 1 ? 16 : 8;
		const length = short === 1 ? Number(head.readBigUInt64BE(8)) : short || size - at;
		if (length < start || at + length > size) throw new Error('it breaks off');
		if (head.toString('latin1', 4, 8) === 'moov') {
			if (length > LARGEST_MOVIE) throw new Error('its tables are too large');
			const content = Buffer.alloc(length - start);
			await file.read(content, 0, content.length, at + start);
			return content;
		}
		at += length;
	}
	throw new Error('it has no tables of frames');
}

/** An atom's content, read as a list of atoms. */
class Box {
	readonly #children: { readonly type: string; readonly content: Buffer }[] = [];

	constructor(content: Buffer) {
		for (let at = 0; at + 8 <= content.length; ) {
			const length = content.readUInt32BE(at);
			if (length < 8 || at + length > content.length) throw new Error('its tables break off');
			const type = content.toString('latin1', at + 4, at + 8);
			this.#children.push({ type, content: content.subarray(at + 8, at + length) });
			at += length;
		}
	}

	all(type: string): Box[] {
		return this.#children
			.filter((child) => child.type === type)
			.map((child) => new Box(child.content));
	}

	/** The one box at the end of a path of types. */
	box(...path: string[]): Box {
		return path.reduce<Box>((box, type) => new Box(box.content(type)), this);
	}

	has(type: string): boolean {
		return this.#children.some((child) => child.type === type);
	}

	content(type: string): Buffer {
		const child = this.#children.find((candidate) => candidate.type === type);
		if (!child) throw new Error(`it lacks a ${type} atom`);
		return child.content;
	}

	/** A table's rows of `width` big-endian 32-bit numbers, after a count at `start`. */
	rows(type: string, width: number, start = 4): number[][] {
		const content = this.content(type);
		const count = content.readUInt32BE(start);
		if (start + 4 + count * width * 4 > content.length) throw new Error(`its ${type} breaks off`);
		return Array.from({ length: count }, (_, row) =>
			Array.from({ length: width }, (_, i) =>
				content.readUInt32BE(start + 4 + (row * width + i) * 4),
			),
		);
	}
}

function readTrack(track: Box, fileSize: number): { kind: string; track: Track } {
	const media = track.box('mdia');
	const kind = media.content('hdlr').toString('latin1', 8, 12);
	const header = media.content('mdhd');
	const timescale = header.readUInt32BE(header[0] === 1 ? 20 : 12);
	const tables = media.box('minf', 'stbl');
	const sizes = tables.content('stsz');
	const each = sizes.readUInt32BE(4);
	const count = sizes.readUInt32BE(8);
	const bytesOf = (from: number, to: number) => {
		if (each > 0) return each * (to - from);
		let sum = 0;
		for (let sample = from; sample < to; sample++) sum += sizes.readUInt32BE(12 + sample * 4);
		return sum;
	};
	if (endOfLastChunk(tables, count, bytesOf) > fileSize) throw new Error('it breaks off');
	const durations = tables
		.rows('stts', 2)
		.map(([count, ticks]) => ({ count: count!, ticks: ticks! }));
	const timed = durations.reduce((sum, run) => sum + run.count, 0);
	if (timed !== count) throw new Error(`it has ${count} samples but times for ${timed}`);
	const isMoved = tables.has('ctts') || track.has('edts');
	return { kind, track: { timescale, count, durations, isMoved } };
}

/** Where the last byte of all samples lies; throws where the chunks do not hold them all. */
function endOfLastChunk(
	tables: Box,
	count: number,
	bytesOf: (from: number, to: number) => number,
): number {
	const wide = tables.has('co64');
	const offsets = wide
		? tables.rows('co64', 2).map(([high, low]) => high! * 2 ** 32 + low!)
		: tables.rows('stco', 1).map(([offset]) => offset!);
	const runs = tables.rows('stsc', 3);
	let sample = 0;
	let end = 0;
	let run = 0;
	offsets.forEach((offset, chunk) => {
		while (run + 1 < runs.length && runs[run + 1]![0]! <= chunk + 1) run += 1;
		const last = Math.min(count, sample + (runs[run]?.[1] ?? 0));
		end = Math.max(end, offset + bytesOf(sample, last));
		sample = last;
	});
	if (sample !== count) throw new Error(`it has ${count} samples but places for ${sample}`);
	return end;
}

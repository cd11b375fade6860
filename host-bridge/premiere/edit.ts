import { PickupError } from '../../protocol/errors.ts';
import { rangeLength, sameRange } from '../../protocol/time.ts';
import type { Track } from '../../protocol/timeline.ts';
import type { Edit } from '../agent/port.ts';
import { freeTracks, type Put, planEdit, planReturn } from './plan.ts';
import type { ReadCut, Standing } from './read.ts';
import { samePath } from './same-path.ts';

/** What one of Premiere's interfaces does in a sequence that is open. `H`: its handle on a clip. */
export type Hands<H> = {
	/** The sequence: what was proven of its tracks is so in it alone. */
	readonly sequence: string;
	readonly ticksPerFrame: bigint;
	readonly read: () => Promise<ReadCut<H>>;
	/** Gives how many ticks its media last. Throws `media-unreadable`. */
	readonly importOnce: (path: string) => Promise<bigint>;
	/**
	 * Does the acts in order, as one step where it has such, to the sequence as it was read last. What
	 * it says of them is no proof, either way: the sequence is. Throws `host-refused`.
	 */
	readonly act: (label: string, acts: readonly Act<H>[], operation?: string) => Promise<void>;
	/** Notes in the project that an edit was done, where `act` has not. */
	readonly note?: (operation: string, paths: readonly string[]) => Promise<void>;
};

export type Act<H> =
	| {
			readonly kind: 'put';
			readonly path: string;
			/** Frames: where in the sequence, from which of the media, and how many. */
			readonly start: number;
			readonly from: number;
			readonly length: number;
			/** Its media are as long as that. */
			readonly isWhole: boolean;
			/** Indices of tracks. */
			readonly video: number;
			readonly audio: number;
	  }
	/** Its name in the bin, the colour of drafts, and that it is in there. */
	| {
			readonly kind: 'dress';
			readonly path: string;
			readonly name: string;
			readonly draft: boolean;
	  }
	| { readonly kind: 'remove'; readonly items: readonly H[] };

/**
 * Edits of a sequence. Premiere has no call that takes an edit back, and says success for edits that
 * it made otherwise or not at all. Hence a pair of tracks is tried first where there is nothing to
 * cover, after the end of the sequence; what was done is read back, and put right where it is wrong.
 */
export class Editor<H> {
	/** Where, in this run, a clip came out as it should. */
	readonly #proven = new Set<string>();

	/** Does all steps, or none and throws what is not as it should be. */
	async apply(hands: Hands<H>, { operation, label, steps }: Edit): Promise<void> {
		const lengths = new Map<string, bigint>();
		const plan = async () => {
			const read = await hands.read();
			const { num, den } = read.cut.sequence.rate;
			return { read, ...planEdit(read, steps, num / den) };
		};
		const first = await plan();
		for (const { path } of [...first.puts, ...first.bins]) {
			lengths.set(path, await hands.importOnce(path));
		}
		for (const put of first.puts) {
			await this.#prove(hands, jobOf(hands, first.read, put, lengths.get(put.path)!));
		}
		// The person may have gone on editing meanwhile; from here on there is no time for it.
		const { read, puts, bins, removes, replaces } = await plan();
		const jobs = puts.map((put) => jobOf(hands, read, put, lengths.get(put.path)!));
		try {
			const acts: Act<H>[] = bins.map(({ path, name }) => dressing(path, name, false));
			if (removes.length > 0) acts.push(removal(removes));
			for (const job of jobs) {
				const { path, name, draft, range } = job.put;
				acts.push(dressing(path, name, draft), putting(job, range.start));
			}
			await hands.act(label, acts, operation);
			for (const put of puts) await this.#check(hands, put, read, puts);
			await this.#expectGone(hands, removes);
		} catch (error) {
			await this.#restore(hands, read, puts, [...removes, ...replaces], error);
		}
		const paths = [...puts, ...bins].map(({ path }) => path);
		const taken = removes.flatMap(({ span }) =>
			span.source.kind === 'file' ? span.source.path : [],
		);
		await hands.note?.(operation, [...paths, ...taken]);
	}

	/** Tries tracks after the end of everything, and takes out again what came there. */
	async #prove(hands: Hands<H>, job: Job): Promise<void> {
		const { put, isWhole, video, audio } = job;
		const isPart = put.video === null || put.audio === null;
		const where = [hands.sequence, isWhole, video, audio];
		const key = JSON.stringify(isPart ? [...where, put.path] : where);
		if (this.#proven.has(key)) return;
		const before = await hands.read();
		const ends = before.tracks.flatMap(({ items }) => items.map(({ span }) => span.range.end));
		// What does not say where it stands is before the end of the sequence, too.
		const start = Math.max(put.range.end, before.cut.sequence.duration, ...ends) + AFTER_THE_END;
		await hands.act('Pickup: trying the tracks', [putting(job, start)]);
		const tried = { ...put, range: { start, end: start + rangeLength(put.range) } };
		const now = await hands.read();
		const came = newAt(now, tried, before);
		const strays = straysIn(now, [tried], before);
		await this.#takeOut(hands, [...came, ...strays]);
		const problem = problemOf(came, tried) ?? strayProblem(strays);
		if (problem) throw refused(`${problem}. It was tried after the end of the sequence`);
		for (const { track } of came) {
			if ((track.kind === 'video' ? video : audio) !== null) continue;
			const [part, whole] = track.kind === 'video' ? ['picture', 'sound'] : ['sound', 'picture'];
			throw new PickupError(
				'no-free-track',
				`Premiere brings the ${part} of a clip along with its ${whole}, and no ${track.kind} track is free there`,
				{ field: track.kind, action: 'Add one in Premiere, then press again.' },
			);
		}
		this.#proven.add(key);
	}

	/** Throws where a clip does not stand as it should; takes out what came along unasked. */
	async #check(
		hands: Hands<H>,
		put: Put,
		before: ReadCut<H>,
		puts: readonly Put[] = [put],
	): Promise<void> {
		const now = await hands.read();
		const came = newAt(now, put, before);
		const extra = came.filter(({ track }) => put[track.kind] === null);
		let problem = problemOf(came, put) ?? strayProblem(straysIn(now, puts, before));
		if (!problem && extra.length > 0) {
			await this.#takeOut(hands, extra);
			problem = problemOf(newAt(await hands.read(), put, before), put);
		}
		if (problem) throw refused(problem);
	}

	/** Puts everything as it was, and throws why: what went wrong, or what could not be put right. */
	async #restore(
		hands: Hands<H>,
		before: ReadCut<H>,
		puts: readonly Put[],
		taken: readonly Standing<H>[],
		why: unknown,
	): Promise<never> {
		const now = await hands.read();
		await this.#takeOut(hands, [
			...puts.flatMap((put) => newAt(now, put, before)),
			...straysIn(now, puts, before),
		]);
		const missing = await this.#giveBack(hands, taken);
		if (missing.length === 0) throw why;
		const names = missing.map(({ track, span }) => `“${span.name}” on ${track.name}`);
		throw new PickupError(
			'host-refused',
			`${why instanceof Error ? why.message : String(why)}. What stood there did not come back: ${names.join(', ')}`,
			{ field: 'host', action: 'Undo in Premiere until it is there again.', cause: why },
		);
	}

	/** Puts clips back that are no longer where they stood; gives those that are still missing. */
	async #giveBack(hands: Hands<H>, stood: readonly Standing<H>[]): Promise<readonly Standing<H>[]> {
		const missing = async () => {
			const now = await hands.read();
			return { now, gone: stood.filter((each) => !standsIn(now, each)) };
		};
		const { now, gone } = await missing();
		const { num, den } = now.cut.sequence.rate;
		for (const put of planReturn(gone, num / den)) {
			try {
				const job = jobOf(hands, now, put, await hands.importOnce(put.path));
				await this.#prove(hands, job);
				await hands.read();
				await hands.act('Pickup: put back', [putting(job, put.range.start)]);
				await this.#check(hands, put, now);
			} catch {
				// What is missing then is told.
				const then = await hands.read();
				const came = [...newAt(then, put, now), ...straysIn(then, [put], now)];
				await this.#takeOut(hands, came).catch(() => {});
			}
		}
		return gone.length === 0 ? gone : (await missing()).gone;
	}

	async #takeOut(hands: Hands<H>, items: readonly Standing<H>[]): Promise<void> {
		if (items.length === 0) return;
		await hands.act('Pickup: taken out again', [removal(items)]);
		await this.#expectGone(hands, items);
	}

	async #expectGone(hands: Hands<H>, items: readonly Standing<H>[]): Promise<void> {
		if (items.length === 0) return;
		const now = await hands.read();
		const stays = items.find((each) => standsIn(now, each));
		if (!stays) return;
		throw new PickupError(
			'host-refused',
			`Premiere said that it took “${stays.span.name}” out of ${stays.track.name}, and it still stands there`,
			{ field: 'host', action: 'Take it out by hand.' },
		);
	}
}

/** A placement with what it takes. */
type Job = {
	readonly put: Put;
	/** Its media are as long as the range. */
	readonly isWhole: boolean;
	/** Also for what is not asked for; null where that would cover something. */
	readonly video: number | null;
	readonly audio: number | null;
};

/** Frames between the end of a sequence and what is tried there. */
const AFTER_THE_END = 10;

/** What is not asked for comes along too, on a track where it covers nothing if there is one. */
function jobOf<H>(hands: Hands<H>, read: ReadCut<H>, put: Put, has: bigint): Job {
	const { ticksPerFrame } = hands;
	const { range, from } = put;
	const needs = BigInt(from + rangeLength(range)) * ticksPerFrame;
	const difference = has > needs ? has - needs : needs - has;
	const isWhole = from === 0 && difference * 2n < ticksPerFrame;
	if (has < needs && !isWhole) {
		throw new PickupError(
			'media-unreadable',
			`Expected a clip of ${from + rangeLength(range)} frames, Premiere has ${Number(has / ticksPerFrame)} of ${put.path}`,
		);
	}
	const pictures = freeTracks(read, 'video', range);
	const video = put.video ?? pictures[pictures.length - 1] ?? null;
	const audio = put.audio ?? freeTracks(read, 'audio', range)[0] ?? null;
	return { put, isWhole, video, audio };
}

function putting<H>({ put, isWhole, video, audio }: Job, start: number): Act<H> {
	const { path, from, range } = put;
	const at = { start, from, length: rangeLength(range) };
	return { kind: 'put', path, ...at, isWhole, video: video ?? 0, audio: audio ?? 0 };
}

function dressing<H>(path: string, name: string, draft: boolean): Act<H> {
	return { kind: 'dress', path, name, draft };
}

function removal<H>(standing: readonly Standing<H>[]): Act<H> {
	return { kind: 'remove', items: standing.map(({ item }) => item) };
}

/** Clips of a file that did not stand there before. */
function newOf<H>(now: ReadCut<H>, path: string, before: ReadCut<H>): readonly Standing<H>[] {
	return now.tracks.flatMap(({ track, items }) =>
		items
			.map((each) => ({ track, ...each }))
			.filter((each) => plays(each.span.source, path) && !standsIn(before, each)),
	);
}

/** Those that a placement has brought. */
function newAt<H>(now: ReadCut<H>, { path, range }: Put, before: ReadCut<H>) {
	return newOf(now, path, before).filter(({ span }) => span.range.start === range.start);
}

/** Those that have come where nobody wanted one. */
function straysIn<H>(now: ReadCut<H>, puts: readonly Put[], before: ReadCut<H>) {
	const paths = [...new Set(puts.map(({ path }) => path))];
	return paths.flatMap((path) =>
		newOf(now, path, before).filter(
			({ span }) => !puts.some((put) => put.path === path && put.range.start === span.range.start),
		),
	);
}

function strayProblem<H>([stray]: readonly Standing<H>[]): string | null {
	if (!stray) return null;
	const { track, span } = stray;
	return `Premiere put “${span.name}” on ${track.name} at ${span.range.start} as well`;
}

function standsIn<H>({ tracks }: ReadCut<H>, { track, span }: Standing<H>): boolean {
	const now = tracks.find((each) => each.track.name === track.name);
	return (
		now?.items.some(
			(each) =>
				sameRange(each.span.range, span.range) &&
				JSON.stringify(each.span.source) === JSON.stringify(span.source),
		) ?? false
	);
}

/** What does not stand as it should, in words; null where all does. */
function problemOf<H>(came: readonly Standing<H>[], put: Put): string | null {
	return problemOn('video', 'picture', came, put) ?? problemOn('audio', 'sound', came, put);
}

function problemOn<H>(
	kind: Track['kind'],
	what: string,
	came: readonly Standing<H>[],
	{ range, [kind]: index }: Put,
): string | null {
	if (index === null) return null;
	const own = came.filter(({ track }) => track.kind === kind);
	const name = `${kind === 'video' ? 'V' : 'A'}${index + 1}`;
	const found = own.find(({ track }) => track.index === index);
	const [other] = own;
	if (!found && other) return `Premiere put the ${what} on ${other.track.name} instead of ${name}`;
	if (!found) {
		return `Premiere put no ${what} on ${name}: the track may be locked, or for sound of another kind`;
	}
	if (sameRange(found.span.range, range)) return null;
	return `Premiere put the ${what} over ${rangeLength(found.span.range)} frames instead of ${rangeLength(range)}`;
}

function plays(source: Standing<unknown>['span']['source'], path: string): boolean {
	return source.kind === 'file' && samePath(source.path, path);
}

function refused(problem: string): PickupError {
	return new PickupError('host-refused', problem, { field: 'host' });
}

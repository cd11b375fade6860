import type { Action, SequenceEditor } from '@adobe/premierepro';
import { PickupError } from '../../protocol/errors.ts';
import { rangeLength, sameRange } from '../../protocol/time.ts';
import type { Track } from '../../protocol/timeline.ts';
import type { Edit } from '../agent/port.ts';
import { type Imported, importOnce, samePath } from './bin.ts';
import { type ReadCut, readCut } from './cut.ts';
import type { Open } from './open.ts';
import { noteIn, propertiesOf } from './operations.ts';
import { freeTracks, type Put, planEdit, type Standing } from './plan.ts';
import type { Premiere } from './surroundings.ts';
import { ticksOf, timeAt } from './time.ts';

/**
 * Edits of a sequence. Premiere has no call that takes an edit back, and says success for edits that
 * it made otherwise or not at all. Hence a pair of tracks is tried first where there is nothing to
 * cover, after the end of the sequence; and what was done is read back.
 */
export class Editor {
	readonly #ppro: Premiere;
	/** Where, in this run, a clip came out as it should. */
	readonly #proven = new Set<string>();

	constructor(ppro: Premiere) {
		this.#ppro = ppro;
	}

	/** Does all steps in one transaction, or throws what is not as it should be. */
	async apply(open: Open, { operation, label, steps }: Edit): Promise<void> {
		const items = new Map<string, Imported>();
		const plan = async () => {
			const read = await readCut(this.#ppro, open);
			const { num, den } = read.cut.sequence.rate;
			return { read, ...planEdit(read, steps, num / den) };
		};
		const first = await plan();
		for (const { path } of [...first.puts, ...first.bins]) {
			items.set(path, await importOnce(this.#ppro, open.project, path));
		}
		for (const put of first.puts) {
			await this.#prove(open, await this.#jobOf(open, first.read, put, items.get(put.path)!));
		}
		const properties = await propertiesOf(this.#ppro, open.sequence);
		// The person may have gone on editing meanwhile; from here on there is no time for it.
		const { read, puts, bins, removes } = await plan();
		const jobs = await Promise.all(
			puts.map((put) => this.#jobOf(open, read, put, items.get(put.path)!)),
		);
		this.#transact(open, label, (add, editor) => {
			for (const { path, name } of bins) this.#dress(add, items.get(path)!, { name, draft: false });
			this.#removeIn(add, editor, removes);
			for (const job of jobs) {
				this.#dress(add, job.imported, job.put);
				this.#putIn(add, editor, open, job, job.put.range.start);
			}
			if (properties) noteIn(this.#ppro, add, properties, operation);
		});
		for (const { put } of jobs) await this.#check(open, put, read);
		await this.#expectGone(open, removes);
	}

	/** What is not asked for comes along too, on a track where it covers nothing if there is one. */
	async #jobOf(open: Open, read: ReadCut, put: Put, imported: Imported): Promise<Job> {
		const { range, from } = put;
		const has = ticksOf((await imported.clip.getMedia()).duration);
		const needs = BigInt(from + rangeLength(range)) * open.ticksPerFrame;
		const difference = has > needs ? has - needs : needs - has;
		const isWhole = from === 0 && difference * 2n < open.ticksPerFrame;
		if (has < needs && !isWhole) {
			throw new PickupError(
				'media-unreadable',
				`Expected a clip of ${from + rangeLength(range)} frames, Premiere has ${Number(has / open.ticksPerFrame)} of ${put.path}`,
			);
		}
		const video = put.video ?? freeTracks(read, 'video', range).at(-1) ?? null;
		const audio = put.audio ?? freeTracks(read, 'audio', range)[0] ?? null;
		return { put, imported, isWhole, video, audio };
	}

	/** Tries tracks after the end of everything, and takes out again what came there. */
	async #prove(open: Open, job: Job): Promise<void> {
		const { put, isWhole, video, audio } = job;
		const isPart = put.video === null || put.audio === null;
		const where = [open.sequence.guid.toString(), isWhole, video, audio];
		const key = JSON.stringify(isPart ? [...where, put.path] : where);
		if (this.#proven.has(key)) return;
		const { tracks } = await readCut(this.#ppro, open);
		const ends = tracks.flatMap(({ items }) => items.map(({ span }) => span.range.end));
		const start = Math.max(put.range.end, ...ends) + AFTER_THE_END;
		this.#transact(open, 'Pickup: trying the tracks', (add, editor) => {
			this.#putIn(add, editor, open, job, start);
		});
		const came = await this.#standing(open, put.path, start);
		await this.#takeOut(open, came);
		const range = { start, end: start + rangeLength(put.range) };
		const problem = problemOf(came, { ...put, range });
		if (problem) throw refused(`${problem}. It was tried after the end of the sequence`);
		for (const { track } of came) {
			if ((track.kind === 'video' ? video : audio) !== null) continue;
			const [part, whole] = track.kind === 'video' ? ['picture', 'sound'] : ['sound', 'picture'];
			throw new PickupError(
				'placement-conflict',
				`Premiere brings the ${part} of a clip along with its ${whole}, and no ${track.kind} track is free there`,
				{ field: 'track', action: 'Add a track in Premiere, then land the clip again.' },
			);
		}
		this.#proven.add(key);
	}

	/** Whether a clip stands as it should; takes out what should not be there. */
	async #check(open: Open, put: Put, before: ReadCut): Promise<void> {
		const stood = startingAt(before, put.path, put.range.start);
		const came = (await this.#standing(open, put.path, put.range.start)).filter(
			({ track, span }) =>
				!stood.some(
					(each) => each.track.name === track.name && sameRange(each.span.range, span.range),
				),
		);
		const extra = came.filter(({ track }) => put[track.kind] === null);
		let problem = problemOf(came, put);
		let left = came;
		if (!problem && extra.length > 0) {
			await this.#takeOut(open, extra);
			const now = await this.#standing(open, put.path, put.range.start);
			left = now.filter(({ track }) => came.some((each) => each.track.name === track.name));
			problem = problemOf(left, put);
		}
		if (!problem) return;
		await this.#takeOut(open, left);
		throw refused(problem);
	}

	/** Clips of a file that begin at a frame. */
	async #standing(open: Open, path: string, start: number): Promise<readonly Standing[]> {
		return startingAt(await readCut(this.#ppro, open), path, start);
	}

	async #takeOut(open: Open, items: readonly Standing[]): Promise<void> {
		if (items.length === 0) return;
		this.#transact(open, 'Pickup: taken out again', (add, editor) =>
			this.#removeIn(add, editor, items),
		);
		await this.#expectGone(open, items);
	}

	async #expectGone(open: Open, items: readonly Standing[]): Promise<void> {
		if (items.length === 0) return;
		const { tracks } = await readCut(this.#ppro, open);
		for (const { track, span } of items) {
			const now = tracks.find((each) => each.track.name === track.name);
			const stays = now?.items.some(
				(each) =>
					sameRange(each.span.range, span.range) &&
					JSON.stringify(each.span.source) === JSON.stringify(span.source),
			);
			if (!stays) continue;
			throw new PickupError(
				'host-refused',
				`Premiere said that it took “${span.name}” out of ${track.name}, and it still stands there`,
				{ field: 'host', action: 'Take it out by hand.' },
			);
		}
	}

	#transact(
		{ project, sequence }: Open,
		label: string,
		fill: (add: Add, editor: SequenceEditor) => void,
	): void {
		try {
			project.lockedAccess(() => {
				const editor = this.#ppro.SequenceEditor.getEditor(sequence);
				// What it answers is no proof, either way: the sequence is.
				project.executeTransaction((transaction) => {
					fill((action) => transaction.addAction(action), editor);
				}, label);
			});
		} catch (cause) {
			const said = (cause as { message?: unknown } | null)?.message ?? cause;
			throw new PickupError('host-refused', `Premiere refused the edit: ${said}`, { cause });
		}
	}

	#putIn(add: Add, editor: SequenceEditor, open: Open, job: Job, start: number): void {
		const { imported, put, isWhole, video, audio } = job;
		const { clip, item } = imported;
		const time = (frame: number) => timeAt(this.#ppro, frame, open.ticksPerFrame);
		// Points that somebody has set in the bin would trim it.
		add(clip.createClearInOutPointsAction());
		if (!isWhole) {
			const end = put.from + rangeLength(put.range);
			add(clip.createSetInOutPointsAction(time(put.from), time(end)));
		}
		add(editor.createOverwriteItemAction(item, time(start), video ?? 0, audio ?? 0));
		if (!isWhole) add(clip.createClearInOutPointsAction());
	}

	/** Its name, the colour of drafts, and the bin. */
	#dress(
		add: Add,
		{ clip, item, bin, isInBin }: Imported,
		{ name, draft }: { readonly name: string; readonly draft: boolean },
	): void {
		add(clip.createSetNameAction(name));
		if (draft) {
			add(clip.createSetColorLabelAction(this.#ppro.Constants.ProjectItemColorLabel.MANGO));
		}
		if (!isInBin) add(bin.createMoveItemAction(item, bin));
	}

	#removeIn(add: Add, editor: SequenceEditor, items: readonly Standing[]): void {
		if (items.length === 0) return;
		this.#ppro.TrackItemSelection.createEmptySelection((selection) => {
			for (const { item } of items) selection.addItem(item, true);
			const { ANY } = this.#ppro.Constants.MediaType;
			add(editor.createRemoveItemsAction(selection, false, ANY, false));
		});
	}
}

type Add = (action: Action) => void;

/** A placement with what it takes. */
type Job = {
	readonly put: Put;
	readonly imported: Imported;
	/** Its media are as long as the range. */
	readonly isWhole: boolean;
	/** Also for what is not asked for; null where that would cover something. */
	readonly video: number | null;
	readonly audio: number | null;
};

/** Frames between the end of a sequence and what is tried there. */
const AFTER_THE_END = 10;

function startingAt({ tracks }: ReadCut, path: string, start: number): readonly Standing[] {
	return tracks.flatMap(({ track, items }) =>
		items
			.filter(({ span }) => span.range.start === start && plays(span.source, path))
			.map((each) => ({ track, ...each })),
	);
}

/** What does not stand as it should, in words; null where all does. */
function problemOf(came: readonly Standing[], put: Put): string | null {
	return problemOn('video', 'picture', came, put) ?? problemOn('audio', 'sound', came, put);
}

function problemOn(
	kind: Track['kind'],
	what: string,
	came: readonly Standing[],
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

function plays(source: Standing['span']['source'], path: string): boolean {
	return source.kind === 'file' && samePath(source.path, path);
}

function refused(problem: string): PickupError {
	return new PickupError('host-refused', problem, { field: 'host' });
}

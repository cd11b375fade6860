import { stat } from 'node:fs/promises';
import path from 'node:path';
import { readRegular } from '../../files/open-regular.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { Cut } from '../../protocol/timeline.ts';
import { contextFor, findGaps } from '../gap.ts';
import type { Host, Placement, PlacementReport } from '../host.ts';
import { checkPlacement, planPlacement } from '../placement.ts';
import { decodeText, encodeText, newXmlFor } from './encoding.ts';
import { fcp7XmlFormat } from './fcp7/fcp7.ts';
import type { TimelineFormat, TimelineSequence } from './format.ts';
import { MediaFinder } from './media-path.ts';
import { mltFormat } from './mlt/mlt.ts';
import { otioFormat } from './otio/otio.ts';
import { composeSpans, type InsertedSpan, splice } from './splice.ts';
import { checkedSequences } from './validate.ts';
import { writeTimeline } from './write.ts';

/** What is read at most; a film of three hours takes some 60 MB. */
const LARGEST_FILE = 128 * 1024 * 1024;

const FORMATS: readonly TimelineFormat[] = [fcp7XmlFormat, mltFormat, otioFormat];

/** A timeline file as a host: it edits a copy in memory, and `save` writes that elsewhere. */
export type TimelineFileHost = Host & {
	readonly format: TimelineFormat['name'];
	/** Absolute path of the file that was opened. It is never written to. */
	readonly path: string;
	/** Names of the sequences in the file, in its order. */
	readonly sequences: readonly string[];
	/**
	 * True where media are named by their place beside the file: a copy in another folder does not
	 * find them, so that it belongs beside the original.
	 */
	readonly relativeMedia: boolean;
	/**
	 * Writes the timeline with all that was placed into an existing folder, under the name of the
	 * original or `name`. A file that is there already is refused unless `overwrite` is set, and the
	 * original always is. `spans` are what was inserted, in characters of the new text: without them
	 * it is the old file, byte for byte. `warnings` say what the copy no longer finds.
	 */
	save(
		folder: string,
		options?: { readonly name?: string; readonly overwrite?: boolean },
	): Promise<SavedTimeline>;
};

export type SavedTimeline = {
	readonly path: string;
	readonly spans: readonly InsertedSpan[];
	readonly warnings: readonly string[];
};

/**
 * Opens a timeline by its content, whatever its name. Throws PickupError `bad-request` where there
 * is no such file or sequence, `timeline-unsupported` or `timeline-malformed`.
 */
export async function openTimeline(
	file: string,
	options: { readonly sequence?: string } = {},
): Promise<TimelineFileHost> {
	const source = path.resolve(file);
	const { text: original, encoding } = decodeText(await readTimeline(source));
	const format = FORMATS.find((candidate) => candidate.recognises(original));
	if (!format) {
		throw new PickupError(
			'timeline-unsupported',
			`Expected FCP 7 XML, OpenTimelineIO or an MLT project, got ${path.basename(source)}, which is none`,
			{ field: 'timeline' },
		);
	}
	const folder = path.dirname(source);
	const media = new MediaFinder(folder);
	const read = (text: string) => checkedSequences(format, text, media);
	const edit: Edit = { text: original, spans: [], sequences: read(original) };
	const index = chooseSequence(edit.sequences, options.sequence);
	const cut = (): Cut => sequenceAt(edit.sequences, index).cut;

	return {
		name: `${format.name} file`,
		format: format.name,
		path: source,
		sequences: edit.sequences.map(({ cut }) => cut.sequence.name),
		get relativeMedia() {
			return media.lostIn(path.join(folder, 'elsewhere', 'than', 'here')).length > 0;
		},

		async cut() {
			const found = cut();
			const others = edit.sequences.filter((_, at) => at !== index);
			if (options.sequence !== undefined || others.length === 0) return found;
			return { ...found, notes: [...(found.notes ?? []), othersNote(found, others)] };
		},
		async gaps() {
			return findGaps(cut());
		},
		async readContext(track, range) {
			return contextFor(cut(), track, range);
		},
		async grabFrame() {
			return null;
		},
		async reveal() {},
		async replace() {
			throw new PickupError(
				'timeline-unsupported',
				'Expected a host that can swap a clip, got a timeline file, from which nothing is taken away',
				{ action: 'Place the other take with `where: above`: it gets a new track.' },
			);
		},

		async place(placements) {
			const { text, spans } = edit;
			try {
				return placements.map((placement) => placeOne(edit, index, placement, read, encoding));
			} catch (error) {
				Object.assign(edit, { text, spans, sequences: [] });
				edit.sequences = read(text);
				throw error;
			}
		},

		async save(target, { name = path.basename(source), overwrite = false } = {}) {
			const output = path.join(path.resolve(target), path.basename(name));
			await writeTimeline(output, encodeText(edit.text, encoding), { source, overwrite });
			const lost = media.lostIn(path.resolve(target));
			const warnings = lost.map(
				(file) =>
					`${file} is named by its place beside ${path.basename(source)}: keep the new timeline in ${folder} too`,
			);
			return { path: output, spans: edit.spans, warnings };
		},
	};
}

async function readTimeline(file: string): Promise<Uint8Array> {
	try {
		const found = await stat(file);
		if (!found.isFile()) throw notAFile(file, 'which is not a file');
		if (found.size > LARGEST_FILE) {
			throw new PickupError(
				'timeline-unsupported',
				`Expected a timeline of at most ${LARGEST_FILE / 1024 / 1024} MB, got ${Math.round(found.size / 1024 / 1024)} MB`,
				{ field: 'timeline', action: 'Export only the sequence that has the gap.' },
			);
		}
		return await readRegular(file);
	} catch (error) {
		if (error instanceof PickupError) throw error;
		const { code } = error as NodeJS.ErrnoException;
		throw notAFile(file, code === 'ENOENT' ? 'which does not exist' : `which fails with ${code}`);
	}
}

function notAFile(file: string, why: string): PickupError {
	return new PickupError('bad-request', `Expected a timeline file, got ${file}, ${why}`, {
		field: 'timeline',
		action: 'Name the file that the editor exported.',
	});
}

function othersNote({ sequence }: Cut, others: readonly TimelineSequence[]): string {
	const names = others.slice(0, 5).map(({ cut }) => `“${cut.sequence.name}”`);
	const more = others.length > names.length ? ` and ${others.length - names.length} more` : '';
	return `This is the first sequence of the file, “${sequence.name}”; there are also ${names.join(', ')}${more}.`;
}

function chooseSequence(sequences: readonly TimelineSequence[], name: string | undefined): number {
	if (name === undefined) return 0;
	const names = sequences.map(({ cut }) => cut.sequence.name);
	const found = names.indexOf(name);
	if (found >= 0 && names.lastIndexOf(name) !== found) {
		const alike = names.filter((each) => each === name).length;
		throw new PickupError(
			'bad-request',
			`Expected the name of one sequence, got "${name}", which ${alike} of this file have`,
			{
				field: 'sequence',
				action: 'Give the one that you mean a name of its own and export again.',
			},
		);
	}
	if (found >= 0) return found;
	throw new PickupError(
		'bad-request',
		`Expected a sequence of this file (${names.map((each) => `"${each}"`).join(', ')}), got "${name}"`,
		{ field: 'sequence', action: 'Name one of the sequences that the file has.' },
	);
}

function sequenceAt<T>(sequences: readonly T[], index: number): T {
	const found = sequences[index];
	if (found) return found;
	throw new PickupError('internal', `Expected sequence ${index + 1}, got ${sequences.length}`);
}

/** The timeline as it is after what was placed. */
type Edit = {
	text: string;
	spans: readonly InsertedSpan[];
	/** These hold the whole document: what replaces them is read when they are gone. */
	sequences: readonly TimelineSequence[];
};

/** Inserts one clip, reads the result as if it were a new file, and compares it with the plan. */
function placeOne(
	edit: Edit,
	index: number,
	placement: Placement,
	read: (text: string) => readonly TimelineSequence[],
	encoding: string,
): PlacementReport {
	const { plan, insertions } = insertionsOf(edit, index, placement);
	const before = edit.sequences.map(({ cut }) => cut);
	const result = splice(
		edit.text,
		insertions.map(({ offset, text }) => ({ offset, text: newXmlFor(encoding, text) })),
	);
	edit.sequences = [];
	edit.sequences = read(result.text);
	const after = edit.sequences.map(({ cut }) => cut);
	const report = checkPlacement(
		sequenceAt(before, index),
		sequenceAt(after, index),
		placement,
		plan,
	);
	const changed = before.findIndex(
		(cut, at) => at !== index && shapeOf(cut) !== shapeOf(after[at]),
	);
	const others = changed < 0 ? '' : `; sequence ${changed + 1} has changed too`;
	if (!report.verified || others !== '' || after.length !== before.length) {
		throw new PickupError(
			'internal',
			`Expected ${report.expected}, got ${report.actual}${others} when the timeline was read back`,
		);
	}
	edit.text = result.text;
	edit.spans = composeSpans(edit.spans, result.spans);
	return report;
}

function insertionsOf({ sequences }: Edit, index: number, placement: Placement) {
	const { cut, insertions } = sequenceAt(sequences, index);
	const plan = planPlacement(cut, placement);
	return { plan, insertions: insertions(placement, plan) };
}

/** Where there is anything on its tracks: what a nested sequence shows changes with that one. */
function shapeOf(cut: Cut | undefined): string {
	const tracks = cut?.tracks.map(({ name, enabled, locked, transitions, clips }) => {
		const taken: number[] = [];
		for (const { range } of clips) {
			if (taken.at(-1) === range.start) taken.pop();
			else taken.push(range.start);
			taken.push(range.end);
		}
		return [name, enabled, locked, transitions, taken];
	});
	return JSON.stringify([cut?.sequence, tracks]);
}

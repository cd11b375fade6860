import { stat } from 'node:fs/promises';
import path from 'node:path';
import { readRegular } from '../../files/open-regular.ts';
import { sha256Of } from '../../files/sha256.ts';
import { PickupError } from '../../protocol/errors.ts';
import { TimelineEdit } from './edit.ts';
import { decodeText } from './encoding.ts';
import { fcp7XmlFormat } from './fcp7/fcp7.ts';
import type { TimelineFormat } from './format.ts';
import { MediaFinder } from './media-path.ts';
import { mltFormat } from './mlt/mlt.ts';
import { otioFormat } from './otio/otio.ts';
import { checkedSequences } from './validate.ts';

/** What is read at most; a film of three hours takes some 60 MB. */
const LARGEST_FILE = 128 * 1024 * 1024;

const FORMATS: readonly TimelineFormat[] = [fcp7XmlFormat, mltFormat, otioFormat];

/** A timeline file as it was when it was read. */
export type LoadedTimeline = {
	/** Absolute. */
	readonly path: string;
	/** SHA-256 of its bytes, in hex. */
	readonly sha256: string;
	readonly format: TimelineFormat['name'];
	readonly encoding: string;
	readonly media: MediaFinder;
	/** Names of the sequences in the file, in its order. */
	readonly sequences: readonly string[];
	/** Which of them is meant. */
	readonly index: number;
	readonly edit: TimelineEdit;
};

/**
 * Reads a timeline by its content, whatever its name. Throws PickupError `bad-request` where there
 * is no such file or sequence, `timeline-unsupported` or `timeline-malformed`.
 */
export async function loadTimeline(
	file: string,
	sequence?: string | ((names: readonly string[]) => number),
): Promise<LoadedTimeline> {
	const source = path.resolve(file);
	const bytes = await readTimeline(source);
	const { text, encoding } = decodeText(bytes);
	const format = FORMATS.find((candidate) => candidate.recognises(text));
	if (!format) {
		throw new PickupError(
			'timeline-unsupported',
			`Expected FCP 7 XML, OpenTimelineIO or an MLT project, got ${path.basename(source)}, which is none`,
			{ field: 'timeline' },
		);
	}
	const folder = path.dirname(source);
	const media = new MediaFinder(folder);
	const read = (changed: string) => checkedSequences(format, changed, media);
	const sequences = read(text);
	const names = sequences.map(({ cut }) => cut.sequence.name);
	const index = typeof sequence === 'function' ? sequence(names) : chooseSequence(names, sequence);
	return {
		path: source,
		sha256: sha256Of(bytes),
		format: format.name,
		encoding,
		media,
		sequences: names,
		index,
		edit: new TimelineEdit(text, { sequences, index, encoding, read }),
	};
}

/**
 * True where media are named by their place beside the file: a copy in another folder does not
 * find them, so that it belongs beside the original.
 */
export function hasRelativeMedia({ media }: Pick<LoadedTimeline, 'media'>): boolean {
	return media.lostIn(path.join(media.folder, 'elsewhere', 'than', 'here')).length > 0;
}

/** Says that a file has other sequences beside the one that is read. */
export function othersNote(name: string, others: readonly string[]): string {
	const names = others.slice(0, 5).map((other) => `“${other}”`);
	const more = others.length > names.length ? ` and ${others.length - names.length} more` : '';
	return `This is the first sequence of the file, “${name}”; there are also ${names.join(', ')}${more}.`;
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

function chooseSequence(names: readonly string[], name: string | undefined): number {
	if (name === undefined) return 0;
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

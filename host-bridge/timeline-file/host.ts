import path from 'node:path';
import { contextFor, findGaps } from '../gap.ts';
import type { Host } from '../host.ts';
import { planPlacement } from '../placement.ts';
import { encodeText } from './encoding.ts';
import type { TimelineFormat } from './format.ts';
import { hasRelativeMedia, loadTimeline, othersNote } from './load.ts';
import type { InsertedSpan } from './splice.ts';
import { writeTimeline } from './write.ts';

/** A timeline file as a host: it edits a copy in memory, and `save` writes that elsewhere. */
export type TimelineFileHost = Host & {
	readonly format: TimelineFormat['name'];
	/** Absolute path of the file that was opened. It is never written to. */
	readonly path: string;
	/** Names of the sequences in the file, in its order. */
	readonly sequences: readonly string[];
	/** Where the new file belongs beside the old one: media are named by their place there. */
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
	const loaded = await loadTimeline(file, options.sequence);
	const { edit, encoding, format, media, sequences, path: source } = loaded;
	const folder = path.dirname(source);

	return {
		name: `${format} file`,
		format,
		path: source,
		sequences,
		get relativeMedia() {
			return hasRelativeMedia(loaded);
		},

		async cut() {
			const { cut } = edit;
			const others = sequences.filter((_, at) => at !== loaded.index);
			if (options.sequence !== undefined || others.length === 0) return cut;
			return { ...cut, notes: [...(cut.notes ?? []), othersNote(cut.sequence.name, others)] };
		},
		async gaps() {
			return findGaps(edit.cut);
		},
		async readContext(track, range) {
			return contextFor(edit.cut, track, range);
		},
		async grabFrame() {
			return null;
		},
		async reveal() {},

		async place(placements) {
			return edit.all(() =>
				placements.map((placement) => edit.place(placement, planPlacement(edit.cut, placement))),
			);
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

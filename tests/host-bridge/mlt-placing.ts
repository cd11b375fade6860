import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Placement, PlacementReport } from '../../host-bridge/host.ts';
import { checkPlacement, planPlacement } from '../../host-bridge/placement.ts';
import { MediaFinder } from '../../host-bridge/timeline-file/media-path.ts';
import { mltFormat } from '../../host-bridge/timeline-file/mlt/mlt.ts';
import { type InsertedSpan, splice } from '../../host-bridge/timeline-file/splice.ts';
import { samplesForFrames } from '../../protocol/time.ts';
import type { Cut } from '../../protocol/timeline.ts';

export type Filled = {
	readonly text: string;
	readonly spans: readonly InsertedSpan[];
	readonly before: Cut;
	readonly after: Cut;
	readonly report: PlacementReport;
};

/** The first sequence of a document. */
export function firstCut(text: string, folder = '/nowhere'): Cut {
	const [sequence] = mltFormat.read(text, new MediaFinder(folder));
	if (!sequence) throw new Error('The document has no sequence');
	return sequence.cut;
}

/** A placement of the clip in `path`, picture and sound, in a gap of V1 but for what is given. */
export function placementOf(
	cut: Cut,
	start: number,
	end: number,
	given: Partial<Placement> & { readonly path: string },
): Placement {
	const { path: file, ...rest } = given;
	const { rate, size } = cut.sequence;
	const frames = end - start;
	const samples = samplesForFrames(frames, rate);
	const clip = { path: file, frames, rate, size, samples, codec: 'h264-intra' };
	return {
		clip: { ...clip, draft: true, engine: 'test', seed: 1 },
		name: 'Pickup 1',
		range: { start, end },
		track: 'V1',
		where: 'gap',
		picture: true,
		sound: true,
		...rest,
	};
}

/** Plans and carries out a placement in the first sequence, and reads the result back. */
export function fill(text: string, folder: string, placement: Placement): Filled {
	const [sequence] = mltFormat.read(text, new MediaFinder(folder));
	if (!sequence) throw new Error('The document has no sequence');
	const plan = planPlacement(sequence.cut, placement);
	const spliced = splice(text, sequence.insertions(placement, plan));
	const after = firstCut(spliced.text, folder);
	const report = checkPlacement(sequence.cut, after, placement, plan);
	return { ...spliced, before: sequence.cut, after, report };
}

/** The same with files: returns the filled project beside the given one. */
export async function fillFile(file: string, make: (cut: Cut) => Placement) {
	const text = await readFile(file, 'utf8');
	const folder = path.dirname(file);
	const filled = fill(text, folder, make(firstCut(text, folder)));
	const output = path.join(folder, `filled ${path.basename(file)}`);
	await writeFile(output, filled.text);
	return { ...filled, output };
}

/** Tracks as text: `V1 0–25 red | 25–40 Pickup 1`. */
export function table(cut: Cut): readonly string[] {
	return cut.tracks.map((track) => {
		const clips = track.clips.map(({ range, name }) => `${range.start}–${range.end} ${name}`);
		return `${track.name}: ${clips.join(' | ')}`;
	});
}

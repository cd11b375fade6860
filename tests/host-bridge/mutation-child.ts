import { readFile } from 'node:fs/promises';
import type { Placement } from '../../host-bridge/host.ts';
import { decodeText } from '../../host-bridge/timeline-file/encoding.ts';
import { openTimeline } from '../../host-bridge/timeline-file/host.ts';
import { PickupError } from '../../protocol/errors.ts';
import { samplesForFrames } from '../../protocol/time.ts';
import { unsplice } from './unsplice.ts';

/** A timeline to fill, where the result may go, and a file that stands in for the clip. */
export type Task = {
	readonly file: string;
	readonly folder: string;
	readonly clip: string;
	/** Ends when the clips are placed, before anything is written. */
	readonly placeOnly?: boolean;
};

export type Outcome =
	| { readonly kind: 'filled'; readonly count: number }
	| {
			readonly kind: 'refused';
			readonly code: string;
			readonly message: string;
			readonly field: string | null;
	  }
	| { readonly kind: 'defect'; readonly what: string };

process.on('message', async (task: Task) => {
	process.send?.(await outcomeOf(task));
});

async function outcomeOf(task: Task): Promise<Outcome> {
	try {
		return await fill(task);
	} catch (error) {
		if (error instanceof PickupError && error.code !== 'internal') {
			const { code, message, field = null } = error;
			return { kind: 'refused', code, message, field };
		}
		return { kind: 'defect', what: error instanceof Error ? `${error.stack}` : String(error) };
	}
}

/** Fills up to three gaps, saves, reads the result and takes the insertions out again. */
async function fill({ file, folder, clip: path, placeOnly }: Task): Promise<Outcome> {
	const host = await openTimeline(file);
	const { rate, size } = (await host.cut()).sequence;
	const gaps = (await host.gaps()).slice(0, 3);
	const placements: Placement[] = [];
	for (const gap of gaps) {
		const end = Math.min(gap.end ?? gap.start + 12, gap.start + 50_000);
		const range = { start: gap.start, end };
		const frames = end - gap.start;
		await host.readContext(gap.track, range);
		const clip = {
			path,
			rate,
			size,
			frames,
			samples: samplesForFrames(frames, rate),
			codec: 'prores-422-hq',
			draft: true,
			engine: 'inbetween',
			seed: 1,
		};
		const where = { track: gap.track, where: 'gap', picture: true, sound: true } as const;
		placements.push({ clip, name: 'Pickup', range, ...where });
	}
	await host.place(placements);
	if (placeOnly) return { kind: 'filled', count: gaps.length };
	const saved = await host.save(folder);
	const original = decodeText(await readFile(file)).text;
	const written = decodeText(await readFile(saved.path)).text;
	if (unsplice(written, saved.spans) !== original) {
		return { kind: 'defect', what: 'More than insertions was written' };
	}
	const again = await openTimeline(saved.path);
	const before = (await host.cut()).tracks.map((track) => track.clips.length);
	const after = (await again.cut()).tracks.map((track) => track.clips.length);
	if (String(before) !== String(after)) {
		return { kind: 'defect', what: `${before} clips were placed, ${after} are read back` };
	}
	return { kind: 'filled', count: gaps.length };
}

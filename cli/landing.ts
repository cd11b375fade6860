import { open, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../files/folders.ts';
import { fullDisk, noRoom } from '../files/system-errors.ts';
import type { Placement, PlacementReport } from '../host-bridge/host.ts';
import { findTrack } from '../host-bridge/placement.ts';
import type { SavedTimeline, TimelineFileHost } from '../host-bridge/timeline-file/host.ts';
import { freeName, type OutputFolders } from '../host-bridge/timeline-file/output-folders.ts';
import { PickupError } from '../protocol/errors.ts';
import type { GenerationRequest } from '../protocol/generation.ts';
import type { Clip, Job } from '../protocol/jobs.ts';
import { type FrameRange, formatTimecode, rangeLength, rangesOverlap } from '../protocol/time.ts';
import type { Terminal } from './terminal.ts';

export type Landed = {
	readonly saved: SavedTimeline;
	readonly reports: readonly PlacementReport[];
};

/** Places clips in the timeline and writes that into the folder, under a name that is free there. */
export async function landClips(
	host: TimelineFileHost,
	placements: readonly Placement[],
	folder: string,
	terminal: Terminal,
): Promise<Landed> {
	const reports = await host.place(placements);
	const saved = await host.save(folder, { name: await freeName(folder, host.path) });
	reports.forEach((placed, index) => {
		const clip = placements[index]?.clip;
		const length = rangeLength(placed.range);
		terminal.line(`${placed.actual}  ${length} frames, seed ${clip?.seed}, ${clip?.path}`);
	});
	for (const warning of saved.warnings) terminal.note(warning);
	return { saved, reports };
}

/** Where a finished job's clip goes in a cut that has it not: as its command would have placed it. */
export async function placementOfJob(
	host: TimelineFileHost,
	{ id, clip }: Job,
	request: GenerationRequest,
): Promise<Placement> {
	if (clip === null) throw new PickupError('wrong-state', `Job ${id} has no finished clip`);
	if ((await stat(clip.path).catch(() => null)) === null) {
		throw new PickupError('media-offline', `Expected the clip of job ${id} at ${clip.path}`);
	}
	const { track: name, range: wanted, sequence } = request.context;
	const range = rangeOf(request, clip);
	const track = findTrack(await host.cut(), name);
	const taken = track?.locked || track?.clips.some((other) => rangesOverlap(other.range, range));
	const timecode = formatTimecode(
		wanted.start + sequence.startFrame,
		sequence.rate,
		sequence.dropFrame,
	);
	const take = /take \d+$/.exec(request.output.name)?.[0] ?? 'take';
	const replace = request.kind === 'retake' ? request.replace : 'both';
	return {
		clip,
		name: `Pickup ${name} ${timecode} ${take}${clip.draft ? ' (draft)' : ''}`,
		range,
		track: name,
		where: taken ? 'above' : 'gap',
		picture: request.kind !== 'soundtrack' && replace !== 'sound',
		sound: request.kind !== 'animate' && replace !== 'picture',
	};
}

/** A clip whose length was left to the model need not fill the range; it leans on its only neighbour. */
function rangeOf({ context: { range, left, right } }: GenerationRequest, clip: Clip): FrameRange {
	if (left === null && right !== null) return { start: range.end - clip.frames, end: range.end };
	return { start: range.start, end: range.start + clip.frames };
}

export type Folders = OutputFolders & {
	keep(): void;
	/** Removes the folders that were made here and hold nothing, unless they are to be kept. */
	tidy(): Promise<void>;
};

/** Makes the folders and looks that both can be written to. Throws `folder-not-writable`, `disk-full`. */
export async function makeFolders({ output, media }: OutputFolders): Promise<Folders> {
	let made: readonly string[] = [];
	let kept = false;
	const tidy = async () => {
		// What holds something stays.
		for (const folder of kept ? [] : made) await rmdir(folder).catch(() => {});
	};
	try {
		made = await makeFolder(media);
		for (const folder of [output, media]) await checkWritable(folder);
	} catch (error) {
		await tidy();
		if (fullDisk(error) !== null) throw noRoom(output, 'the timeline and its clips', error);
		throw new PickupError(
			'folder-not-writable',
			`Expected to be able to write into ${output}: ${(error as Error).message}`,
			{ field: 'output', cause: error },
		);
	}
	return {
		output,
		media,
		keep: () => {
			kept = true;
		},
		tidy,
	};
}

/** By writing: permissions do not tell of read-only mounts, of quotas and of what a superuser may. */
async function checkWritable(folder: string): Promise<void> {
	const path = join(folder, `.pickup-${process.pid}-try`);
	const file = await open(path, 'w');
	await file.close();
	await rm(path);
}

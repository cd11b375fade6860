import { open, rm, rmdir, stat } from 'node:fs/promises';
import { join, parse, resolve } from 'node:path';
import { makeFolder } from '../files/folders.ts';
import { fullDisk, noRoom } from '../files/system-errors.ts';
import type { Placement, PlacementReport } from '../host-bridge/host.ts';
import { findTrack } from '../host-bridge/placement.ts';
import type { SavedTimeline, TimelineFileHost } from '../host-bridge/timeline-file/host.ts';
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
	if (!(await exists(clip.path))) {
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

export type Folders = {
	readonly output: string;
	readonly media: string;
	keep(): void;
	/** Removes the folders that were made here and hold nothing, unless they are to be kept. */
	tidy(): Promise<void>;
};

/** Where the new timeline goes and its clips beside it; nothing is made or looked at. */
export function foldersFor(
	host: TimelineFileHost,
	output: string | undefined,
): Pick<Folders, 'output' | 'media'> {
	const { dir, name } = parse(host.path);
	// A timeline that names its media by their place beside it must stay there, unless told otherwise.
	const beside = host.relativeMedia ? dir : join(dir, fitting(name, ' pickup'));
	const folder = resolve(output ?? beside);
	return { output: folder, media: join(folder, 'media') };
}

/** Makes the folders and looks that both can be written to. Throws `folder-not-writable`, `disk-full`. */
export async function makeFolders({
	output,
	media,
}: Pick<Folders, 'output' | 'media'>): Promise<Folders> {
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

/** The timeline's own name where it is free in the folder, else with a number: `cut 2.xml`. */
async function freeName(folder: string, timeline: string): Promise<string> {
	const { name, ext } = parse(timeline);
	for (let number = 1; ; number++) {
		const candidate = fitting(name, number === 1 ? ext : ` ${number}${ext}`);
		if (!(await exists(join(folder, candidate)))) return candidate;
	}
}

/** What most file systems take as one name, in bytes. */
const LONGEST_NAME = 255;

/** The name with an ending, cut short between characters where both would be too long for a name. */
function fitting(name: string, ending: string): string {
	const characters = [...name];
	const isLong = () => Buffer.byteLength(characters.join('') + ending) > LONGEST_NAME;
	while (characters.length > 1 && isLong()) characters.pop();
	return characters.join('') + ending;
}

function exists(path: string): Promise<boolean> {
	return stat(path).then(
		() => true,
		() => false,
	);
}

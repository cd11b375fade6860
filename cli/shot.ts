import { randomInt, randomUUID } from 'node:crypto';
import { mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname, join, parse, resolve } from 'node:path';
import type { Placement, PlacementReport } from '../host-bridge/host.ts';
import {
	openTimeline,
	type SavedTimeline,
	type TimelineFileHost,
} from '../host-bridge/timeline-file/host.ts';
import type { Client } from '../protocol/client.ts';
import { PickupError } from '../protocol/errors.ts';
import {
	type Codec,
	codecSchema,
	type GenerationRequest,
	type Plan,
} from '../protocol/generation.ts';
import type { Job } from '../protocol/jobs.ts';
import { type FrameRange, formatTimecode, rangeLength } from '../protocol/time.ts';
import type { ClipSpan, TimelineContext } from '../protocol/timeline.ts';
import { connectToDaemon } from './daemon-link.ts';
import { type EngineOptions, engineParts } from './engine-options.ts';
import { EXIT, exitCodeFor } from './exit-codes.ts';
import { finished, makeAll, type NamedRequest, planAll } from './make.ts';
import { planLines } from './plan-lines.ts';
import type { Terminal } from './terminal.ts';

/** Options that every verb which makes a clip has. */
export type ShotOptions = EngineOptions & {
	readonly prompt: string;
	readonly negative?: string;
	readonly engine: string;
	readonly seed?: number;
	readonly takes: number;
	readonly codec: Codec;
	readonly output?: string;
	readonly sequence?: string;
	/** Only to be told what would be done. */
	readonly plan?: boolean;
	readonly json?: boolean;
};

/** What the verbs differ in. */
export type Shot = {
	readonly context: TimelineContext;
	readonly range: FrameRange;
	/** The end of the range that a clip shorter than it leans on. Default: its start. */
	readonly leansOn?: 'start' | 'end';
	/** The clip that the shot is made from, where there is one. */
	readonly clip?: ClipSpan;
	/** Where the first take goes; the others always go above. */
	readonly where: Placement['where'];
	readonly picture: boolean;
	readonly sound: boolean;
	/** The request, given what all kinds share. */
	compose(shared: Shared): GenerationRequest;
};

export type Shared = Pick<
	GenerationRequest,
	| 'id'
	| 'engine'
	| 'prompt'
	| 'negativePrompt'
	| 'seed'
	| 'context'
	| 'output'
	| 'settings'
	| 'loras'
	| 'reference'
>;

/**
 * Makes the takes of a shot and lands them in a new timeline file. Nothing is written to the old
 * one, and nothing stays behind when no take is finished. Returns the exit code.
 */
export async function makeShot(
	timelinePath: string,
	options: ShotOptions,
	terminal: Terminal,
	choose: (host: TimelineFileHost) => Promise<Shot>,
): Promise<number> {
	const parts = engineParts(options);
	const host = await openTimeline(timelinePath, sequenceOption(options));
	const chosen = await choose(host);
	const interrupt = interruptSignal();
	const client = await connectToDaemon({ expectJob: !options.plan });
	const { sizeAssumed } = await host.cut();
	const shot = sizeAssumed ? await sizedLikeMedia(chosen, client) : chosen;
	const folders = await prepareFolders(host, options);
	try {
		const wanted = composeTakes(shot, options, parts, folders.media);
		const plans = await planAll(client, wanted);
		for (const line of planLines(plans[0]!, plans.length)) {
			if (options.plan) terminal.line(line);
			else terminal.note(line);
		}
		if (options.plan) {
			terminal.result({ plans });
			return EXIT.ok;
		}
		const jobs = await makeAll(client, wanted, terminal, interrupt);
		if (interrupt.aborted) {
			terminal.note('Interrupted: the jobs are cancelled, the timeline is as it was.');
			return EXIT.interrupted;
		}
		const done = finished(jobs);
		const placements = done.map((job, index) => placementOf(job, index, shot, wanted));
		const reports = await host.place(placements);
		const name = await freeName(folders.output, host.path);
		const saved = await host.save(folders.output, { name });
		folders.keep();
		for (const warning of saved.warnings) terminal.note(warning);
		return report(terminal, { saved, jobs, done, reports, plans });
	} finally {
		client.close();
		await folders.tidy();
	}
}

/** A shot over empty time: its first take goes right there, with picture and sound. */
export async function shotInGap(
	host: TimelineFileHost,
	track: string,
	range: FrameRange,
	compose: Shot['compose'],
): Promise<Shot> {
	const context = await host.readContext(track, range);
	return { context, range, where: 'gap', picture: true, sound: true, compose };
}

/** `{ sequence }` when one was named. */
export function sequenceOption(options: { readonly sequence?: string }): { sequence?: string } {
	return options.sequence === undefined ? {} : { sequence: options.sequence };
}

/** A timeline that does not say how large its picture is gets clips as large as their neighbours. */
async function sizedLikeMedia(shot: Shot, client: Client): Promise<Shot> {
	const { left, right, sequence } = shot.context;
	for (const neighbour of [left, right, shot.clip]) {
		if (neighbour?.source.kind !== 'file') continue;
		const { size } = await client.call('media.look', { path: neighbour.source.path });
		if (size) return { ...shot, context: { ...shot.context, sequence: { ...sequence, size } } };
	}
	return shot;
}

function composeTakes(
	shot: Shot,
	options: ShotOptions,
	parts: ReturnType<typeof engineParts>,
	media: string,
): NamedRequest[] {
	const seed = options.seed ?? randomInt(2 ** 32);
	const { sequence, track } = shot.context;
	const timecode = formatTimecode(
		shot.range.start + sequence.startFrame,
		sequence.rate,
		sequence.dropFrame,
	);
	return Array.from({ length: options.takes }, (_unused, index) => {
		const name = `Pickup ${track} ${timecode} take ${index + 1}`;
		const request = shot.compose({
			id: randomUUID(),
			engine: options.engine,
			prompt: options.prompt,
			...(options.negative === undefined ? {} : { negativePrompt: options.negative }),
			seed: seed + index,
			context: shot.context,
			output: {
				folder: media,
				name: `pickup ${track} ${timecode.replaceAll(/[:;]/g, '')} take ${index + 1}`,
				codec: codecSchema.parse(options.codec),
			},
			...parts,
		});
		return { name, request };
	});
}

function placementOf(
	job: Job,
	index: number,
	shot: Shot,
	wanted: readonly NamedRequest[],
): Placement {
	if (job.clip === null) throw new PickupError('internal', `Job ${job.id} is done without a clip`);
	const name = wanted.find(({ request }) => request.id === job.id)?.name ?? job.id;
	return {
		clip: job.clip,
		name: job.clip.draft ? `${name} (draft)` : name,
		range: landing(shot, job.clip.frames),
		track: shot.context.track,
		where: index === 0 ? shot.where : 'above',
		enabled: index === 0,
		picture: shot.picture,
		sound: shot.sound,
	};
}

/** A clip whose length was left to the model need not fill the range. */
function landing({ range, leansOn }: Shot, frames: number): FrameRange {
	if (leansOn === 'end') return { start: range.end - frames, end: range.end };
	return { start: range.start, end: range.start + frames };
}

type Made = {
	readonly saved: SavedTimeline;
	readonly jobs: readonly Job[];
	readonly done: readonly Job[];
	readonly reports: readonly PlacementReport[];
	readonly plans: readonly Plan[];
};

function report(terminal: Terminal, made: Made): number {
	made.reports.forEach((placed, index) => {
		const clip = made.done[index]?.clip;
		const length = rangeLength(placed.range);
		terminal.line(`${placed.actual}  ${length} frames, seed ${clip?.seed}, ${clip?.path}`);
	});
	for (const note of new Set(made.done.flatMap(({ clip }) => clip?.notes ?? [])))
		terminal.note(note);
	const problems = made.jobs.flatMap((job) => (job.problem ? [job.problem] : []));
	for (const problem of problems) terminal.note(`A take failed: ${problem.message}`);
	terminal.line(`Timeline: ${made.saved.path}`);
	terminal.result({
		timeline: made.saved.path,
		inserted: made.saved.spans,
		warnings: made.saved.warnings,
		placements: made.reports,
		clips: made.done.map((job) => job.clip),
		plans: made.plans,
		problems,
	});
	return problems[0] ? exitCodeFor(problems[0]) : EXIT.ok;
}

type Folders = {
	readonly output: string;
	readonly media: string;
	keep(): void;
	/** Removes the folders that were made here and hold nothing, unless they are to be kept. */
	tidy(): Promise<void>;
};

/** A timeline that names its media by their place beside it must stay there, unless told otherwise. */
async function prepareFolders(host: TimelineFileHost, options: ShotOptions): Promise<Folders> {
	const { dir, name } = parse(host.path);
	const beside = host.relativeMedia ? dir : join(dir, `${name} pickup`);
	const output = resolve(options.output ?? beside);
	const media = join(output, 'media');
	const made = [...(await missingFolders(media))];
	await mkdir(media, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
		throw new PickupError('folder-not-writable', `Cannot make ${media}: ${cause.message}`, {
			cause,
		});
	});
	let kept = false;
	return {
		output,
		media,
		keep: () => {
			kept = true;
		},
		async tidy() {
			if (kept) return;
			for (const folder of made) {
				await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
					if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
				});
			}
		},
	};
}

/** The timeline's own name where it is free in the folder, else with a number: `cut 2.xml`. */
async function freeName(folder: string, timeline: string): Promise<string> {
	const { name, ext } = parse(timeline);
	for (let number = 1; ; number++) {
		const candidate = number === 1 ? `${name}${ext}` : `${name} ${number}${ext}`;
		if (!(await exists(join(folder, candidate)))) return candidate;
	}
}

/** The folders of the path that are not there yet, innermost first. */
async function missingFolders(path: string): Promise<string[]> {
	if (dirname(path) === path || (await exists(path))) return [];
	return [path, ...(await missingFolders(dirname(path)))];
}

function exists(path: string): Promise<boolean> {
	return stat(path).then(
		() => true,
		() => false,
	);
}

function interruptSignal(): AbortSignal {
	const controller = new AbortController();
	process.once('SIGINT', () => controller.abort());
	process.once('SIGTERM', () => controller.abort());
	return controller.signal;
}

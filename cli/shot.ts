import { randomInt, randomUUID } from 'node:crypto';
import { systemProblem } from '../files/system-errors.ts';
import type { Placement } from '../host-bridge/host.ts';
import { planPlacement } from '../host-bridge/placement.ts';
import { openTimeline, type TimelineFileHost } from '../host-bridge/timeline-file/host.ts';
import { foldersFor } from '../host-bridge/timeline-file/output-folders.ts';
import type { Client } from '../protocol/client.ts';
import { PickupError } from '../protocol/errors.ts';
import {
	type Codec,
	codecSchema,
	type GenerationRequest,
	type Plan,
} from '../protocol/generation.ts';
import type { Job } from '../protocol/jobs.ts';
import { type FrameRange, formatTimecode } from '../protocol/time.ts';
import type { ClipSpan, TimelineContext } from '../protocol/timeline.ts';
import { withDaemon } from './daemon-link.ts';
import { type EngineOptions, engineParts } from './engine-options.ts';
import { EXIT, exitCodeFor } from './exit-codes.ts';
import { interruptible } from './interruptible.ts';
import { type Landed, landClips, makeFolders } from './landing.ts';
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
	const { sizeAssumed, notes = [] } = await host.cut();
	for (const note of notes) terminal.note(note);
	return withDaemon({ expectJob: !options.plan }, async (client) => {
		const shot = sizeAssumed ? await sizedLikeMedia(chosen, client) : chosen;
		const places = foldersFor(host, options.output);
		const wanted = composeTakes(shot, options, parts, places.media);
		const requests = wanted.map(({ request }) => request);
		const plans = await planAll(client, wanted);
		await checkPlace(host, shot, plans[0]!);
		return interruptible(async (interrupt) => {
			const folders = await makeFolders(places);
			try {
				for (const line of planLines(plans[0]!, plans.length)) {
					if (options.plan) terminal.line(line);
					else terminal.note(line);
				}
				if (options.plan) {
					terminal.result({ plans });
					return EXIT.ok;
				}
				const jobs = await makeAll(client, wanted, terminal, interrupt).catch((error) => {
					if (!(error instanceof PickupError && error.code === 'daemon-unreachable')) throw error;
					// The daemon goes on with them, here or when it runs again.
					folders.keep();
					throw withHint(error, hintFor(requests, timelinePath));
				});
				const done = jobs.filter(({ state }) => state === 'done');
				const hint = hintFor(done, timelinePath);
				if (interrupt.aborted) {
					terminal.note('Interrupted: the jobs are cancelled, the timeline is as it was.');
					if (done.length > 0) terminal.note(hint);
					return EXIT.interrupted;
				}
				const placements = finished(jobs).map((job, at) => placementOf(job, at, shot, wanted));
				const landed = await landClips(host, placements, folders.output, terminal).catch(
					(error) => {
						throw withHint(error, hint);
					},
				);
				folders.keep();
				return report(terminal, { landed, jobs, done, plans });
			} finally {
				await folders.tidy();
			}
		});
	});
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

/** Refuses what would be refused when the clip is there and is to be placed: a locked track. */
async function checkPlace(host: TimelineFileHost, shot: Shot, plan: Plan): Promise<void> {
	const { frames, samples } = plan;
	const cut = await host.cut();
	planPlacement(cut, {
		clip: { frames, samples, rate: cut.sequence.rate },
		range: landing(shot, frames),
		track: shot.context.track,
		where: shot.where,
		picture: shot.picture,
		sound: shot.sound,
	});
}

/** What can still be done with jobs whose clips no command waits to land. */
function hintFor(jobs: readonly { readonly id: string }[], timeline: string): string {
	const lines = jobs.map(
		({ id }) => `pickup jobs land ${id.slice(0, 8)} ${JSON.stringify(timeline)}`,
	);
	return `A finished clip stays, and can be put into the timeline with:\n${lines.join('\n')}`;
}

function withHint(error: unknown, hint: string): PickupError {
	const { code, message, action, field } = systemProblem(error);
	return new PickupError(code, message, { field, action: `${action}\n${hint}`, cause: error });
}

type Made = {
	readonly landed: Landed;
	readonly jobs: readonly Job[];
	readonly done: readonly Job[];
	readonly plans: readonly Plan[];
};

function report(terminal: Terminal, { landed, jobs, done, plans }: Made): number {
	const said = new Set(plans.flatMap(({ notes }) => notes));
	const notes = new Set(done.flatMap(({ clip }) => clip?.notes ?? []));
	for (const note of notes) if (!said.has(note)) terminal.note(note);
	const problems = jobs.flatMap((job) => (job.problem ? [job.problem] : []));
	for (const problem of problems) terminal.note(`A take failed: ${problem.message}`);
	const { saved, reports } = landed;
	terminal.line(`Timeline: ${saved.path}`);
	terminal.result({
		timeline: saved.path,
		inserted: saved.spans,
		warnings: saved.warnings,
		placements: reports,
		clips: done.map((job) => job.clip),
		plans,
		problems,
	});
	return problems[0] ? exitCodeFor(problems[0]) : EXIT.ok;
}

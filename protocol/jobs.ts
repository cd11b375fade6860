import * as z from 'zod';
import { problemSchema } from './errors.ts';
import { planSchema, requestKindSchema } from './generation.ts';
import { busyWithSchema } from './hosts.ts';
import { landingSchema } from './landings.ts';
import { count, frameRateSchema, sizeSchema } from './schemas.ts';
import { takeOfSchema } from './shots.ts';

export const jobStateSchema = z.enum(['queued', 'running', 'done', 'failed', 'cancelled']);

/** A finished clip: counted before it was given its name. */
export const clipSchema = z
	.strictObject({
		path: z.string(),
		formerPaths: z
			.array(z.string())
			.readonly()
			.optional()
			.describe(
				'Where it stood before its project was saved, or saved elsewhere: a cut may play it there still.',
			),
		frames: count,
		rate: frameRateSchema,
		size: sizeSchema,
		samples: count.describe('48 kHz stereo sample frames; 0 when the clip has no sound.'),
		codec: z.string(),
		draft: z.boolean(),
		engine: z.string(),
		seed: count,
		notes: z
			.array(z.string())
			.readonly()
			.optional()
			.describe('Where it was made otherwise than planned, in sentences.'),
	})
	.readonly()
	.meta({ id: 'Clip' });

/** Why a running job stands still, and since when. */
export const pauseSchema = z
	.strictObject({
		program: z.string().min(1).max(64).describe('The editor that needs the machine.'),
		busy: busyWithSchema,
		since: z.iso.datetime(),
	})
	.readonly()
	.meta({ id: 'Pause' });

export const jobSchema = z
	.strictObject({
		id: z.string().describe('The id of the request that the job does.'),
		kind: requestKindSchema,
		prompt: z.string().describe('The first 500 characters; `job.request` has all of it.'),
		state: jobStateSchema,
		priority: z.int().describe('Higher runs first; 0 unless changed.'),
		position: z
			.number()
			.nullable()
			.describe('Place in the queue, 0 is next; null when not queued.'),
		progress: z.number().min(0).max(1),
		phase: z.string(),
		attempt: count,
		plan: planSchema,
		clip: clipSchema.nullable(),
		problem: problemSchema.nullable(),
		createdAt: z.iso.datetime(),
		startedAt: z.iso.datetime().nullable().default(null).describe('Of the last attempt.'),
		endedAt: z.iso.datetime().nullable(),
		pause: pauseSchema.nullable().default(null).describe('Of a running job that is paused.'),
		pausedFor: count.default(0).describe('How long pauses of the last attempt took, in ms.'),
		takeOf: takeOfSchema.nullable().default(null).describe('The press that it was made for.'),
		landings: z.array(landingSchema).readonly().default([]).describe('Oldest first.'),
		starred: z.boolean().default(false),
		deleted: z.boolean().default(false).describe('Out of the history; its file is still there.'),
		trashed: z.boolean().default(false).describe('Its file was put into the system’s trash.'),
	})
	.readonly()
	.meta({ id: 'Job' });

const stamp = {
	seq: z.int().min(1).describe('Numbers rise by one over all jobs, across restarts.'),
	jobId: z.string(),
	at: z.iso.datetime(),
};

/** What happens to jobs, numbered without holes. */
export const jobEventSchema = z
	.discriminatedUnion('kind', [
		z.strictObject({ kind: z.literal('accepted'), ...stamp, job: jobSchema }),
		z.strictObject({ kind: z.literal('moved'), ...stamp, priority: z.int() }),
		z.strictObject({ kind: z.literal('started'), ...stamp, attempt: count }),
		z.strictObject({
			kind: z.literal('progress'),
			...stamp,
			progress: z.number().min(0).max(1).describe('Of the whole job; never moves backwards.'),
			phase: z.string(),
		}),
		z
			.strictObject({ kind: z.literal('paused'), ...stamp, pause: pauseSchema })
			.describe('It does nothing from now on, for this reason; or for another one than before.'),
		z.strictObject({ kind: z.literal('resumed'), ...stamp, pausedFor: count }),
		// Not strict: those of older journals name an address, where now a ticket is asked for.
		z
			.object({ kind: z.literal('preview'), ...stamp })
			.describe('There is a new picture of what the shot looks like; `media.ticket` leads to it.'),
		z.strictObject({ kind: z.literal('done'), ...stamp, clip: clipSchema }),
		z.strictObject({ kind: z.literal('failed'), ...stamp, problem: problemSchema }),
		z.strictObject({ kind: z.literal('cancelled'), ...stamp }),
		z.strictObject({ kind: z.literal('landing'), ...stamp, landing: landingSchema }),
		z
			.strictObject({ kind: z.literal('clip-moved'), ...stamp, clip: clipSchema })
			.describe('Its file stands beside the project since that was saved, there or elsewhere.'),
		z.strictObject({
			kind: z.literal('marked'),
			...stamp,
			starred: z.boolean(),
			deleted: z.boolean(),
			trashed: z.boolean().default(false),
		}),
		z.strictObject({ kind: z.literal('requeued'), ...stamp, reason: z.string() }),
	])
	.readonly()
	.meta({ id: 'JobEvent' });

export type Pause = z.infer<typeof pauseSchema>;
export type PauseReason = Omit<Pause, 'since'>;
export type JobState = z.infer<typeof jobStateSchema>;
export type Clip = z.infer<typeof clipSchema>;
export type Job = z.infer<typeof jobSchema>;
export type JobEvent = z.infer<typeof jobEventSchema>;

type Places = Pick<Clip, 'path' | 'formerPaths'>;

/** Everything of a clip that a cut may play: its file, where it belongs first, or its picture alone. */
export function pathsOf(clip: Places) {
	const places = placesOf(clip);
	return [...places, ...places.map(pictureAlonePath)] as const;
}

/** Everywhere that a clip's file may be found, where it belongs first. */
export function placesOf({ path, formerPaths = [] }: Places) {
	return [path, ...formerPaths] as const;
}

/** The file beside a clip that has its picture and no sound, where an editor was given that. */
export function pictureAlonePath(path: string): string {
	return path.replace(/(\.[^./\\]*)?$/, ' picture$1');
}

/** In English, as it is said wherever there is no other language. */
export function pauseSays({ program, busy }: PauseReason): string {
	return `Paused while ${program} is ${busy}`;
}

/** An ended job changes no more, except by a retry. */
export function isEnded(state: JobState): boolean {
	return state === 'done' || state === 'failed' || state === 'cancelled';
}

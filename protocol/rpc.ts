import * as z from 'zod';
import { engineDescriptionSchema } from './engines.ts';
import { codecSchema, generationRequestSchema, planSchema } from './generation.ts';
import { briefSchema, hostAgentSchema, hostSchema, hostStateSchema } from './hosts.ts';
import { jobEventSchema, jobSchema, jobStateSchema } from './jobs.ts';
import { identitySchema, landAgainSchema } from './landings.ts';
import {
	diskUseSchema,
	levelsOfSchema,
	levelsSchema,
	linkSchema,
	mediaSchema,
	notTrashedSchema,
	takeScoresSchema,
	ticketSchema,
} from './media.ts';
import { weightsDescriptionSchema } from './models.ts';
import { averageRateSchema, count, framePosition, pathSchema, sizeSchema } from './schemas.ts';
import { shotPlanSchema, shotSchema } from './shots.ts';
import { cutSchema } from './timeline.ts';

/** Raised whenever a change would make an old client and a new daemon misunderstand each other. */
export const PROTOCOL_VERSION = 3;

/** The WebSocket subprotocol; the token travels beside it as `token.<hex>`. */
export const SUBPROTOCOL = 'pickup.v1';

/**
 * Where a daemon listens on 127.0.0.1: on the first of these that is free. Editors have plugins say
 * beforehand with whom they will speak. Of a range that IANA has assigned to nobody, and below what
 * systems give to outgoing connections.
 */
export const PORTS: readonly number[] = Array.from({ length: 10 }, (_, i) => 17_840 + i);

/** Control messages are small; media goes by path. Bytes. */
export const MAX_MESSAGE_BYTES = 1_048_576;

/** What an agent may answer: the cut of a film of fifty thousand clips. Bytes. */
export const MAX_ANSWER_BYTES = 33_554_432;

const jobId = z.strictObject({ jobId: z.uuid() });
const jobResult = z.strictObject({ job: jobSchema });

/** One line of `pickup doctor`. */
const checkSchema = z
	.strictObject({
		name: z.string(),
		status: z.enum(['ok', 'warning', 'missing']),
		found: z.string(),
		action: z.string().nullable(),
	})
	.readonly()
	.meta({ id: 'Check' });

/** What panels share and the daemon keeps for them. */
const panelStateSchema = z
	.strictObject({
		memory: z.record(z.string(), z.json()),
		paused: z.boolean().describe('The queue is held.'),
	})
	.meta({ id: 'PanelState' });

/** JSON-RPC 2.0 methods: a summary, and schemas of params and result. */
export const methods = {
	hello: {
		summary: 'First message of every connection: who speaks, which version, which token.',
		params: z.strictObject({
			protocol: z.int(),
			token: z.string().max(256),
			client: z.strictObject({ name: z.string().max(64), version: z.string().max(64) }),
		}),
		result: z.strictObject({
			protocol: z.int(),
			version: z.string(),
			instance: z.string().describe('Changes whenever the daemon starts.'),
			lastEvent: count.describe('Number of the newest event; 0 when there is none.'),
			notices: z
				.array(z.string())
				.default([])
				.describe('What was damaged when the daemon started, and what became of it.'),
			codecs: z.array(codecSchema),
			engines: z.array(engineDescriptionSchema),
		}),
	},
	'engine.list': {
		summary: 'What each engine can do now.',
		params: z.strictObject({}),
		result: z.strictObject({ engines: z.array(engineDescriptionSchema) }),
	},
	'job.plan': {
		summary: 'What would be done for a request, or the refusal; nothing is queued.',
		params: z.strictObject({ request: generationRequestSchema }),
		result: z.strictObject({ plan: planSchema }),
	},
	'job.submit': {
		summary: 'Journals and queues a request. The same request id again is the same job.',
		params: z.strictObject({
			request: generationRequestSchema,
			priority: z.int().min(-100).max(100).default(0),
		}),
		result: jobResult,
	},
	'job.list': {
		summary: 'Jobs, newest first.',
		params: z.strictObject({
			states: z.array(jobStateSchema).optional(),
			limit: z.int().min(1).max(10_000).default(100),
		}),
		result: z.strictObject({ jobs: z.array(jobSchema), lastEvent: count }),
	},
	'job.get': { summary: 'One job.', params: jobId, result: jobResult },
	'job.request': {
		summary: 'The request that a job does, with the settings that it left to the daemon.',
		params: jobId,
		result: z.strictObject({ request: generationRequestSchema }),
	},
	'job.cancel': {
		summary: 'Stops a queued or running job. An ended job is left as it is.',
		params: jobId,
		result: jobResult,
	},
	'job.continue': {
		summary: 'Has a running job go on although an editor is busy, now and until it ends.',
		params: jobId,
		result: jobResult,
	},
	'job.retry': {
		summary: 'Queues a failed or cancelled job again.',
		params: jobId,
		result: jobResult,
	},
	'job.move': {
		summary: 'Puts a queued job before another one, or last where `before` is null.',
		params: z.strictObject({ jobId: z.uuid(), before: z.uuid().nullable() }),
		result: jobResult,
	},
	'job.prioritise': {
		summary: 'Changes the priority of a queued job.',
		params: z.strictObject({ jobId: z.uuid(), priority: z.int().min(-100).max(100) }),
		result: jobResult,
	},
	'events.subscribe': {
		summary: 'Everything after a number, at once, and from then on as `event` notifications.',
		params: z.strictObject({ after: count }),
		result: z.strictObject({ events: z.array(jobEventSchema), lastEvent: count }),
	},
	'host.register': {
		summary:
			'An agent says which editor it is in and what is open there; from then on it is asked.',
		params: z.strictObject({ agent: hostAgentSchema, state: hostStateSchema }),
		result: z.strictObject({}),
	},
	'host.changed': {
		summary: 'A registered agent says that playhead, selection, cut or project have changed.',
		params: z.strictObject({ state: hostStateSchema }),
		result: z.strictObject({}),
	},
	'host.watch': {
		summary: 'The editors that are connected, at once, and from then on as `hosts` notifications.',
		params: z.strictObject({}),
		result: z.strictObject({ hosts: z.array(hostSchema) }),
	},
	'host.cut': {
		summary: 'The sequence that is open in an editor, as it stands.',
		params: z.strictObject({ host: z.uuid() }),
		result: z.strictObject({ cut: cutSchema, revision: count }),
	},
	'host.show': {
		summary: 'Puts the playhead of an editor on a frame of the sequence that is open.',
		params: z.strictObject({ host: z.uuid(), frame: framePosition }),
		result: z.strictObject({}),
	},
	'host.reveal': {
		summary:
			'Shows the file that has what landed in the system’s file manager: the project’s own, where it has no other.',
		params: z.strictObject({ host: z.uuid() }),
		result: z.strictObject({}),
	},
	'host.fill': {
		summary:
			'A registered agent’s Fill button: makes the shot of its brief for the gap at the playhead.',
		params: z.strictObject({}),
		result: z.strictObject({ jobs: z.array(jobSchema) }),
	},
	'shot.plan': {
		summary: 'What would be made for a place of the cut, or the refusal; nothing is queued.',
		params: z.strictObject({ shot: shotSchema }),
		result: shotPlanSchema,
	},
	'shot.submit': {
		summary:
			'Journals and queues a job for each take, and for the draft. The same shot id again is the same shot.',
		params: z.strictObject({ shot: shotSchema }),
		result: z.strictObject({
			jobs: z.array(jobSchema).describe('The draft, if any, then the takes.'),
		}),
	},
	'shot.vary': {
		summary:
			'One more take of a press, made as one of its takes was but for the seed. The same id again is the same take.',
		params: z.strictObject({
			id: z.uuid().describe('Of the new job; made by the client.'),
			like: z.uuid().describe('The job of the take.'),
			seed: count.max(4_294_967_295),
		}),
		result: jobResult,
	},
	'clip.land': {
		summary: 'Lands a finished clip: once more, elsewhere, or in the place of another take.',
		params: landAgainSchema,
		result: jobResult,
	},
	'clip.withdraw': {
		summary: 'Takes a clip out of the cut again, or no longer wants it there.',
		params: z.strictObject({ landing: z.uuid() }),
		result: jobResult,
	},
	'clip.mark': {
		summary: 'Stars clips, or takes them out of the history and back. Files are left alone.',
		params: z.strictObject({
			jobIds: z.array(z.uuid()).min(1).max(10_000),
			starred: z.boolean().optional(),
			deleted: z.boolean().optional(),
		}),
		result: z.strictObject({}),
	},
	'queue.pause': {
		summary: 'Holds the queue after the running job, or lets it go on; kept over restarts.',
		params: z.strictObject({ paused: z.boolean() }),
		result: z.strictObject({}),
	},
	'panel.watch': {
		summary: 'What panels share, at once, and from then on as `panel` notifications.',
		params: z.strictObject({}),
		result: panelStateSchema,
	},
	'panel.remember': {
		summary: 'Keeps a value for all panels, over restarts; null forgets it.',
		params: z.strictObject({
			key: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/),
			value: z.json().describe('At most 64 KiB as text.'),
		}),
		result: z.strictObject({}),
	},
	'media.look': {
		summary: 'What a media file holds; for timelines that do not say how large their picture is.',
		params: z.strictObject({ path: pathSchema }),
		result: z.strictObject({
			size: sizeSchema.nullable().describe('As shown: turned, with square pixels.'),
			rate: averageRateSchema.nullable().describe('Null where the file does not say.'),
			sound: z.boolean(),
		}),
	},
	'media.ticket': {
		summary:
			'An address for one file, which needs no token. What has to be made first is made before the answer.',
		params: z.strictObject({ media: mediaSchema }),
		result: ticketSchema,
	},
	'media.levels': {
		summary: 'How loud the cut or a take is, stretch by stretch.',
		params: z.strictObject({ of: levelsOfSchema, points: z.int().min(1).max(4096) }),
		result: levelsSchema,
	},
	'take.scores': {
		summary: 'How a finished clip meets what stands beside it in the cut that it was made for.',
		params: jobId,
		result: takeScoresSchema,
	},
	'media.reveal': {
		summary: 'Shows a finished clip in the system’s file manager.',
		params: jobId,
		result: z.strictObject({}),
	},
	'history.disk': {
		summary: 'What clips and what is kept to look at take on the disk.',
		params: z.strictObject({
			project: identitySchema
				.optional()
				.describe('Only clips that were made for it, and such as were made for none.'),
		}),
		result: diskUseSchema,
	},
	'history.trash': {
		summary:
			'Puts clips into the system’s trash; those that may be used in a project only where that is meant.',
		params: z.strictObject({
			jobIds: z.array(z.uuid()).min(1).max(10_000),
			evenUsed: z.boolean().default(false),
		}),
		result: z.strictObject({ kept: z.array(notTrashedSchema) }),
	},
	'link.open': {
		summary: 'Opens one of the pages that Pickup knows in the system’s browser.',
		params: z.strictObject({ link: linkSchema }),
		result: z.strictObject({}),
	},
	'models.inspect': {
		summary: 'What files with weights hold, and what is missing for a complete engine.',
		params: z.strictObject({ paths: z.array(pathSchema).min(1).max(1000) }),
		result: weightsDescriptionSchema,
	},
	'machine.check': {
		summary: 'What works on this machine, what does not and what to do.',
		params: z.strictObject({}),
		result: z.strictObject({ checks: z.array(checkSchema) }),
	},
	'daemon.stop': {
		summary: 'Stops the daemon; a running job is queued again for the next start.',
		params: z.strictObject({}),
		result: z.strictObject({}),
	},
} as const;

/** Sent by the daemon to whoever asked for them. */
export const notifications = {
	event: { summary: 'One job event.', params: jobEventSchema },
	hosts: {
		summary: 'The editors that are connected, after `host.watch`.',
		params: z.strictObject({ hosts: z.array(hostSchema) }),
	},
	panel: { summary: 'What panels share, after `panel.watch`.', params: panelStateSchema },
	brief: { summary: 'To an agent: what it may show, whenever that changes.', params: briefSchema },
} as const;

/** What is told to those who watch it, beside events. */
export type Notice = {
	readonly [N in Exclude<keyof typeof notifications, 'event'>]: {
		readonly method: N;
		readonly params: z.output<(typeof notifications)[N]['params']>;
	};
}[Exclude<keyof typeof notifications, 'event'>];

export type Method = keyof typeof methods;
export type Params<M extends Method> = z.input<(typeof methods)[M]['params']>;
export type ParsedParams<M extends Method> = z.output<(typeof methods)[M]['params']>;
export type Result<M extends Method> = z.output<(typeof methods)[M]['result']>;
export type PanelState = z.infer<typeof panelStateSchema>;
export type Check = z.infer<typeof checkSchema>;

/** JSON-RPC 2.0 error numbers: the reserved ones where they fit, else one of ours with `data`. */
export const RPC_ERRORS = {
	parse: -32700,
	invalidRequest: -32600,
	methodNotFound: -32601,
	invalidParams: -32602,
	internal: -32603,
	pickup: -32000,
} as const;

/** `GET` of this with a number used once and a signature; the answer is the daemon's signature. */
export const PROOF_PATH = '/proof/';

/**
 * What each side signs with the token (HMAC-SHA256, in hex), so that either knows that the other has
 * it before it is sent: a port in an old port file may be anybody's. `once` is 32 hex digits.
 */
export function proofText(side: 'client' | 'daemon', port: number, once: string): string {
	return `pickup ${side} ${port} ${once}`;
}

/** What the daemon writes to its state folder (mode 0600) once it listens; a later one may say more. */
export const portFileSchema = z.object({
	port: z.int().min(1).max(65_535),
	token: z.string().regex(/^[0-9a-f]{64}$/),
	pid: z.int().min(1),
	protocol: z.int(),
	version: z.string(),
});
export type PortFile = z.infer<typeof portFileSchema>;

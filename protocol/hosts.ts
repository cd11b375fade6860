import * as z from 'zod';
import { codecSchema } from './generation.ts';
import { identitySchema } from './landings.ts';
import {
	count,
	framePosition,
	frameRangeSchema,
	pathSchema,
	plainText,
	shortText,
	sizeSchema,
} from './schemas.ts';
import { cutSchema } from './timeline.ts';

/**
 * What a host agent says and is asked. An agent is a thin program inside an editor: it connects as
 * every client does, registers, and answers. It has no judgement: where a clip may go, whether it
 * stands where it should and what is to be done about it is decided by the daemon.
 */

/** What the agent of a timeline file calls its program, which is none that a person could open. */
export const TIMELINE_FILE = 'Timeline file';

const openThing = { id: identitySchema, name: shortText };

export const hostProjectSchema = z
	.strictObject({
		...openThing,
		path: pathSchema.nullable().describe('Null for a project that was never saved.'),
		landsIn: pathSchema
			.nullable()
			.optional()
			.describe(
				'The file that has what landed, where that is not the project’s own; null for one that is yet to be made.',
			),
		mediaFolder: pathSchema
			.optional()
			.describe('Where clips made for it belong. Absent: the daemon chooses.'),
	})
	.readonly()
	.meta({ id: 'HostProject' });

/** What the editor can do for us; what it cannot is not offered to the person. */
export const hostAbilitiesSchema = z
	.strictObject({
		frame: z.boolean().describe('Writes the composed picture of a frame into a file.'),
		addTracks: z.boolean(),
		disable: z.boolean().describe('Has clips that stand in the cut switched off.'),
		swap: z.boolean().describe('Gives a clip that stands in the cut other media.'),
		bin: z.boolean().describe('Keeps media in the project that are in no sequence.'),
		undo: z.boolean().describe('Takes all of an edit back in one step.'),
		show: z.boolean().describe('Moves its playhead.'),
		codec: codecSchema.optional().describe('What clips for it are to be. Absent: `h264-intra`.'),
	})
	.readonly()
	.meta({ id: 'HostAbilities' });

/** What an editor needs the whole machine for: jobs are paused meanwhile. */
export const busyWithSchema = z.enum(['playing', 'rendering', 'exporting']);

/** Landing waits while an editor does one of these. */
export const busySchema = z.enum([...busyWithSchema.options, 'dialog']);

export const hostStateSchema = z
	.strictObject({
		project: hostProjectSchema.nullable(),
		sequence: z.strictObject(openThing).readonly().nullable(),
		revision: count.describe('Rises whenever something in the sequence has changed.'),
		playhead: framePosition.nullable().describe('Sequence frame.'),
		selection: frameRangeSchema.nullable().describe('What is marked or selected in the sequence.'),
		busy: busySchema.nullable(),
	})
	.readonly()
	.meta({ id: 'HostState' });

export const hostAgentSchema = z
	.strictObject({
		id: z.uuid().describe('Of this run of the agent; it keeps it when it connects anew.'),
		program: z.string().min(1).max(64).describe('The editor’s name, as `Blender`.'),
		version: z.string().max(64),
		can: hostAbilitiesSchema,
	})
	.readonly()
	.meta({ id: 'HostAgent' });

/** An editor that is connected, as panels see it. */
export const hostSchema = z
	.strictObject({ agent: hostAgentSchema, state: hostStateSchema })
	.readonly()
	.meta({ id: 'EditorHost' });

/** What an agent may show beside its Fill button; sent to it whenever it changes. */
export const briefSchema = z
	.strictObject({
		gap: z.string().nullable().describe('The gap at the playhead, as `V1 01:00:14:09, 60 frames`.'),
		prompt: z.string().describe('What Fill would ask for: the last prompt.'),
		refusal: z.string().nullable().describe('Why Fill is not possible now; null where it is.'),
		job: z
			.strictObject({
				id: z.string(),
				text: z.string().describe('What is being done, or what it waits for.'),
				progress: z.number().min(0).max(1),
			})
			.readonly()
			.nullable()
			.describe('What is being made for this editor.'),
		said: z.string().nullable().describe('What became of the last clip, until the next press.'),
	})
	.readonly()
	.meta({ id: 'Brief' });

/** A clip that stands in a sequence, told by where it stands and what it plays. */
export const itemSchema = z
	.strictObject({ track: z.string().max(64), range: frameRangeSchema, path: pathSchema })
	.readonly()
	.meta({ id: 'HostItem' });

/**
 * One step of an edit. `track` is a track of the cut, or the `as` of an `add-track` before it. An
 * agent does them in order, and where one cannot be done takes back those before it and says why.
 */
export const editStepSchema = z
	.discriminatedUnion('kind', [
		z.strictObject({
			kind: z.literal('add-track'),
			of: z.enum(['video', 'audio']),
			as: z.string().min(1).max(64),
		}),
		z.strictObject({
			kind: z.literal('place'),
			of: z.enum(['video', 'audio']).describe('Which of the file’s media goes on the track.'),
			path: pathSchema,
			name: plainText(500),
			track: z.string().max(64),
			range: frameRangeSchema.describe('As long as the file.'),
			enabled: z.boolean(),
			draft: z.boolean().describe('Gets the colour that drafts have.'),
		}),
		z.strictObject({
			kind: z.literal('swap'),
			item: itemSchema,
			path: pathSchema,
			name: plainText(500),
			draft: z.boolean(),
		}),
		z.strictObject({ kind: z.literal('remove'), item: itemSchema }),
		z.strictObject({ kind: z.literal('bin'), path: pathSchema, name: plainText(500) }),
	])
	.readonly()
	.meta({ id: 'EditStep' });

const sequence = { project: identitySchema, sequence: identitySchema };

/** What the daemon asks an agent. All answer with an error for a project that is not open. */
export const agentMethods = {
	'agent.who': {
		summary: 'Who it is, what is open and what the person is doing.',
		params: z.strictObject({}),
		result: z.strictObject({ agent: hostAgentSchema, state: hostStateSchema }),
	},
	'agent.cut': {
		summary: 'The sequence as it stands.',
		params: z.strictObject(sequence),
		result: z.strictObject({ cut: cutSchema, revision: count }),
	},
	'agent.frame': {
		summary: 'Writes the composed picture of one frame as PNG to a path that is free.',
		params: z.strictObject({ ...sequence, frame: framePosition, path: pathSchema }),
		result: z.strictObject({ size: sizeSchema }),
	},
	'agent.edit': {
		summary:
			'Does all steps as one that can be undone, or none. An operation that it has done before is not done again.',
		params: z.strictObject({
			...sequence,
			operation: z.uuid(),
			revision: count.describe(
				'What the edit was planned for. Where the sequence has changed since, the agent does nothing and answers `stale: true`.',
			),
			label: plainText(200).describe('What the person reads in the list of undo steps.'),
			steps: z.array(editStepSchema).min(1).max(64),
		}),
		result: z.strictObject({
			revision: count,
			again: z.boolean().default(false).describe('It was done before, and not once more now.'),
			stale: z.boolean().default(false),
		}),
	},
	'agent.show': {
		summary: 'Puts the playhead on a frame.',
		params: z.strictObject({ ...sequence, frame: framePosition }),
		result: z.strictObject({}),
	},
} as const;

export type HostState = z.infer<typeof hostStateSchema>;
export type HostAgent = z.infer<typeof hostAgentSchema>;
export type EditStep = z.infer<typeof editStepSchema>;
export type Item = z.infer<typeof itemSchema>;
export type EditorHost = z.infer<typeof hostSchema>;
export type Brief = z.infer<typeof briefSchema>;
export type AgentMethod = keyof typeof agentMethods;
export type AgentParams<M extends AgentMethod> = z.input<(typeof agentMethods)[M]['params']>;
/** What it may leave out is what it usually is. */
export type AgentAnswer<M extends AgentMethod> = z.input<(typeof agentMethods)[M]['result']>;
export type AgentResult<M extends AgentMethod> = z.output<(typeof agentMethods)[M]['result']>;

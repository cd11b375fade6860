import * as z from 'zod';

/**
 * Every way Pickup can refuse or fail, whose doing it is and what the person in front of the
 * timeline can do about it. Codes are stable; texts may improve.
 */
const CODES = {
	'bad-message': {
		fault: 'program',
		action: 'Update the panel or command so that it matches the daemon.',
	},
	'bad-request': {
		fault: 'request',
		action: 'Correct the named field and send the request again.',
	},
	'wrong-token': {
		fault: 'program',
		action: 'Connect again with the token from the daemon’s port file.',
	},
	'version-mismatch': {
		fault: 'machine',
		action: 'Run `pickup daemon stop` and try again: a daemon of the same version then starts.',
	},
	'hello-first': { fault: 'program', action: 'Say hello before any other method.' },
	'no-such-method': { fault: 'program', action: 'Use a method that openrpc.json lists.' },
	'no-such-job': { fault: 'request', action: 'List the jobs and use an id from there.' },
	'wrong-state': {
		fault: 'request',
		action: 'Look at the job’s state: the call does not apply to it.',
	},
	'request-id-reused': { fault: 'program', action: 'Give a different request a new id.' },
	'events-gone': {
		fault: 'request',
		action: 'List the jobs anew and subscribe from the number given.',
	},
	'no-such-engine': { fault: 'request', action: 'Choose one of the engines that are listed.' },
	'engine-cannot': { fault: 'request', action: 'Choose an engine that does this kind of shot.' },
	'engine-unavailable': {
		fault: 'machine',
		action: 'Run `pickup doctor` to see what the engine needs.',
	},
	'engine-died': { fault: 'engine', action: 'Retry the job; the next one starts a fresh engine.' },
	'engine-failed': {
		fault: 'engine',
		action: 'Read the reason, then retry or choose another engine.',
	},
	'out-of-memory': {
		fault: 'machine',
		action: 'Choose a smaller size or a shorter range, or close other programs, then retry.',
	},
	'too-long': {
		fault: 'request',
		action: 'Fill a shorter range, or choose an engine that can do more.',
	},
	'too-short': { fault: 'request', action: 'Name a range of at least one frame.' },
	'no-neighbour': {
		fault: 'request',
		action: 'Choose a range with a clip beside it, or use insert.',
	},
	'media-offline': {
		fault: 'media',
		action: 'Relink the clip or bring its file back, then try again.',
	},
	'media-unreadable': {
		fault: 'media',
		action: 'Check that the file plays; convert it if it does not.',
	},
	'not-a-regular-file': {
		fault: 'media',
		action: 'Name a file on a disk, not a link target, device or address.',
	},
	'folder-missing': { fault: 'request', action: 'Create the output folder first.' },
	'folder-not-writable': { fault: 'machine', action: 'Choose a folder that you may write to.' },
	'disk-full': { fault: 'machine', action: 'Free space on the named disk, then retry the job.' },
	'download-failed': {
		fault: 'machine',
		action:
			'Look whether this machine reaches the address, then try again: it goes on where it stopped.',
	},
	'ffmpeg-missing': {
		fault: 'machine',
		action: 'Install ffmpeg (Debian: apt install ffmpeg), or run `pickup setup`.',
	},
	'ffmpeg-stopped': {
		fault: 'machine',
		action:
			'Try again. Where memory is short the system ends programs: close others, or choose a smaller size.',
	},
	'bad-weights': {
		fault: 'machine',
		action: 'Run `pickup models inspect` on the file; download it again where it is damaged.',
	},
	'encode-failed': {
		fault: 'machine',
		action: 'Read the reason; another codec may work on this machine.',
	},
	'daemon-unreachable': {
		fault: 'machine',
		action: 'Start the daemon with `pickup daemon`, or run `pickup doctor`.',
	},
	'system-refused': {
		fault: 'machine',
		action: 'Read what the system said; free what it is short of, or ask who looks after it.',
	},
	'state-locked': {
		fault: 'machine',
		action: 'Another daemon uses this state folder: use it, or stop it.',
	},
	'timeline-malformed': { fault: 'timeline', action: 'Export the timeline from the editor again.' },
	'timeline-unsupported': {
		fault: 'timeline',
		action: 'Export it as FCP 7 XML, OpenTimelineIO or an MLT project.',
	},
	'no-such-gap': { fault: 'request', action: 'Run `pickup gaps` and name a gap from its table.' },
	'placement-conflict': { fault: 'timeline', action: 'The cut has changed there: read it again.' },
	'no-free-track': {
		fault: 'timeline',
		action: 'Add a track in the editor, then place the clip again.',
	},
	'no-such-host': {
		fault: 'request',
		action: 'Open the project in its editor, with Pickup switched on there.',
	},
	'editor-not-found': {
		fault: 'request',
		action: 'Start the program once, so that its folder is there, or name the folder with --into.',
	},
	'install-conflict': {
		fault: 'request',
		action: 'Move what is there away, or name another folder with --into.',
	},
	'host-gone': {
		fault: 'machine',
		action: 'Start the editor again; what was made is kept and can still be landed.',
	},
	'host-silent': {
		fault: 'machine',
		action: 'Look at the editor: it may be busy, or waits for an answer itself.',
	},
	'host-refused': { fault: 'timeline', action: 'Read what the editor said, then try again.' },
	usage: { fault: 'request', action: 'See `pickup --help`.' },
	internal: {
		fault: 'program',
		action: 'This is a defect in Pickup: report it with the daemon’s log.',
	},
} as const satisfies Record<string, { fault: Fault; action: string }>;

export type Fault = 'request' | 'media' | 'timeline' | 'machine' | 'engine' | 'program';
export type ErrorCode = keyof typeof CODES;
export const ERROR_CODES = Object.keys(CODES) as ErrorCode[];

/** An error as it travels and as jobs keep it. */
export const problemSchema = z
	.strictObject({
		code: z.enum(ERROR_CODES as [ErrorCode, ...ErrorCode[]]),
		message: z.string().describe('What was expected and what came, in one sentence.'),
		fault: z.enum(['request', 'media', 'timeline', 'machine', 'engine', 'program']),
		action: z.string().describe('What the person can do about it.'),
		field: z.string().optional().describe('Path of the field or element at fault.'),
	})
	.readonly()
	.meta({ id: 'Problem' });

export type Problem = z.infer<typeof problemSchema>;

/** The one error class that crosses rooms. Throw it with what was expected and what came. */
export class PickupError extends Error {
	readonly code: ErrorCode;
	readonly field: string | undefined;
	readonly #action: string | undefined;

	constructor(
		code: ErrorCode,
		message: string,
		options: { field?: string | undefined; action?: string | undefined; cause?: unknown } = {},
	) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.name = 'PickupError';
		this.code = code;
		this.field = options.field;
		this.#action = options.action;
	}

	toProblem(): Problem {
		const { fault, action } = CODES[this.code];
		return {
			code: this.code,
			message: this.message,
			fault,
			action: this.#action ?? action,
			...(this.field === undefined ? {} : { field: this.field }),
		};
	}

	static from(problem: Problem): PickupError {
		return new PickupError(problem.code, problem.message, {
			field: problem.field,
			action: problem.action,
		});
	}
}

/** Any thrown value as a problem; what is not a PickupError is a defect and says so. */
export function problemOf(error: unknown): Problem {
	if (error instanceof PickupError) return error.toProblem();
	return new PickupError(
		'internal',
		error instanceof Error ? error.message : String(error),
	).toProblem();
}

/** The first complaint of a zod error as a PickupError that names the field. */
export function schemaError(error: z.ZodError, code: ErrorCode = 'bad-request'): PickupError {
	const issue = deepest(error.issues[0]);
	const path = issue?.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]] : issue?.path;
	const field = path?.map(String).join('.') || 'params';
	return new PickupError(code, `${field}: ${issue?.message ?? 'does not fit'}`, { field });
}

/** A union's complaint hides the useful ones inside; take the branch that got furthest. */
function deepest(issue: z.core.$ZodIssue | undefined): z.core.$ZodIssue | undefined {
	if (issue?.code !== 'invalid_union' || issue.errors.length === 0) return issue;
	const inner = issue.errors
		.map((branch) => deepest(branch[0]))
		.filter((candidate) => candidate !== undefined)
		.sort((a, b) => b.path.length - a.path.length)[0];
	return inner ? { ...inner, path: [...issue.path, ...inner.path] } : issue;
}

export function assertNever(value: never): never {
	throw new Error(`Unexpected ${JSON.stringify(value)}`);
}

import type { EngineDescription } from '../../protocol/engines.ts';
import type { GenerationRequest, Plan } from '../../protocol/generation.ts';
import type { Clip } from '../../protocol/jobs.ts';
import type { Check } from '../../protocol/rpc.ts';
import type { Ffmpeg } from '../media/types.ts';
import type { Gate } from './gate.ts';

/** What the daemon hands an engine for one job. */
export type Workplace = {
	readonly ffmpeg: Ffmpeg;
	/** A folder of the job's own; emptied when the job ends, however it ends. */
	readonly folder: string;
	/** What is worth keeping from job to job; may be emptied at any time between them. */
	readonly cache: string;
	/**
	 * A folder of the job's own that may be missing, for what a later attempt goes on from; there until
	 * the job has its clip or is cancelled.
	 */
	readonly unfinished: string;
	/**
	 * Where the finished clip must stand, in a folder of this attempt alone; `encodeClip` writes it as
	 * `.part` and renames it.
	 */
	readonly clipPath: string;
};

/** What an engine tells on the way. */
export type Report =
	/** `progress` is of the whole job, 0…1, and never moves backwards. */
	| { readonly kind: 'progress'; readonly progress: number; readonly phase: string }
	| { readonly kind: 'preview'; readonly png: Uint8Array };

export type Reporting = {
	readonly report: (report: Report) => void;
	readonly signal: AbortSignal;
	readonly gate: Gate;
};

/**
 * The name of an error by which `generate` says that this process has loaded what the job cannot use,
 * before it has done anything: it then runs in a new one.
 */
export const ELSEWHERE = 'NeedsOtherProcess';

/** What any engine implements. `describe` and `plan` are quick and run in the daemon. */
export type Engine = {
	readonly name: string;
	/** With the settings that a request brings, where there is one: they may name what is needed. */
	describe(
		ffmpeg: Ffmpeg | null,
		settings?: GenerationRequest['settings'],
	): Promise<EngineDescription>;
	/** What it finds on this machine beside that, for `pickup doctor`. May take seconds; never throws. */
	check?(): Promise<readonly Check[]>;
	/**
	 * Settles what will be made, or throws PickupError: `engine-cannot`, `too-long`, `no-neighbour`… In
	 * `place` the media beside the range are looked at, and what is found out about this machine is
	 * kept; without one both are left out.
	 */
	plan(request: GenerationRequest, place?: Pick<Workplace, 'cache' | 'ffmpeg'>): Promise<Plan>;
	/**
	 * Makes the clip, in a process of its own. Throws the signal's reason when aborted; on any exit
	 * every child process and file is gone but the finished clip and what is `unfinished`.
	 */
	generate(request: GenerationRequest, workplace: Workplace, reporting: Reporting): Promise<Clip>;
};

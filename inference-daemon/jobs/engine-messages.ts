import type { Problem } from '../../protocol/errors.ts';
import type { GenerationRequest, Plan } from '../../protocol/generation.ts';
import type { Clip } from '../../protocol/jobs.ts';
import type { Ffmpeg } from '../media/types.ts';

/** Everything the engine process needs for one job. */
export type Task = {
	readonly jobId: string;
	readonly request: GenerationRequest;
	readonly plan: Plan;
	readonly ffmpeg: Ffmpeg;
	readonly folder: string;
	readonly cache: string;
	readonly clipPath: string;
	readonly engineModule: string | null;
};

/** From the daemon to the engine process. One task at a time. */
export type ToEngine =
	| { readonly kind: 'task'; readonly task: Task }
	| { readonly kind: 'abort'; readonly jobId: string };

/** From the engine process to the daemon. `ended` is the last of a task. */
export type FromEngine =
	| {
			readonly kind: 'progress';
			readonly jobId: string;
			readonly progress: number;
			readonly phase: string;
	  }
	| { readonly kind: 'preview'; readonly jobId: string; readonly png: Uint8Array }
	| { readonly kind: 'ended'; readonly jobId: string; readonly ending: Ending };

/** How a task ended in the engine's own words. */
export type Ending =
	| { readonly kind: 'clip'; readonly clip: Clip }
	| { readonly kind: 'aborted' }
	| { readonly kind: 'failed'; readonly problem: Problem };

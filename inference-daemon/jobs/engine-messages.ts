import type { Problem } from '../../protocol/errors.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import type { Clip } from '../../protocol/jobs.ts';
import type { Report } from '../engines/engine.ts';
import type { Ffmpeg } from '../media/types.ts';

/** Everything the engine process needs for one job. */
export type Task = {
	readonly jobId: string;
	readonly request: GenerationRequest;
	/** Its name. */
	readonly engine: string;
	readonly ffmpeg: Ffmpeg;
	readonly folder: string;
	readonly cache: string;
	readonly unfinished: string;
	readonly clipPath: string;
	readonly engineModule: string | null;
};

/** From the daemon to the engine process. One task at a time; a pause lasts from task to task. */
export type ToEngine =
	| { readonly kind: 'task'; readonly task: Task }
	| { readonly kind: 'abort'; readonly jobId: string }
	| { readonly kind: 'pause' }
	| { readonly kind: 'resume' };

/** From the engine process to the daemon. `ended` is the last of a task. */
export type FromEngine =
	| { readonly kind: 'report'; readonly jobId: string; readonly report: Report }
	/** It is paused and does nothing now, or goes on. */
	| { readonly kind: 'stands'; readonly jobId: string; readonly stands: boolean }
	| { readonly kind: 'ended'; readonly jobId: string; readonly ending: Ending };

/** How a task ended in the engine's own words. */
export type Ending =
	| { readonly kind: 'clip'; readonly clip: Clip }
	| { readonly kind: 'aborted' }
	| { readonly kind: 'failed'; readonly problem: Problem }
	/** Nothing was done: it needs a process of its own. */
	| { readonly kind: 'elsewhere' };

import { fileURLToPath } from 'node:url';
import { python } from '../python.ts';
import { run } from './workbench.ts';

/** A track as the reference library reads it; times in frames of the clip's own rate. */
export type ReadTrack = {
	readonly kind: string;
	readonly clips: readonly {
		readonly path: string;
		readonly start: number;
		readonly frames: number;
		readonly sourceStart: number;
	}[];
};

/** Reads a timeline with OpenTimelineIO, whose code is not ours. */
export async function readWithOpenTimelineIo(path: string): Promise<ReadTrack[]> {
	const script = fileURLToPath(new URL('./open-timeline-io.py', import.meta.url));
	const { code, stdout, stderr } = await run(await python(), [script, path]);
	if (code !== 0) throw new Error(`OpenTimelineIO: ${stderr}`);
	return JSON.parse(stdout) as ReadTrack[];
}

import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Engine } from '../../inference-daemon/engines/engine.ts';
import { inbetween } from '../../inference-daemon/engines/inbetween/engine.ts';
import { pngOf } from '../../inference-daemon/media/png.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { ClipSpan } from '../../protocol/timeline.ts';

/**
 * An engine as one with a model is, whose clips are those of `inbetween` without the label. Where
 * PICKUP_FINISHER names a folder, each clip waits at 62 % until a file `go` lies there; one made
 * while a file `fail` lies there runs out of memory, and so does the next one after `fail-one` is laid.
 */
export const engine: Engine = {
	...inbetween,
	name: 'finisher',

	async describe(ffmpeg, settings) {
		const description = await inbetween.describe(ffmpeg, settings);
		return {
			...description,
			name: 'finisher',
			title: 'Example model',
			summary: 'Finished shots.',
			draft: false,
			kinds: ['fill', 'extend', 'insert', 'retake'],
			maxFrames: 240,
			model: {
				title: 'Example model',
				folder: '/models/example',
				guided: false,
				stages: 2,
				loras: ['/models/example/night.safetensors', '/models/example/sixteen-mm.safetensors'],
			},
			takes: { loras: true, reference: false, openLength: false },
			settings: [
				{
					kind: 'number',
					name: 'steps',
					help: 'steps of the first stage',
					least: 1,
					most: 200,
					whole: true,
					default: 'auto',
				},
				{
					kind: 'choice',
					name: 'stages',
					help: '2 finishes at twice the size',
					choices: ['auto', '1', '2'],
					default: 'auto',
				},
				{
					kind: 'number',
					name: 'context',
					help: 'how much of each neighbour the model looks at',
					least: 0,
					most: 5,
					whole: false,
					unit: 'seconds',
					default: 1,
				},
			],
		};
	},

	async plan(request, means) {
		const { frames } = frameCount(request.context.range);
		if (frames > 240) {
			throw new PickupError('too-long', `Expected at most 240 frames, got ${frames}`, {
				field: 'context.range',
			});
		}
		const plan = await inbetween.plan({ ...request, engine: 'inbetween', settings: {} }, means);
		return { ...plan, engine: 'finisher', draft: false, steps: 8, notes: [] };
	},

	async generate(request, workplace, { report, signal, gate }) {
		const tell = (progress: number, phase: string) => report({ kind: 'progress', progress, phase });
		const folder = process.env.PICKUP_FINISHER;
		const has = (name: string) => folder !== undefined && existsSync(join(folder, name));
		tell(0, 'Reading the prompt');
		tell(0.06, 'Looking at the neighbours');
		tell(0.12, 'Making the shot');
		const { left, right } = request.context;
		const preview = await unclear(workplace.ffmpeg.path, left ?? right);
		report({ kind: 'preview', png: preview });
		tell(0.62, 'Making the shot');
		while (folder !== undefined && !has('go') && !has('fail') && !has('fail-one')) {
			await pause(20, undefined, { signal });
			await gate.open(signal);
		}
		if (has('fail') || has('fail-one')) {
			rmSync(join(folder!, 'fail-one'), { force: true });
			throw new PickupError('out-of-memory', 'Expected 9.2 GB free for the decoder, found 3.1 GB');
		}
		const drawn = { ...request, engine: 'inbetween', settings: { label: false } };
		const clip = await inbetween.generate(drawn, workplace, {
			signal,
			gate,
			report: (told) => {
				if (told.kind !== 'progress') return report(told);
				const phase = told.progress < 0.9 ? 'Drawing the picture' : 'Finishing the file';
				tell(0.7 + 0.3 * told.progress, phase);
			},
		});
		return { ...clip, draft: false, engine: 'finisher' };
	},
};

function frameCount({ start, end }: { readonly start: number; readonly end: number }) {
	return { frames: end - start };
}

/** What a shot looks like while it is being made: the last frame of a neighbour, and noise. */
async function unclear(ffmpeg: string, beside: ClipSpan | null): Promise<Uint8Array> {
	if (beside?.source.kind !== 'file') return grey(160, 90);
	const seek = ['-sseof', '-0.2', '-i', beside.source.path, '-frames:v', '1'];
	const look = 'scale=160:90,gblur=sigma=5,noise=alls=10:all_seed=1';
	const args = [
		'-loglevel',
		'error',
		...seek,
		'-vf',
		look,
		'-f',
		'image2',
		'-c:v',
		'png',
		'pipe:1',
	];
	const { stdout } = await promisify(execFile)(ffmpeg, args, { encoding: 'buffer' });
	return stdout;
}

function grey(width: number, height: number): Uint8Array {
	return pngOf({ width, height, data: new Uint8Array(width * height * 3).fill(110) });
}

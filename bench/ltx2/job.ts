import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ltx2 } from '../../inference-daemon/engines/ltx2/engine.ts';
import { findFfmpeg } from '../../inference-daemon/media/locate.ts';
import { type GenerationRequest, generationRequestSchema } from '../../protocol/generation.ts';

const SIZE = { width: 256, height: 256 };
const RATE = { num: 24, den: 1 };
const ONE = { num: 1, den: 1 };
const SHOT = 24;
/** One frame on the left, these, and three on the right: nine that the model sees. */
const GAP = 5;

/** What the parent is told: that a phase has begun, or how the job ended. */
export type Told =
	| { readonly kind: 'phase'; readonly phase: string }
	| { readonly kind: 'clip'; readonly frames: number; readonly size: typeof SIZE };

/**
 * One job through the engine, as the daemon's own process does it: a gap of five frames between two
 * shots at 256×256, in one step, with the model in a folder.
 */
export async function job(folder: string): Promise<void> {
	const ffmpeg = await findFfmpeg();
	const cache = join(folder, 'cache');
	await mkdir(cache, { recursive: true });
	const request = requestFor(folder, ffmpeg.path);
	const plan = await ltx2.plan(request);
	if (plan.workFrames !== 9 || plan.workSize.width !== SIZE.width || plan.steps !== 1) {
		throw new Error(`Expected 256×256×9 in one step, got ${JSON.stringify(plan)}`);
	}
	const workplace = { ffmpeg, folder, cache, clipPath: join(folder, 'clip.mov') };
	const { signal } = new AbortController();
	const tell = (told: Told) => process.send!(told);
	for await (const output of ltx2.generate(request, plan, workplace, signal)) {
		if (output.kind === 'progress') tell({ kind: 'phase', phase: output.phase });
		if (output.kind !== 'clip') continue;
		const { frames, size } = output.clip;
		tell({ kind: 'clip', frames, size });
	}
	process.disconnect();
}

function requestFor(folder: string, ffmpeg: string): GenerationRequest {
	const span = (name: string, start: number) => ({
		...{ name, track: 'V1', range: { start, end: start + SHOT } },
		source: { kind: 'file', path: makeShot(ffmpeg, join(folder, `${name}.mov`)) },
		...{ sourceIn: { num: 0, den: 1 }, speed: ONE, enabled: true },
	});
	const [left, right] = [span('left', 0), span('right', SHOT + GAP)];
	return generationRequestSchema.parse({
		...{ kind: 'fill', id: randomUUID(), engine: 'ltx2', seed: 1 },
		prompt: 'a red kite over a bay, wind in the dry grass',
		context: {
			sequence: {
				...{ name: 'cut', rate: RATE, size: SIZE, pixelAspect: ONE, duration: 2 * SHOT + GAP },
				...{ startFrame: 0, dropFrame: false, sampleRate: 48_000 },
			},
			...{ track: 'V1', range: { start: SHOT, end: SHOT + GAP }, left, right },
			sound: [left, right],
		},
		output: { folder, name: 'shot', codec: 'h264-intra' },
		settings: {
			...{ model: join(folder, 'model'), steps: 1 },
			...{ context: 1 / 24, pixels: SIZE.width * SIZE.height },
		},
	});
}

function makeShot(ffmpeg: string, path: string): string {
	const picture = `testsrc2=s=${SIZE.width}x${SIZE.height}:r=24`;
	execFileSync(ffmpeg, [
		...['-y', '-loglevel', 'error', '-f', 'lavfi', '-i', picture],
		...['-f', 'lavfi', '-i', 'sine=frequency=300:r=48000:d=1', '-frames:v', String(SHOT)],
		...['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'pcm_s16le', '-ac', '2', path],
	]);
	return path;
}

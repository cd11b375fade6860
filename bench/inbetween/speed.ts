import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OPEN_GATE } from '../../inference-daemon/engines/gate.ts';
import { buildBridge, type Side } from '../../inference-daemon/engines/inbetween/bridge.ts';
import { inbetween } from '../../inference-daemon/engines/inbetween/engine.ts';
import { kernelModule, loadKernels } from '../../inference-daemon/engines/inbetween/kernels.ts';
import { encoderArguments } from '../../inference-daemon/media/codecs.ts';
import { readFrames } from '../../inference-daemon/media/frames.ts';
import type { Ffmpeg } from '../../inference-daemon/media/types.ts';
import { generationRequestSchema } from '../../protocol/generation.ts';
import type { ClipSpan } from '../../protocol/timeline.ts';
import { median, timed } from '../measure.ts';

const RATE = { num: 24, den: 1 };
const SIZE = { width: 1920, height: 1080 };
const ONE = { num: 1, den: 1 };
const SHOT = 24;
const GAP = 120;
const ROUNDS = 3;

/**
 * The engine alone, without daemon or command: a draft of 120 frames at 1080p24 from two sides of
 * one scene, against ffmpeg alone that encodes the same frames, raw in a file, with the same
 * settings. Interleaved; the median of three. Then the drawing alone, in one thread.
 */
export async function measureSpeed(ffmpeg: Ffmpeg): Promise<void> {
	const folder = await mkdtemp(join(tmpdir(), 'pickup-bench-'));
	try {
		const shot = join(folder, 'shot.mov');
		await makeShot(ffmpeg.path, shot);
		const clipPath = join(folder, 'draft.mov');
		const draft = async () => {
			const workplace = { ffmpeg, folder, cache: folder, unfinished: folder, clipPath };
			const { signal } = new AbortController();
			const request = fillRequest(folder, shot);
			await inbetween.generate(request, workplace, { report: () => {}, signal, gate: OPEN_GATE });
		};
		await draft();
		const raw = join(folder, 'frames.yuv');
		await run(ffmpeg.path, ['-i', clipPath, '-map', '0:v', '-f', 'rawvideo', raw]);
		const times = { draft: [] as number[], alone: [] as number[] };
		for (let round = 0; round < ROUNDS; round++) {
			times.draft.push(await timed(draft));
			times.alone.push(await timed(() => encodeAlone(ffmpeg.path, raw, folder)));
		}
		const [whole, alone] = [median(times.draft), median(times.alone)];
		console.log(`engine, ${GAP} frames at 1080p24, medians of ${ROUNDS}:`);
		console.log(`  ffmpeg alone   ${alone.toFixed(0)} ms`);
		console.log(`  engine         ${whole.toFixed(0)} ms, ratio ${(whole / alone).toFixed(2)}`);

		for (const format of ['yuv420p', 'yuv422p10le'] as const) {
			const side = async (edge: number, inner: number): Promise<Side> => {
				const at = [edge, inner].map((frame) => ({ num: frame, den: 24 }));
				const wanted = { path: shot, at, size: SIZE, pixelAspect: ONE, format };
				const frames = await readFrames(ffmpeg, wanted);
				return { edge: frames[0]!, inner: frames[1]!, distance: Math.abs(edge - inner) };
			};
			const [left, right] = [
				await side(SHOT - 1, SHOT - 4),
				await side(SHOT + GAP, SHOT + GAP + 3),
			];
			const kernels = loadKernels(await kernelModule());
			const start = performance.now();
			const bridge = buildBridge(kernels, { left, right, count: GAP, settle: 24 });
			const look = performance.now() - start;
			for (let frame = 0; frame < GAP; frame += 10) bridge.draw(frame);
			const spans: number[] = [];
			for (let frame = 0; frame < GAP; frame++) {
				const begin = performance.now();
				bridge.draw(frame);
				spans.push(performance.now() - begin);
			}
			const one = median(spans);
			const most = Math.max(...spans);
			const perPixel = (one * 1e6) / (SIZE.width * SIZE.height);
			console.log(
				`  ${format}: look ${look.toFixed(0)} ms (${bridge.regime}), draw ${one.toFixed(1)} ms a frame (most ${most.toFixed(1)}), ${perPixel.toFixed(1)} ns a pixel`,
			);
		}
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

function fillRequest(folder: string, path: string) {
	const span = (start: number, end: number): ClipSpan => ({
		name: 'shot',
		track: 'V1',
		range: { start, end },
		source: { kind: 'file', path },
		sourceIn: { num: start, den: 24 },
		speed: ONE,
		enabled: true,
	});
	const [left, right] = [span(0, SHOT), span(SHOT + GAP, 2 * SHOT + GAP)];
	return generationRequestSchema.parse({
		kind: 'fill',
		id: randomUUID(),
		engine: 'inbetween',
		prompt: '',
		seed: 1,
		context: {
			sequence: {
				name: 'bench',
				rate: RATE,
				size: SIZE,
				pixelAspect: ONE,
				duration: 2 * SHOT + GAP,
				startFrame: 0,
				dropFrame: false,
				sampleRate: 48_000,
			},
			track: 'V1',
			range: { start: SHOT, end: SHOT + GAP },
			left,
			right,
			sound: [left, right],
		},
		output: { folder, name: 'draft', codec: 'h264-intra' },
	});
}

/** A slow pan over a detailed still, with sound: long enough for both sides of the gap. */
async function makeShot(program: string, path: string): Promise<void> {
	const frames = 2 * SHOT + GAP;
	const still = 'mandelbrot=s=2560x1440:start_scale=0.004:end_scale=0.004:rate=24';
	const pan = `trim=end_frame=1,loop=${frames}:1:0,crop=1920:1080:'n*1.5':180,format=yuv420p`;
	const sound = `anoisesrc=r=48000:a=0.05:c=pink:d=${frames / 24}`;
	await run(program, [
		...['-f', 'lavfi', '-i', `${still},${pan}`, '-f', 'lavfi', '-i', sound],
		...['-c:v', 'libx264', '-crf', '14', '-g', '12', '-c:a', 'pcm_s16le'],
		...['-frames:v', String(frames), path],
	]);
}

async function encodeAlone(program: string, raw: string, folder: string): Promise<void> {
	const input = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', '1920x1080', '-r', '24', '-i', raw];
	const path = join(folder, 'alone.mov');
	const wanted = { path, size: SIZE, pixelAspect: ONE, rate: RATE, codec: 'h264-intra' } as const;
	const none = (async function* () {})();
	const rest = { frameCount: GAP, frames: none, sound: null, tags: {} };
	await run(program, [...input, ...encoderArguments({ ...wanted, ...rest }), path]);
}

function run(program: string, args: readonly string[]): Promise<void> {
	const child = spawn(program, ['-y', '-loglevel', 'error', ...args], { stdio: 'inherit' });
	return new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('exit', (code) => {
			if (code === 0) resolve();
			else reject(new Error(`ffmpeg ended with ${code}`));
		});
	});
}

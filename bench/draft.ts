import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../demo/ffmpeg.ts';
import { fcp7Xml } from '../demo/timelines.ts';
import { encoderArguments } from '../inference-daemon/media/codecs.ts';
import type { Clip } from '../protocol/jobs.ts';
import { ONE } from '../protocol/time.ts';
import { median, timed } from './measure.ts';

const RATE = { num: 24, den: 1 };
const SIZE = { width: 1920, height: 1080 };
const SHOT = 48;
const GAP = 120;
const ROUNDS = 7;

/**
 * The whole `pickup fill` of a 5 s gap at 1080p24, against ffmpeg alone that encodes the same 120
 * frames, raw in a file, with the same x264 all-intra settings. Interleaved; the median of three.
 * Cold starts the daemon; warm finds it running.
 */
const folder = await mkdtemp(join(tmpdir(), 'pickup-bench-'));
const pickup = commandIn(join(folder, 'state'));
try {
	const timeline = await makeCut(folder);
	const fill = async (round: string) => {
		const output = ['-o', join(folder, round), '--json'];
		const said = await pickup(['fill', timeline, '--gap', '1', '--seed', '1', ...output]);
		return (JSON.parse(said) as { clips: Clip[] }).clips[0] as Clip;
	};
	const first = await fill('first');
	const raw = join(folder, 'frames.yuv');
	await decodeRaw(first.path, raw);
	const times = { cold: [] as number[], warm: [] as number[], alone: [] as number[] };
	const slow = await timed(() => encodeAlone(raw, join(folder, 'slow.mov'), ['-preset', 'medium']));
	for (let round = 0; round < ROUNDS; round++) {
		await pickup(['daemon', 'stop']);
		times.cold.push(await timed(() => fill(`cold ${round}`)));
		times.warm.push(await timed(() => fill(`warm ${round}`)));
		times.alone.push(await timed(() => encodeAlone(raw, join(folder, `alone ${round}.mov`))));
	}
	const alone = median(times.alone);
	console.log(`draft of ${GAP} frames at 1080p24, medians of ${ROUNDS}:`);
	console.log(`  ffmpeg alone              ${alone.toFixed(0)} ms`);
	console.log(`  … with x264's own preset   ${slow.toFixed(0)} ms`);
	for (const kind of ['cold', 'warm'] as const) {
		const whole = median(times[kind]);
		const ratio = (whole / alone).toFixed(2);
		console.log(
			`  pickup fill, ${kind} daemon   ${whole.toFixed(0)} ms, ratio ${ratio} (bar 3, aim 1.5)`,
		);
	}
	console.log(
		`  file sizes: ${await megabytes(first.path)} and ${await megabytes(join(folder, 'alone 0.mov'))} MB`,
	);
} finally {
	// Where there is none to stop, that is not what went wrong.
	await pickup(['daemon', 'stop']).catch(() => {});
	await rm(folder, { recursive: true, force: true });
}

function commandIn(state: string): (args: readonly string[]) => Promise<string> {
	const program = fileURLToPath(new URL('./pickup.mjs', import.meta.url));
	const env = { ...process.env, PICKUP_STATE: state };
	return (args) => run(process.execPath, [program, ...args], { env });
}

/** A pan over a large still of noise and shapes: the same shot on both sides, later on the right. */
async function makeCut(folder: string): Promise<string> {
	const clips = [];
	for (const [name, start] of [
		['left', 0],
		['right', SHOT + GAP],
	] as const) {
		const path = join(folder, `${name}.mov`);
		const still = 'mandelbrot=s=2560x1440:start_scale=0.004:end_scale=0.004:rate=24';
		const pan = `trim=end_frame=1,loop=${SHOT}:1:0,crop=1920:1080:'(n+${start})*1.5':180,format=yuv420p`;
		const picture = ['-f', 'lavfi', '-i', `${still},${pan}`];
		const sound = ['-f', 'lavfi', '-i', `anoisesrc=r=48000:a=0.05:c=pink:d=${SHOT / 24}`];
		const codec = ['-c:v', 'libx264', '-crf', '14', '-g', '12', '-c:a', 'pcm_s16le', '-ac', '2'];
		const length = ['-frames:v', String(SHOT)];
		await run('ffmpeg', [
			'-y',
			'-loglevel',
			'error',
			...picture,
			...sound,
			...codec,
			...length,
			path,
		]);
		clips.push({ name, path, start, frames: SHOT });
	}
	const timeline = join(folder, 'cut.xml');
	await writeFile(
		timeline,
		fcp7Xml({ name: 'Bench', rate: RATE, size: SIZE, startFrame: 0, clips }),
	);
	return timeline;
}

async function decodeRaw(path: string, raw: string): Promise<void> {
	const output = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', raw];
	await run('ffmpeg', ['-y', '-loglevel', 'error', '-i', path, '-map', '0:v', ...output]);
}

async function encodeAlone(raw: string, path: string, extra: string[] = []): Promise<void> {
	const input = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', '1920x1080', '-r', '24', '-i', raw];
	const codec = encoderArguments({
		codec: 'h264-intra',
		rate: RATE,
		pixelAspect: ONE,
		size: SIZE,
	});
	await run('ffmpeg', ['-y', '-loglevel', 'error', ...input, ...codec, ...extra, path]);
}

async function megabytes(path: string): Promise<string> {
	return ((await stat(path)).size / 1e6).toFixed(1);
}

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fcp7Xml } from '../demo/timelines.ts';
import { openTimeline } from '../host-bridge/timeline-file/host.ts';
import { type FrameRate, formatRate, samplesForFrames } from '../protocol/time.ts';
import { readWithOpenShot } from './openshot.ts';

const RATES: readonly FrameRate[] = [
	{ num: 24, den: 1 },
	{ num: 24000, den: 1001 },
	{ num: 25, den: 1 },
	{ num: 30000, den: 1001 },
	{ num: 60000, den: 1001 },
];
const SIZE = { width: 96, height: 54 };
const run = promisify(execFile);
let folder = '';

beforeAll(async () => {
	folder = await mkdtemp(path.join(os.tmpdir(), 'pickup openshot é '));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each(RATES)('OpenShot sees a filled gap exactly at $num/$den', async (rate) => {
	const own = path.join(folder, formatRate(rate));
	const out = path.join(own, 'out');
	await mkdir(out, { recursive: true });
	const [red, green, blue] = await Promise.all(
		['red', 'lime', 'blue'].map((colour, index) =>
			shot(path.join(own, `${colour} 1.mov`), colour, rate, [20, 17, 22][index] ?? 0),
		),
	);
	if (!red || !green || !blue) throw new Error('no media');
	const cut = path.join(own, 'cut.xml');
	const clips = [
		{ name: 'red', path: red, start: 0, frames: 20 },
		{ name: 'blue', path: blue, start: 37, frames: 22 },
	];
	await writeFile(cut, fcp7Xml({ name: 'cut', rate, size: SIZE, startFrame: 0, clips }));

	const host = await openTimeline(cut);
	const clip = {
		path: green,
		frames: 17,
		rate,
		size: SIZE,
		samples: samplesForFrames(17, rate),
		codec: 'prores-422-hq',
		draft: true,
		engine: 'inbetween',
		seed: 1,
	};
	const range = { start: 20, end: 37 };
	const where = { track: 'V1', where: 'gap', picture: true, sound: true } as const;
	await host.place([{ clip, name: 'green', range, ...where }]);
	const saved = await host.save(out);

	const seen = await readWithOpenShot(saved.path, rate, { folder: out, frames: [19, 20, 36, 37] });
	expect(seen.missing).toEqual([]);
	const frames = (seconds: number) => Math.round((seconds * rate.num * 1e6) / rate.den) / 1e6;
	expect(
		seen.clips.map((each) => [each.title, ...[each.position, each.start, each.end].map(frames)]),
	).toEqual([
		['red', 0, 0, 20],
		['green', 20, 0, 17],
		['blue', 37, 0, 22],
	]);
	expect(seen.clips.map((each) => each.path)).toEqual([red, green, blue]);
	expect(seen.clips.every((each) => each.hasAudio)).toBe(true);
	const drawn = [19, 20, 36, 37].map((frame) => colourOf(path.join(out, `${frame}.png`)));
	expect(await Promise.all(drawn)).toEqual(['red', 'green', 'green', 'blue']);
});

async function shot(file: string, colour: string, rate: FrameRate, frames: number) {
	const { width, height } = SIZE;
	const picture = `color=${colour}:s=${width}x${height}:r=${rate.num}/${rate.den}`;
	const inputs = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', 'sine=440:r=48000'];
	const seconds = ((frames * rate.den) / rate.num).toFixed(9);
	const codecs = ['-c:v', 'prores_ks', '-c:a', 'pcm_s16le', '-ac', '2'];
	const limits = ['-frames:v', String(frames), '-t', seconds];
	await run('ffmpeg', ['-loglevel', 'error', ...inputs, ...codecs, ...limits, file]);
	return file;
}

/** Which of red, green and blue is strongest in the whole picture. */
async function colourOf(file: string): Promise<string> {
	const pixel = ['-vf', 'scale=1:1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
	const { stdout } = await run('ffmpeg', ['-loglevel', 'error', '-i', file, ...pixel], {
		encoding: 'buffer',
	});
	const channels = [...stdout.subarray(0, 3)];
	return ['red', 'green', 'blue'][channels.indexOf(Math.max(...channels))] ?? 'none';
}

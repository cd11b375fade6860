import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderWithMelt } from '../../demo/melt.ts';
import { cutLength, fcp7Xml, kdenlive, otio, type SimpleCut } from '../../demo/timelines.ts';
import type { PlacementReport } from '../../host-bridge/host.ts';
import type { Clip } from '../../protocol/jobs.ts';
import {
	type FrameRate,
	formatRate,
	formatTimecode,
	samplesForFrames,
} from '../../protocol/time.ts';
import {
	difference,
	greyFrames,
	makeNumberedShot,
	NUMBERED_SIZE,
	readNumber,
	samplesOf,
} from './numbered.ts';
import { readWithOpenTimelineIo } from './open-timeline-io.ts';
import { openWorkbench, run, type Workbench } from './workbench.ts';

const RATES: readonly FrameRate[] = [
	{ num: 24, den: 1 },
	{ num: 24000, den: 1001 },
	{ num: 25, den: 1 },
	{ num: 30000, den: 1001 },
	{ num: 60000, den: 1001 },
];
const LEFT = 30;
const GAP = 17;
const RIGHT = 28;
/** Samples on either side of a join whose levels are compared: 0.1 s. */
const LOOK = 4800;

type Filled = {
	readonly timeline: string;
	readonly clips: readonly Clip[];
	readonly placements: readonly PlacementReport[];
};

let bench: Workbench;
beforeAll(async () => {
	bench = await openWorkbench();
});
afterAll(() => bench.close());

describe.each(RATES)('at $num/$den', (rate) => {
	const name = formatRate(rate);
	let cut: SimpleCut;

	beforeAll(async () => {
		const folder = join(bench.folder, name);
		await mkdir(folder);
		const left = join(folder, 'left shot.mov');
		const right = join(folder, 'right – été.mov');
		await makeNumberedShot(left, rate, 100, LEFT, { hertz: 440, level: 0.2 });
		await makeNumberedShot(right, rate, 300, RIGHT, { hertz: 880, level: 0.1 });
		cut = {
			name: `cut at ${name}`,
			rate,
			size: NUMBERED_SIZE,
			startFrame: 0,
			clips: [
				{ name: 'left', path: left, start: 0, frames: LEFT },
				{ name: 'right', path: right, start: LEFT + GAP, frames: RIGHT },
			],
		};
	});

	async function fill(file: string, text: string): Promise<Filled> {
		const path = join(bench.folder, name, file);
		await writeFile(path, text);
		const gap = `V1@${formatTimecode(LEFT, rate)}`;
		const output = join(bench.folder, name, `${file} filled`);
		const prompt = 'the bars go on counting';
		const args = ['fill', path, '--gap', gap, '--prompt', prompt, '--seed', '3', '-o', output];
		const filled = await bench.pickupJson<Filled>(args);
		expect(await readFile(path, 'utf8')).toBe(text);
		await expectExactClip(filled.clips[0]);
		expect(filled.placements).toMatchObject([
			{ verified: true, range: { start: LEFT, end: LEFT + GAP } },
		]);
		return filled;
	}

	async function expectExactClip(clip: Clip | undefined): Promise<void> {
		expect(clip).toMatchObject({ frames: GAP, rate, samples: samplesForFrames(GAP, rate) });
		const path = clip?.path ?? '';
		expect(await greyFrames(path)).toHaveLength(GAP);
		expect(await samplesOf(path)).toHaveLength(samplesForFrames(GAP, rate));
		expect(await frameTimes(path, rate)).toEqual(count(0, GAP));
	}

	test('the Kdenlive project, rendered by melt, is exact at both joins and in sync', async () => {
		const { timeline, clips } = await fill('cut.kdenlive', kdenlive(cut));
		const clip = clips[0]?.path ?? '';
		const render = join(bench.folder, name, 'render.mov');
		await renderWithMelt(timeline, cutLength(cut) - 1, render, [
			'vcodec=libx264',
			'crf=8',
			'pix_fmt=yuv420p',
		]);
		const frames = await greyFrames(render);
		expect(frames).toHaveLength(LEFT + GAP + RIGHT);
		const numbers = frames.map(readNumber);
		expect(numbers.slice(0, LEFT)).toEqual(count(100, LEFT));
		expect(numbers.slice(LEFT + GAP)).toEqual(count(300, RIGHT));
		expectSameFrames(frames.slice(LEFT, LEFT + GAP), await greyFrames(clip));
		const sound = await samplesOf(render);
		const start = samplesForFrames(LEFT, rate);
		const end = samplesForFrames(LEFT + GAP, rate);
		expect(Math.abs(lagOf(await samplesOf(clip), sound, start))).toBeLessThanOrEqual(1);
		expect(Math.abs(levelOf(sound, start, LOOK) - levelOf(sound, start - LOOK, LOOK))).toBeLessThan(
			1,
		);
		expect(Math.abs(levelOf(sound, end, LOOK) - levelOf(sound, end - LOOK, LOOK))).toBeLessThan(1);
	});

	test.each([
		['cut.xml', fcp7Xml],
		['cut.otio', otio],
	] as const)('%s, read back by OpenTimelineIO, holds the clip in the gap', async (file, write) => {
		const { timeline, clips } = await fill(file, write(cut));
		const tracks = await readWithOpenTimelineIo(timeline);
		const path = clips[0]?.path ?? '';
		const [video, ...audio] = tracks;
		const [left, right] = cut.clips;
		expect(video).toEqual({
			kind: 'Video',
			clips: [
				{ path: left?.path, start: 0, frames: LEFT, sourceStart: 0 },
				{ path, start: LEFT, frames: GAP, sourceStart: 0 },
				{ path: right?.path, start: LEFT + GAP, frames: RIGHT, sourceStart: 0 },
			],
		});
		expect(audio.length).toBeGreaterThan(0);
		for (const track of audio) expect(track).toEqual({ ...video, kind: 'Audio' });
	});
});

function count(from: number, length: number): number[] {
	return Array.from({ length }, (_unused, index) => from + index);
}

/** Mean levels by which frames that show the same differ. */
const ALIKE = 0.1;

/** Each rendered frame is the clip's frame of the same place, and not one beside it. */
function expectSameFrames(rendered: readonly Uint8Array[], made: readonly Uint8Array[]): void {
	expect(rendered).toHaveLength(made.length);
	rendered.forEach((frame, index) => {
		const distances = made.map((candidate) => difference(frame, candidate));
		// Frames of a draft that rests are alike.
		const further = distances[index]! - Math.min(...distances);
		expect(further, `frame ${index} of the gap`).toBeLessThan(ALIKE);
		expect(distances[index]).toBeLessThan(3);
	});
}

/** Presentation times in frames of the rate. */
async function frameTimes(path: string, rate: FrameRate): Promise<number[]> {
	const wanted = ['-show_entries', 'stream=time_base:packet=pts', '-of', 'json'];
	const { stdout } = await run('ffprobe', [
		'-v',
		'error',
		'-select_streams',
		'v:0',
		...wanted,
		path,
	]);
	const probed = JSON.parse(stdout) as {
		packets: { pts: number }[];
		streams: { time_base: string }[];
	};
	const [num = 0, den = 0] = (probed.streams[0]?.time_base ?? '').split('/').map(Number);
	return probed.packets.map(({ pts }) => (pts * num * rate.num) / (den * rate.den));
}

/** Level of a stretch in dB under full scale. */
function levelOf(sound: Float32Array, from: number, length: number): number {
	let sum = 0;
	for (let i = from; i < from + length; i++) sum += (sound[i] ?? 0) ** 2;
	return 10 * Math.log10(sum / length);
}

/** Samples by which `clip` comes late in `whole`, against where it should start; by correlation. */
function lagOf(clip: Float32Array, whole: Float32Array, start: number): number {
	const window = Math.min(4800, clip.length);
	let best = { lag: Number.NaN, error: Number.POSITIVE_INFINITY };
	for (let lag = -40; lag <= 40; lag++) {
		let error = 0;
		for (let i = 50; i < window - 50; i++) {
			error += ((clip[i] ?? 0) - (whole[start + lag + i] ?? 0)) ** 2;
		}
		if (error < best.error) best = { lag, error };
	}
	return best.lag;
}

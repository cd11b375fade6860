import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JoinScores } from '../../protocol/media.ts';
import type { TimelineContext } from '../../protocol/timeline.ts';
import {
	connect,
	type Daemon,
	endAllDaemons,
	type Peer,
	startDaemon,
	temporaryFolder,
} from '../daemon/harness.ts';
import { ffmpeg, run } from '../media/media-files.ts';
import { request } from '../requests.ts';
import { clipOf, SEQUENCE } from './scene.ts';

const SIZE = { width: 640, height: 360 };
const RANGE = { start: 40, end: 70 };

let folder: string;
let daemon: Daemon;
let peer: Peer;
let shot: string;

beforeAll(async () => {
	folder = await temporaryFolder();
	daemon = await startDaemon();
	peer = await connect(daemon);
	shot = await pan('shot', 0);
});
afterAll(endAllDaemons);

/** A camera that pans by 4 pixels a frame, over a steady noise; from one of its frames on. */
async function pan(
	name: string,
	from: number,
	{ picture = 'null', sound = 'anull', speed = 4 } = {},
): Promise<string> {
	const path = join(folder, `${name}.mov`);
	const still = 'mandelbrot=s=1600x720:start_scale=0.004:end_scale=0.004:rate=25';
	const place = `'${from * 4}+n*${speed}'`;
	const view = `trim=end_frame=1,loop=120:1:0,crop=640:360:${place}:180,format=yuv420p,${picture}`;
	const noise = `anoisesrc=r=48000:a=0.1:c=pink:d=5:seed=7,${sound}`;
	await run(ffmpeg.path, [
		...['-v', 'error', '-f', 'lavfi', '-i', `${still},${view}`, '-f', 'lavfi', '-i', noise],
		...['-frames:v', '110', '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '8'],
		...['-c:a', 'pcm_s16le', '-ac', '2', path],
	]);
	return path;
}

async function scores(film: string, change: Partial<TimelineContext> = {}) {
	const context = {
		sequence: { ...SEQUENCE, size: SIZE },
		track: 'V1',
		range: RANGE,
		left: clipOf(shot, [0, 40]),
		right: clipOf(shot, [70, 110], 70),
		sound: [
			{ ...clipOf(shot, [0, 40]), track: 'A1' },
			{ ...clipOf(shot, [70, 110], 70), track: 'A1' },
		],
		...change,
	};
	const output = { folder, name: 'take', codec: 'h264-intra' };
	const asked = request('fill', context, { engine: 'fake', output, settings: { film } });
	await peer.call('job.submit', { request: asked });
	await peer.waitForJob(asked.id, 'done');
	return peer.call('take.scores', { jobId: asked.id });
}

/** What of a join may show. */
const showing = (join: JoinScores | null) =>
	Object.entries(join ?? {}).flatMap(([name, score]) => (score?.mayShow ? [name] : []));

describe('How a take meets what stands beside it:', () => {
	test('nothing shows where it is the shot itself', async () => {
		const made = await scores(await pan('same', 40));
		for (const join of [made.in, made.out]) {
			expect(showing(join)).toEqual([]);
			expect(join?.picture?.value).toBeGreaterThan(0.8);
			expect(join?.picture?.value).toBeLessThan(1.3);
			expect(join?.motion?.value).toBeLessThan(0.3);
			expect(join?.colour?.value).toBeLessThan(0.3);
			expect(Math.abs(join?.loudness?.value ?? 9)).toBeLessThan(1);
		}
	});

	test('a frame too few on one side, and one too many on the other', async () => {
		const made = await scores(await pan('late', 41));
		expect(showing(made.in)).toContain('motion');
		expect(made.in?.motion?.value).toBeGreaterThan(3);
		expect(made.in?.motion?.value).toBeLessThan(5);
		expect(showing(made.out)).toContain('motion');
		expect(made.out?.motion?.value).toBeGreaterThan(3);
		expect(made.out?.motion?.value).toBeLessThan(5);
	});

	test('another speed, with all else right at the first frame', async () => {
		const made = await scores(await pan('slow', 40, { speed: 1 }));
		expect(made.in?.motion?.mayShow).toBe(true);
		expect(made.in?.motion?.value).toBeGreaterThan(2);
		expect(showing(made.in)).not.toContain('colour');
	});

	test('brighter, and louder', async () => {
		const picture = 'eq=brightness=0.06';
		const made = await scores(await pan('bright', 40, { picture, sound: 'volume=6dB' }));
		expect(showing(made.in)).toEqual(expect.arrayContaining(['colour', 'loudness']));
		expect(showing(made.in)).not.toContain('motion');
		expect(Math.abs((made.in?.loudness?.value ?? 0) - 6)).toBeLessThan(1);
		expect(Math.abs((made.out?.loudness?.value ?? 0) + 6)).toBeLessThan(1);
	});

	test('another shot altogether has no motion in common', async () => {
		const other = join(folder, 'other.mov');
		await run(ffmpeg.path, [
			...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=s=640x360:r=25'],
			...['-frames:v', '60', '-c:v', 'libx264', '-preset', 'ultrafast', other],
		]);
		const made = await scores(other);
		expect(made.in?.motion).toBe(null);
		expect(showing(made.in)).toContain('picture');
		expect(made.in?.loudness).toBe(null);
	});
});

test('There is nothing to measure where a side has no clip, no picture or no file', async () => {
	const made = await scores(await pan('alone', 40), {
		left: null,
		right: { ...clipOf(shot, [70, 110]), source: { kind: 'synthetic', what: 'title' } },
	});
	expect(made.in).toBe(null);
	expect(made.out).toMatchObject({ picture: null, motion: null, colour: null });
	expect(made.out?.loudness).not.toBe(null);
});

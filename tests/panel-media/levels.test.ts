import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClipSpan } from '../../protocol/timeline.ts';
import {
	connect,
	type Daemon,
	endAllDaemons,
	type Peer,
	requestFor,
	startDaemon,
	temporaryFolder,
} from '../daemon/harness.ts';
import { type Editor, openEditor } from '../fakes/editor.ts';
import { cutOf } from '../host-bridge/cuts.ts';
import { ffmpeg, run } from '../media/media-files.ts';
import { clipOf, film } from './scene.ts';

let folder: string;
let daemon: Daemon;
let peer: Peer;
const editors: Editor[] = [];

beforeAll(async () => {
	folder = await temporaryFolder();
	daemon = await startDaemon();
	peer = await connect(daemon);
});
afterAll(async () => {
	for (const editor of editors) await editor.quit();
	await endAllDaemons();
});

/** Ten seconds that swing by so much. */
async function tone(name: string, height: number, rate = 48_000): Promise<string> {
	const path = join(folder, `${name}.wav`);
	const source = `aevalsrc=${height}*sin(2*PI*t*500)|0:s=${rate}:d=10`;
	await run(ffmpeg.path, ['-v', 'error', '-f', 'lavfi', '-i', source, '-c:a', 'pcm_f32le', path]);
	return path;
}

const sound = (path: string, start: number, end: number, change: Partial<ClipSpan> = {}) =>
	[start, end, { ...clipOf(path, [start, end]), ...change }] as const;

test('The levels of a cut are those of all that is heard, clip by clip and together', async () => {
	const half = await tone('half', 0.5);
	const quarter = await tone('quarter', 0.25, 44_100);
	const cut = cutOf({
		video: [[]],
		audio: [
			[sound(half, 0, 50), sound(half, 100, 150, { enabled: false })],
			[sound(quarter, 25, 75), sound(half, 75, 100, { sound: { level: [{ frame: 0, gain: 2 }] } })],
			{ enabled: false, clips: [sound(half, 0, 150)] },
		],
	});
	const editor = await openEditor(daemon, cut);
	editors.push(editor);
	const of = { kind: 'cut', host: editor.agent.id, range: { start: 0, end: 125 } } as const;
	const levels = await peer.call('media.levels', { of, points: 5 });
	const expected = [0.5, 0.75, 0.25, 1, 0].map((value) => value * 255);
	for (const [point, value] of levels.peaks.entries()) {
		// A resampled tone is a little higher than it was where it begins at full height.
		expect(Math.abs(value - expected[point]!), `stretch ${point}`).toBeLessThanOrEqual(3);
	}
	expect(Math.abs(levels.loudest - 1)).toBeLessThan(0.01);
	expect(levels.unheard).toEqual([]);
	// Longer than what is read at a time, and asked for again.
	const long = { ...of, range: { start: 0, end: 2000 } };
	const first = await peer.call('media.levels', { of: long, points: 80 });
	expect(first.peaks.slice(0, 5)).toEqual(levels.peaks);
	expect(first.peaks.slice(5)).toEqual(new Array(75).fill(0));
	expect(await peer.call('media.levels', { of: long, points: 80 })).toEqual(first);
});

test('What cannot be read is silent and named, beside what can', async () => {
	const half = await tone('other', 0.5);
	const noise = join(folder, 'noise.wav');
	await writeFile(noise, Buffer.alloc(5000, 7));
	const offline = { kind: 'offline', path: '/gone.wav', reason: 'There is no such file' } as const;
	const cut = cutOf({
		video: [[]],
		audio: [
			[sound(half, 0, 50)],
			[sound(noise, 0, 50, { name: 'Noise' })],
			[sound('/nowhere.wav', 0, 50, { name: 'Nowhere' })],
			[sound('', 0, 50, { name: 'Gone', source: offline })],
		],
	});
	const editor = await openEditor(daemon, cut);
	editors.push(editor);
	const of = { kind: 'cut', host: editor.agent.id, range: { start: 0, end: 50 } } as const;
	const { peaks, unheard } = await peer.call('media.levels', { of, points: 2 });
	for (const peak of peaks) expect(Math.abs(peak - 127)).toBeLessThan(2);
	expect([...unheard].sort()).toEqual(['Gone', 'Noise', 'Nowhere']);
});

test('The levels of a take are those of its own sound', async () => {
	const made = await film(folder, 'made', 100, [0, 60]);
	const request = requestFor({ folder, frames: 100, settings: { film: made } });
	await peer.call('job.submit', { request });
	await peer.waitForJob(request.id, 'done');
	const of = { kind: 'take', jobId: request.id } as const;
	const { peaks, loudest } = await peer.call('media.levels', { of, points: 10 });
	expect(peaks).toEqual([128, 0, 0, 0, 0, 0, 128, 0, 0, 0]);
	expect(loudest).toBeCloseTo(0.5, 3);
});

test('Levels of no range, of too many stretches, or of nobody’s cut are refused', async () => {
	const of = { kind: 'cut', host: '7d9c7c53-0a55-4ee5-9a0e-8f3d8a1f9c11' } as const;
	const range = { start: 0, end: 5 };
	const refusal = (range: object, points: number) =>
		peer.refusal('media.levels', { of: { ...of, range }, points } as never);
	expect((await refusal(range, 9)).code).toBe('no-such-host');
	expect((await refusal({ start: 5, end: 5 }, 9)).code).toBe('bad-request');
	expect((await refusal(range, 5000)).code).toBe('bad-request');
});

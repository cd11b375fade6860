import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Form } from '../../protocol/media.ts';
import type { ClipSpan, TimelineContext } from '../../protocol/timeline.ts';
import { closeBrowser, openPage } from '../browser.ts';
import {
	connect,
	type Daemon,
	endAllDaemons,
	type Peer,
	startDaemon,
	temporaryFolder,
} from '../daemon/harness.ts';
import { SIZE } from '../media/media-files.ts';
import { request } from '../requests.ts';
import { clipOf, film, RATE, SEQUENCE } from './scene.ts';

let folder: string;
let daemon: Daemon;
let peer: Peer;
let page: Page;
let left: string;
let right: string;
let made: string;

/** The take stands here: 30 frames. */
const RANGE = { start: 60, end: 90 };

beforeAll(async () => {
	folder = await temporaryFolder();
	// Numbers tell the films apart.
	left = await film(folder, 'left', 100, [30, 59, 70]);
	right = await film(folder, 'right', 600, [500, 510]);
	made = await film(folder, 'made', 300, [0, 20]);
	await writeFile(join(folder, 'index.html'), '<!doctype html><title>Panel</title><body>');
	daemon = await startDaemon({ env: { PICKUP_PANEL: folder } });
	peer = await connect(daemon);
	page = await openPage();
	// The pictures are sought as the panel seeks them.
	const built = await build({
		entryPoints: [fileURLToPath(new URL('../../plugin/views/drawn-seek.ts', import.meta.url))],
		bundle: true,
		format: 'iife',
		globalName: 'panel',
		write: false,
	});
	await page.addInitScript({ content: `${built.outputFiles[0]!.text} globalThis.panel = panel;` });
	await page.goto(`http://127.0.0.1:${daemon.port}/panel/`);
});
afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

/** A finished take of `made` in a cut. */
async function takeIn(inside: Partial<TimelineContext>): Promise<string> {
	const context = {
		sequence: SEQUENCE,
		track: 'V1',
		range: RANGE,
		left: clipOf(left, [0, 60]),
		right: clipOf(right, [90, 190], 500),
		sound: [
			{ ...clipOf(left, [0, 60]), track: 'A1' },
			{ ...clipOf(right, [90, 190], 500), track: 'A1' },
		],
		...inside,
	};
	const asked = request('fill', context, {
		engine: 'fake',
		output: { folder, name: 'take', codec: 'h264-intra' },
		settings: { film: made },
	});
	await peer.call('job.submit', { request: asked });
	const job = await peer.waitForJob(asked.id, 'done', 'failed');
	expect(job.problem).toBe(null);
	return asked.id;
}

/** What a video turns out to be in the browser: its length, the number in each of its frames. */
async function played(path: string, frames: number) {
	return page.evaluate(
		async ([path, frames, rate]) => {
			const { document, panel, requestAnimationFrame } = globalThis as never as {
				document: Record<string, CallableFunction>;
				panel: Record<string, CallableFunction>;
				requestAnimationFrame: (drawn: () => void) => void;
			};
			const video = document.createElement!('video');
			video.muted = true;
			const { seek } = panel.drawnSeek!(video);
			video.src = path;
			await new Promise((resolve, reject) => {
				video.onloadeddata = resolve;
				video.onerror = () => reject(new Error(video.error.message));
			});
			const canvas = document.createElement!('canvas');
			canvas.width = video.videoWidth;
			canvas.height = video.videoHeight;
			const drawing = canvas.getContext('2d', { willReadFrequently: true });
			const numbers: number[] = [];
			for (let frame = 0; frame < frames; frame++) {
				seek(frame, rate);
				while (video.dataset.asking) await new Promise<void>(requestAnimationFrame);
				drawing.drawImage(video, 0, 0);
				const { data } = drawing.getImageData(0, canvas.height / 2, canvas.width, 1);
				let number = 0;
				for (let bit = 0; bit < 10; bit++) {
					if (data[4 * Math.floor(((bit + 0.5) * canvas.width) / 10)] > 128) number |= 1 << bit;
				}
				numbers.push(number);
			}
			const { duration, videoWidth: width, videoHeight: height } = video;
			return { duration, width, height, numbers };
		},
		[path, frames, RATE.num] as const,
	);
}

/** Seconds at which there is a click in what the browser hears. */
async function clicksIn(path: string): Promise<readonly number[]> {
	return page.evaluate(async (path) => {
		type Decoded = { getChannelData(channel: number): Float32Array };
		const { AudioContext } = globalThis as never as {
			AudioContext: new (
				options: object,
			) => { decodeAudioData(bytes: ArrayBuffer): Promise<Decoded> };
		};
		const context = new AudioContext({ sampleRate: 48_000 });
		const sound = await context.decodeAudioData(await (await fetch(path)).arrayBuffer());
		const samples = sound.getChannelData(0);
		const found: number[] = [];
		for (let i = 0; i < samples.length; i++) {
			if (Math.abs(samples[i]!) < 0.15) continue;
			if (found.length === 0 || i / 48_000 - found.at(-1)! > 0.02) found.push(i / 48_000);
		}
		return found;
	}, path);
}

const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

describe.each(['h264', 'vp9'] as const)('In Chromium, as %s', (form: Form) => {
	test('a take plays whole, each frame once and with its sound', async () => {
		const jobId = await takeIn({});
		const { path, loop } = await peer.call('media.ticket', {
			media: { kind: 'take', jobId, form },
		});
		expect(loop).toBe(null);
		const { duration, numbers: seen, ...size } = await played(path, 30);
		expect(size).toEqual(SIZE);
		expect(seen).toEqual(numbers(0, 30));
		expect(duration).toBeCloseTo(30 / 25, 1);
		const heard = await clicksIn(path);
		expect(heard).toHaveLength(2);
		expect(Math.abs(heard[0]! - 0)).toBeLessThan(0.005);
		expect(Math.abs(heard[1]! - 20 / 25)).toBeLessThan(0.005);
	});

	test('a take loops in its cut, with a second on either side and both joins', async () => {
		const jobId = await takeIn({});
		const { path, loop } = await peer.call('media.ticket', {
			media: { kind: 'loop', jobId, form },
		});
		expect(loop).toEqual({
			before: { frames: 25, shows: 'clip' },
			inside: 30,
			after: { frames: 25, shows: 'clip' },
		});
		const { numbers: seen } = await played(path, 80);
		expect(seen).toEqual([...numbers(35, 25), ...numbers(0, 30), ...numbers(500, 25)]);
		const heard = await clicksIn(path);
		const expected = [24, 25, 45, 55, 65].map((frame) => frame / 25);
		expect(heard).toHaveLength(expected.length);
		for (const [index, at] of expected.entries()) {
			expect(Math.abs(heard[index]! - at), `click ${index}`).toBeLessThan(0.005);
		}
	});
});

describe('A loop says what stands beside the take:', () => {
	const loopOf = async (jobId: string) => {
		const media = { kind: 'loop', jobId, form: 'h264' } as const;
		const { path, loop } = await peer.call('media.ticket', { media });
		const frames = loop!.before.frames + loop!.inside + loop!.after.frames;
		return { loop, ...(await played(path, frames)) };
	};
	const black = (count: number) => new Array(count).fill(0);

	test('nothing at the start of the sequence, nothing after the last clip', async () => {
		const range = { start: 10, end: 40 };
		const { loop, numbers: seen } = await loopOf(
			await takeIn({ range, left: null, right: null, sound: [] }),
		);
		expect(loop).toEqual({
			before: { frames: 10, shows: 'empty' },
			inside: 30,
			after: { frames: 25, shows: 'empty' },
		});
		expect(seen).toEqual([...black(10), ...numbers(0, 30), ...black(25)]);
	});

	test('a clip that is shorter than a second, and one whose file is gone', async () => {
		const offline: ClipSpan = {
			...clipOf(right, [90, 190]),
			source: { kind: 'offline', path: '/nowhere.mov', reason: 'There is no such file' },
		};
		const { loop, numbers: seen } = await loopOf(
			await takeIn({ left: clipOf(left, [52, 60], 52), right: offline }),
		);
		expect(loop).toEqual({
			before: { frames: 8, shows: 'clip' },
			inside: 30,
			after: { frames: 25, shows: 'offline' },
		});
		expect(seen).toEqual([...numbers(52, 8), ...numbers(0, 30), ...black(25)]);
	});
});

test('Sound alone is heard with the picture that it was made for, and a retake without what it replaces', async () => {
	const clip = clipOf(left, [0, 100]);
	const context = {
		sequence: SEQUENCE,
		track: 'V1',
		range: RANGE,
		left: { ...clip, range: { start: 0, end: 60 } },
		right: clipOf(left, [90, 100], 90),
		sound: [{ ...clip, track: 'A1' }],
	};
	const output = { folder, name: 'take', codec: 'h264-intra' };
	const shared = { engine: 'fake', output, settings: { film: made }, clip };
	const retake = request('retake', context, { ...shared, replace: 'sound', strength: 1 });
	const soundtrack = request('soundtrack', context, shared);
	const heard: (readonly number[])[] = [];
	for (const asked of [retake, soundtrack]) {
		await peer.call('job.submit', { request: asked });
		await peer.waitForJob(asked.id, 'done');
		const media = { kind: 'loop', jobId: asked.id, form: 'h264' } as const;
		const { path, loop } = await peer.call('media.ticket', { media });
		expect(loop?.after).toEqual({ frames: 10, shows: 'clip' });
		expect((await played(path, 65)).numbers).toEqual(numbers(35, 65));
		heard.push((await clicksIn(path)).map((at) => Math.round(at * 25)));
	}
	// The film clicks at its frames 59 and 70; what was made at its frames 0 and 20.
	expect(heard).toEqual([
		[24, 25, 45],
		[24, 25, 35, 45],
	]);
});

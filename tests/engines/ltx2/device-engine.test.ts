import { readdir, readFile } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { promptContext } from '../../../inference-daemon/engines/ltx2/prompt/context.ts';
import { openTextEncoder } from '../../../inference-daemon/engines/ltx2/prompt/encoder.ts';
import { liveSessions, onSessions } from '../../../inference-daemon/engines/ltx2/runtime/live.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { Vae } from '../../../inference-daemon/engines/ltx2/vae/vae.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { countClip } from '../../../inference-daemon/media/verify.ts';
import { problemOf } from '../../../protocol/errors.ts';
import { leftBy, openScene, type Scene } from '../../end-to-end/ltx2-scene.ts';
import { bytesOf } from '../../end-to-end/workbench.ts';
import { ffmpeg } from '../../media/media-files.ts';
import { type Cut, make, makeCut, requestFor } from './shots.ts';
import { useSwiftShader } from './swiftshader.ts';
import { TINY_GEMMA, tinyCheckpoint } from './tiny.ts';

useSwiftShader();
// Where there is an NVIDIA device it is not seen.
process.env.CUDA_VISIBLE_DEVICES = '';

const GAP = 2;
const SAMPLES = 1600;
/** Of so many frames per second that nine of them are little sound. */
const SEQUENCE = { num: 60, den: 1, width: 64, height: 64 };
const PROMPT = 'a red kite over a bay';

let scene: Scene;
let cut: Cut;
let expected: string;
beforeAll(async () => {
	scene = await openScene();
	cut = await makeCut(scene.studio, SEQUENCE, { gap: GAP });
	expected = (await made('cpu', 'processor')).path;
});
afterAll(() => scene.close());
afterEach(() => expect(liveSessions()).toEqual([]));

/** One frame of each neighbour is looked at, so that nine are made. */
function fillOn(provider: string) {
	const { model } = scene.studio;
	const settings = { model, provider, context: 0.01, pixels: 64 * 64, steps: 1 };
	return requestFor('fill', cut, { prompt: PROMPT, settings });
}

async function made(provider: string, name: string) {
	return (await make(fillOn(provider), scene.studio, name)).clip;
}

/** Gives a fill up as soon as a session of that name opens; names of all that were ever open. */
async function givenUp(provider: string, part: string): Promise<ReadonlySet<string>> {
	const opened = new Set<string>();
	const controller = new AbortController();
	const stop = onSessions((names) => {
		for (const name of names) opened.add(name);
		if (opened.has(part)) controller.abort(new Error(`given up in ${part}`));
	});
	const shot = make(fillOn(provider), scene.studio, 'given up', controller.signal);
	await expect(shot).rejects.toThrow(`given up in ${part}`);
	stop();
	expect(liveSessions()).toEqual([]);
	return opened;
}

describe('A fill on a graphics device', () => {
	it('through the daemon gives the clip that the processor gives', async () => {
		const { clip } = await scene.make(fillOn('webgpu'));
		expect(await countClip(clip!.path)).toEqual({ frames: GAP, samples: SAMPLES });
		expect(clip!.notes).toBeUndefined();
		const [picture, sound] = await Promise.all([
			picturesApart(clip!.path, expected),
			soundsApart(clip!.path, expected),
		]);
		// H.264 makes more of a level that is rounded the other way.
		expect(picture).toBeLessThanOrEqual(6);
		expect(sound).toBeLessThanOrEqual(1e-4);
	});

	it('that is given up in the transformer leaves nothing open there', async () => {
		const opened = await givenUp('webgpu', 'transformer block');
		// What runs on the processor is not uploaded.
		for (const name of ['video encoder', 'audio encoder', 'device memory', 'transformer head'])
			expect(opened).toContain(name);
		expect(opened).not.toContain('transformer tail');
	});
});

describe('A provider', () => {
	it('that finds no device is refused by name before anything is computed', async () => {
		const left = await leftBy(scene);
		let opened = 0;
		const stop = onSessions(() => {
			opened += 1;
		});
		const failure = await made('cuda', 'refused').catch((error: unknown) => error);
		stop();
		const job = await scene.ended(await scene.submit(fillOn('cuda')));
		for (const problem of [problemOf(failure), job.problem]) {
			expect(problem).toMatchObject({
				code: 'engine-unavailable',
				field: 'settings.provider',
				message: expect.stringMatching(/^Expected cuda to work here, but it does not: \w.{9}/),
				action: expect.stringContaining('pickup doctor'),
			});
		}
		expect(opened).toBe(0);
		expect(await leftBy(scene)).toEqual(left);
		expect(await readdir(scene.studio.folder)).not.toContain('refused.mov');
	});

	it('that is left to Pickup is the processor where nothing draws but software', async () => {
		const { path } = await made('auto', 'automatic');
		expect(await readFile(path)).toEqual(await readFile(expected));
	});
});

describe('One process', () => {
	it('does not grow from shot to shot, made or given up', async () => {
		const round = async (...parts: string[]) => {
			for (const part of parts) {
				await made('cpu', 'again');
				expect(liveSessions()).toEqual([]);
				await givenUp('cpu', part);
			}
		};
		await round('video encoder', 'vocoder');
		// The system's allocator may take more for a while; what is lost is lost in every round.
		let grown = Number.POSITIVE_INFINITY;
		for (let left = 3; left > 0 && grown >= 24e6; left--) {
			const before = process.memoryUsage().rss;
			await round('transformer block', 'video decoder', 'audio decoder');
			grown = process.memoryUsage().rss - before;
		}
		expect(grown).toBeLessThan(24e6);
		expect(await readdir(scene.studio.folder)).not.toContain('given up.mov');
	});
});

describe('A prompt on a graphics device', () => {
	const read = async (provider: 'cpu' | 'webgpu', signal?: AbortSignal) => {
		const encoder = await openTextEncoder(TINY_GEMMA);
		const checkpoint = await Checkpoint.open(await tinyCheckpoint('ltx-2-tiny'));
		const options = { provider, length: 128, ...(signal && { signal }) };
		return promptContext(PROMPT, encoder, checkpoint, options);
	};

	it('is compiled once for all layers, of which one at a time is open', async () => {
		const moments: (readonly string[])[] = [];
		const stop = onSessions((names) => moments.push(names));
		const context = await read('webgpu');
		stop();
		const first = moments.findIndex((names) => names.includes('gemma layer 0'));
		const last = moments.findLastIndex((names) => names.includes('connector'));
		const others = moments.slice(first, last + 1).map((names) => {
			expect(names).toContain('kernels');
			return names.filter((name) => name !== 'kernels').length;
		});
		expect(Math.max(...others)).toBe(1);
		const processor = await read('cpu');
		for (const stream of ['video', 'audio'] as const)
			expect(apart(context[stream].data, processor[stream].data)).toBeLessThanOrEqual(1e-4);
	});

	it('that is cancelled leaves nothing open', async () => {
		const controller = new AbortController();
		const reason = new Error('cancelled');
		const stop = onSessions((names) => {
			if (names.includes('gemma layer 0')) controller.abort(reason);
		});
		await expect(read('webgpu', controller.signal)).rejects.toBe(reason);
		stop();
	});
});

it('the vocoder multiplies in float32 whatever the device prefers, the video VAE does not', async () => {
	const checkpoint = await Checkpoint.open(await tinyCheckpoint('ltx-2-tiny'));
	const [full, half] = (['float32', 'float16'] as const).map(
		(precision) => new Vae(checkpoint, { precision }),
	);
	const mel = waves([1, 2, 9, 64]);
	expect((await half!.vocode(mel)).data).toEqual((await full!.vocode(mel)).data);
	const latent = waves([1, 6, 2, 2, 2]);
	const [fine, coarse] = [await full!.decodePicture(latent), await half!.decodePicture(latent)];
	const difference = apart(coarse.data as Float32Array, fine.data as Float32Array);
	expect(difference).toBeGreaterThan(0);
	expect(difference).toBeLessThan(0.1);
});

it('a VAE that is released while a network opens waits for it and closes it', async () => {
	const vae = new Vae(await Checkpoint.open(await tinyCheckpoint('ltx-2-tiny')));
	const decoding = vae.decodeFrames(waves([1, 6, 2, 2, 2])).next();
	const refused = expect(decoding).rejects.toThrow('got a call after release()');
	while (liveSessions().length === 0) await turn();
	expect(liveSessions()).toEqual(['video decoder']);
	await vae.release();
	expect(liveSessions()).toEqual([]);
	await refused;
});

it('a VAE that is released while a network is opened for one run waits for what it gives', async () => {
	const vae = new Vae(await Checkpoint.open(await tinyCheckpoint('ltx-2-tiny')));
	const latent = waves([1, 6, 2, 2, 2]);
	const decoding = vae.decodePicture(latent);
	expect(liveSessions()).toEqual(['video decoder']);
	await vae.release();
	expect(liveSessions()).toEqual([]);
	expect((await decoding).shape).toEqual([1, 3, 9, 64, 64]);
	await expect(vae.decodePicture(latent)).rejects.toThrow('got a call after release()');
});

/** Largest difference of a level, 0…255. */
async function picturesApart(...clips: [string, string]): Promise<number> {
	const [got, wanted] = await Promise.all(clips.map(picturesOf));
	expect(wanted!.length).toBe(GAP * 64 * 64 * 3);
	return apart(got!, wanted!);
}

/** Largest difference of a sample, −1…1. */
async function soundsApart(...clips: [string, string]): Promise<number> {
	const [got, wanted] = await Promise.all(clips.map(soundOf));
	expect(wanted!.length).toBe(2 * SAMPLES);
	return apart(got!, wanted!);
}

function waves(shape: readonly number[]): NdArray & { data: Float32Array } {
	const length = shape.reduce((product, n) => product * n, 1);
	return { data: Float32Array.from({ length }, (_, i) => Math.sin(i * i)), shape };
}

function picturesOf(path: string): Promise<Uint8Array> {
	const format = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
	return bytesOf(ffmpeg.path, ['-loglevel', 'error', '-i', path, ...format]);
}

async function soundOf(path: string): Promise<Float32Array> {
	const format = ['-f', 'f32le', '-c:a', 'pcm_f32le', '-'];
	const bytes = await bytesOf(ffmpeg.path, ['-loglevel', 'error', '-i', path, '-vn', ...format]);
	return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** NaN where one of them holds it. */
function apart(got: Uint8Array | Float32Array, wanted: Uint8Array | Float32Array): number {
	expect(got.length).toBe(wanted.length);
	let most = 0;
	for (const [i, value] of wanted.entries()) most = Math.max(most, Math.abs(got[i]! - value));
	return most;
}

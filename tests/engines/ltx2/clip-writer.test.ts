import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ClipWriter } from '../../../inference-daemon/engines/ltx2/decode/clip-writer.ts';
import { countClip } from '../../../inference-daemon/media/verify.ts';
import { samplesForFrames } from '../../../protocol/time.ts';
import { ffmpeg } from '../../media/media-files.ts';

const RATE = { num: 24, den: 1 };
const SIZE = { width: 640, height: 360 };

let folder = '';
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-film-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function start(frameCount: number, path = join(folder, 'clip.mov')): ClipWriter {
	const wanted = {
		path,
		size: SIZE,
		pixelAspect: { num: 1, den: 1 },
		rate: RATE,
		frameCount,
		codec: 'h264-intra' as const,
		tags: {},
	};
	return new ClipWriter(ffmpeg, wanted, { hasSound: true, signal: new AbortController().signal });
}

const picture = () => ({
	...SIZE,
	format: 'yuv420p' as const,
	data: new Uint8Array(SIZE.width * SIZE.height * 1.5).fill(128),
});

function sound(frames: number) {
	const samples = samplesForFrames(frames, RATE);
	return { left: new Float32Array(samples).fill(0.1), right: new Float32Array(samples) };
}

it.each([1, 10, 25, 120])(
	'a film of %d frames gets its sound before, between or after them',
	async (count) => {
		for (const when of ['before', 'between', 'after'] as const) {
			const path = join(folder, `${when}.mov`);
			const film = start(count, path);
			const half = Math.floor(count / 2);
			const [first, second] = [sound(half), sound(count - half)];
			const all = () => {
				film.writeSound(first);
				film.writeSound(second);
			};
			if (when === 'before') all();
			// What comes after the last frame must not wait for it.
			if (when === 'after') setTimeout(all, 300);
			for (let i = 0; i < count; i++) {
				if (when === 'between' && i === 0) film.writeSound(first);
				if (when === 'between' && i === half) film.writeSound(second);
				await film.write(picture());
			}
			if (when === 'after') await new Promise((resolve) => setTimeout(resolve, 350));
			await film.finish();
			expect(await countClip(path)).toEqual({
				frames: count,
				samples: samplesForFrames(count, RATE),
			});
			await film.abandon();
		}
		expect(await readdir(folder)).toEqual(['after.mov', 'before.mov', 'between.mov']);
	},
);

it('a film that is given up leaves nothing, and nobody waiting', async () => {
	const film = start(120);
	const writing = async () => {
		for (let i = 0; i < 120; i++) await film.write(picture());
	};
	// The encoder waits for sound before it takes them all.
	const written = writing().catch((error: Error) => error.message);
	await new Promise((resolve) => setTimeout(resolve, 200));
	await film.abandon();
	expect(await written).toBe('The clip was given up');
	expect(await readdir(folder)).toEqual([]);
});

it('whoever writes is told why the encoder has ended', async () => {
	const film = start(120, join(folder, 'nowhere', 'clip.mov'));
	const writing = async () => {
		for (let i = 0; i < 120; i++) await film.write(picture());
	};
	await expect(writing()).rejects.toMatchObject({ code: 'folder-missing' });
	await film.abandon();
	expect(await readdir(folder)).toEqual([]);
});

it('a frame that does not fit ends the film', async () => {
	const film = start(2);
	const small = { width: 2, height: 2, format: 'yuv420p', data: new Uint8Array(6) } as const;
	await expect(film.write(small).then(() => film.write(small))).rejects.toMatchObject({
		code: 'bad-request',
	});
	await film.abandon();
	expect(await readdir(folder)).toEqual([]);
});

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFrames } from '../../inference-daemon/media/frames.ts';
import { readSound } from '../../inference-daemon/media/sound.ts';
import type { SoundWanted } from '../../inference-daemon/media/types.ts';
import { ONE, rational } from '../../protocol/time.ts';
import { ffmpeg, makeFilm, numberOf, PLAIN, run } from './media-files.ts';
import { loudTones, makeTones, openFolder } from './tones.ts';

const { folder, close } = await openFolder();
afterAll(close);

/** Which of the tones of `makeTones` is on the left and which on the right. */
async function heard(path: string, sound: SoundWanted['sound'], speed = ONE) {
	const wanted = { path, sound, from: rational(1, 10), samples: 24_000, speed };
	return loudTones(await readSound(ffmpeg, wanted));
}

const nth = (index: number) => ({ among: 'kind', index }) as const;
const inFile = (index: number) => ({ among: 'all', index }) as const;

describe.each([
	['two streams of AAC behind picture', 'aac.mp4', [2, 2], ['-c:a', 'aac', '-b:a', '256k'], true],
	['two streams of PCM without picture', 'pcm.mka', [2, 2], ['-c:a', 'pcm_s16le'], false],
	[
		'one microphone a stream',
		'mono.mxf',
		[1, 1, 1, 1],
		['-c:a', 'pcm_s16le', '-ar', '48000'],
		true,
	],
	['all microphones in one stream', 'four.mov', [4], ['-c:a', 'pcm_s24le'], true],
	['5.1 and mono', 'film.mov', [6, 1], ['-c:a', 'pcm_s16le'], true],
] as const)('%s', (_, name, layout, options, hasPicture) => {
	const path = join(folder, name);
	beforeAll(() => makeTones(path, layout, options, hasPicture));
	const first = layout[0];

	it('channels are counted through all of them', async () => {
		const all = layout.reduce<number>((sum, count) => sum + count, 0);
		for (let channel = 0; channel < all; channel++) {
			expect(await heard(path, { channels: { left: [channel], right: [] } })).toEqual([
				[channel],
				[],
			]);
		}
		const both = { left: [0], right: [all - 1] };
		expect(await heard(path, { channels: both })).toEqual([[0], [all - 1]]);
		const sum = { left: [0, all - 1], right: [0, all - 1] };
		expect(await heard(path, { channels: sum })).toEqual([sum.left, sum.right]);
		expect(await heard(path, { channels: { left: [0], right: [99] } })).toEqual([[0], []]);
	});

	it('a stream is told by its number among those of sound, or among all', async () => {
		const last = layout.length - 1;
		const start = layout.slice(0, last).reduce<number>((sum, count) => sum + count, 0);
		for (const stream of [nth(last), inFile(last + (hasPicture ? 1 : 0))]) {
			const channels = { left: [0], right: [layout[last]! - 1] };
			expect(await heard(path, { stream, channels })).toEqual([
				[start],
				[start + layout[last]! - 1],
			]);
		}
		if (first === 2) {
			expect(await heard(path, { stream: nth(1) })).toEqual([[2], [3]]);
			expect(await heard(path, undefined)).toEqual([[0], [1]]);
		}
	});

	it('one that is not there is not taken for another', async () => {
		const missing = heard(path, { stream: nth(9) });
		await expect(missing).rejects.toMatchObject({ code: 'media-unreadable' });
		if (hasPicture) await expect(missing).rejects.toThrow(`it has ${layout.length} of sound`);
	});
});

it('channels keep their level and their place at another speed', async () => {
	const path = join(folder, 'speed.mov');
	await makeTones(path, [2, 2], ['-c:a', 'pcm_s24le'], true);
	const channels = { left: [3], right: [3, 3] };
	const wanted = { path, sound: { channels }, from: rational(0), samples: 9600 };
	const { left, right } = await readSound(ffmpeg, { ...wanted, speed: ONE });
	expect(Math.max(...left)).toBeCloseTo(0.2, 2);
	expect(Math.max(...right)).toBeCloseTo(0.4, 2);
	const half = await readSound(ffmpeg, { ...wanted, speed: rational(1, 2) });
	for (let i = 100; i < 4700; i += 7) expect(half.left[2 * i]).toBeCloseTo(left[i]!, 2);
});

it('a stream of picture is told in the same ways, and its first frame is time 0 for the sound', async () => {
	const [one, two, path] = ['one.mov', 'two.mov', 'both.mov'].map((name) => join(folder, name));
	const options = ['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '10', '-g', '5'];
	await makeFilm(one!, { count: 40, rate: '25', options });
	await makeFilm(two!, { count: 80, rate: '25', options });
	await run(ffmpeg.path, [
		...['-v', 'error', '-i', one!, '-ss', '1.6', '-i', two!, '-map', '0:v', '-map', '1:v'],
		...['-c:v', 'libx264', '-qp', '10', path!],
	]);
	const at = [rational(0), rational(10, 25)];
	const numbers = async (stream?: ReturnType<typeof nth> | ReturnType<typeof inFile>) =>
		(await readFrames(ffmpeg, { ...PLAIN, path: path!, at, stream })).map((f) => numberOf(f));
	expect(await numbers()).toEqual([0, 10]);
	expect(await numbers(nth(1))).toEqual([40, 50]);
	expect(await numbers(inFile(1))).toEqual([40, 50]);
	await expect(numbers(nth(2))).rejects.toMatchObject({ code: 'media-unreadable' });
});

import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { countClip, readTracks, type Tracks } from '../../inference-daemon/media/verify.ts';
import { PickupError } from '../../protocol/errors.ts';
import { ffmpeg, inFolder, makeFilm, run } from './media-files.ts';

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '1', '-bf', '0'];

it('a clip that breaks off anywhere is no whole clip', async () => {
	await inFolder(async (folder) => {
		const options = [...H264, '-movflags', '+faststart'];
		const whole = await makeFilm(join(folder, 'a.mov'), { count: 10, rate: '25', options });
		const late = await makeFilm(join(folder, 'b.mov'), { count: 10, rate: '25', options: H264 });
		for (const path of [whole, late]) {
			expect(await countClip(path)).toMatchObject({ frames: 10 });
			const bytes = await readFile(path);
			const cut = join(folder, 'cut.mov');
			for (let length = 1; length < bytes.length; length += 61) {
				await writeFile(cut, bytes.subarray(0, length));
				await expect(countClip(cut), `${length} bytes`).rejects.toMatchObject({
					code: 'media-unreadable',
					field: cut,
				});
			}
		}
	});
});

it('damaged tables give an error and nothing else', async () => {
	await inFolder(async (folder) => {
		const path = await makeFilm(join(folder, 'a.mov'), { count: 10, rate: '25', options: H264 });
		const bytes = await readFile(path);
		const tables = bytes.indexOf('moov');
		let refused = 0;
		for (let at = tables - 4; at < bytes.length; at++) {
			const damaged = Buffer.from(bytes);
			damaged[at]! ^= 0x81;
			await writeFile(path, damaged);
			const found = await countClip(path).catch((error: unknown) => error);
			if (found instanceof Error) {
				expect(found).toBeInstanceOf(PickupError);
				refused += 1;
			}
		}
		expect(refused).toBeGreaterThan(50);
	});
});

it('tells when frames are not shown one after the other from the start', async () => {
	await inFolder(async (folder) => {
		const reordered = ['-c:v', 'libx264', '-bf', '2', '-g', '10'];
		const path = await makeFilm(join(folder, 'a.mov'), {
			count: 10,
			rate: '25',
			options: reordered,
		});
		expect((await tracksOf(path)).video).toMatchObject({ count: 10, isMoved: true });
		const uneven = join(folder, 'b.mov');
		const drop = ['-vf', 'select=not(eq(n\\,4))', '-fps_mode', 'passthrough'];
		await run(ffmpeg.path, ['-loglevel', 'error', '-i', path, ...drop, ...H264, uneven]);
		const { video } = await tracksOf(uneven);
		expect(video?.count).toBe(9);
		expect(new Set(video?.durations.map(({ ticks }) => ticks)).size).toBe(2);
	});
});

async function tracksOf(path: string): Promise<Tracks> {
	const file = await open(path);
	try {
		return await readTracks(file);
	} finally {
		await file.close();
	}
}

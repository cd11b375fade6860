import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeClip } from '../../inference-daemon/media/encode.ts';
import { frameBytes } from '../../inference-daemon/media/pixels.ts';
import type { ClipWanted, Ffmpeg, Frame } from '../../inference-daemon/media/types.ts';
import { ffmpeg, inFolder, run, SQUARE } from './media-files.ts';

const SIZE = { width: 256, height: 144 };

/** Noise, which no encoder makes small. */
async function* noise(count: number): AsyncGenerator<Frame, void, void> {
	const data = new Uint8Array(frameBytes('yuv420p', SIZE));
	let state = 1;
	for (let frame = 0; frame < count; frame++) {
		for (let i = 0; i < data.length; i++) {
			state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
			data[i] = 16 + ((state >>> 16) % 200);
		}
		yield { ...SIZE, format: 'yuv420p', data };
	}
}

function clipIn(folder: string): ClipWanted {
	return {
		path: join(folder, 'clip.mov'),
		size: SIZE,
		pixelAspect: SQUARE,
		rate: { num: 25, den: 1 },
		codec: 'h264-intra',
		frameCount: 150,
		frames: noise(150),
		sound: null,
		tags: {},
	};
}

/** The real ffmpeg, which may not write files longer than a megabyte. */
async function limitedFfmpeg(folder: string): Promise<Ffmpeg> {
	const path = join(folder, 'limited-ffmpeg');
	await writeFile(path, `#!/bin/sh\ntrap '' XFSZ\nulimit -f 2048\nexec '${ffmpeg.path}' "$@"\n`);
	await chmod(path, 0o755);
	return { ...ffmpeg, path };
}

async function canMount(folder: string): Promise<boolean> {
	return run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'pickup-test', folder]).then(
		() => true,
		() => false,
	);
}

describe('no room for the clip', () => {
	it('a file that may not grow: nothing is left and the folder is named', async () => {
		await inFolder(async (folder) => {
			const limited = await limitedFfmpeg(folder);
			const target = join(folder, 'clips');
			await mkdir(target);
			await expect(encodeClip(limited, clipIn(target))).rejects.toMatchObject({
				code: 'disk-full',
				message: `Expected room for the clip in ${target}: File too large`,
				field: target,
			});
			expect(await readdir(target)).toEqual([]);
		});
	});

	it('a disk that runs full, where one may be mounted', async () => {
		await inFolder(async (folder) => {
			const disk = join(folder, 'disk');
			await mkdir(disk);
			const isDisk = await canMount(disk);
			const encoder = isDisk ? ffmpeg : await limitedFfmpeg(folder);
			try {
				await expect(encodeClip(encoder, clipIn(disk))).rejects.toMatchObject({
					code: 'disk-full',
					message: expect.stringContaining(isDisk ? 'No space left on device' : 'File too large'),
					field: disk,
				});
				expect(await readdir(disk)).toEqual([]);
			} finally {
				if (isDisk) await run('umount', [disk]);
			}
		});
	});
});

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodePlayable } from '../../inference-daemon/media/playable.ts';
import type { Frame } from '../../inference-daemon/media/types.ts';
import { samplesForFrames } from '../../protocol/time.ts';
import { ffmpeg, ffprobe, inFolder, numbered, SIZE } from './media-files.ts';

async function* frames(count: number): AsyncGenerator<Frame> {
	const all = numbered(count);
	const size = all.length / count;
	for (let frame = 0; frame < count; frame++) {
		const data = all.subarray(frame * size, (frame + 1) * size);
		yield { ...SIZE, format: 'yuv420p', data };
	}
}

test.each([
	['h264', { num: 24_000, den: 1001 }, 1e-4],
	['h264', { num: 60_000, den: 1001 }, 1e-4],
	['h264', { num: 25, den: 1 }, 1e-4],
	['vp9', { num: 30_000, den: 1001 }, 8e-3],
	['vp9', { num: 60_000, den: 1001 }, 8e-3],
] as const)(
	'%s at %o has each frame at its time, quickly found, and is tagged',
	async (form, rate, late) => {
		await inFolder(async (folder) => {
			const path = join(folder, 'film');
			const samples = samplesForFrames(90, rate);
			const sound = { left: new Float32Array(samples), right: new Float32Array(samples) };
			const { signal } = new AbortController();
			const wanted = { path, form, size: SIZE, rate, frames: frames(90), sound };
			await encodePlayable(ffmpeg, wanted, signal);
			const found = (await ffprobe(
				[
					'-show_entries',
					'packet=pts_time,flags:stream=color_space,color_range',
					'-select_streams',
					'v',
				],
				path,
			)) as {
				readonly packets: readonly { pts_time: string; flags: string }[];
				readonly streams: readonly object[];
			};
			expect(found.streams).toEqual([{ color_range: 'tv', color_space: 'bt709' }]);
			expect(found.packets).toHaveLength(90);
			let sinceKey = 0;
			for (const [frame, { pts_time, flags }] of found.packets.entries()) {
				const off = Number(pts_time) - (frame * rate.den) / rate.num;
				expect(off).toBeGreaterThan(-1e-4);
				expect(off).toBeLessThan(late);
				sinceKey = flags.startsWith('K') ? 0 : sinceKey + 1;
				expect(sinceKey).toBeLessThan(6);
			}
		});
	},
);

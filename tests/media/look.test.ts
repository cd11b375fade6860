import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lookAt } from '../../inference-daemon/media/look.ts';
import { probe } from '../../inference-daemon/media/probe.ts';
import type { Ffmpeg } from '../../inference-daemon/media/types.ts';
import { methods } from '../../protocol/rpc.ts';
import { clicks, ffmpeg, inFolder, makeFilm } from './media-files.ts';

/** The real ffmpeg, except that its runs with the numbers given end as the text says. */
async function flawed(
	folder: string,
	ending: string,
	runs: readonly number[],
): Promise<Ffmpeg & { starts(): Promise<number> }> {
	const path = join(folder, 'ffmpeg');
	const log = join(folder, 'starts');
	const chosen = runs.map((run) => `[ "$n" = ${run} ]`).join(' || ') || 'false';
	await writeFile(
		path,
		`#!/bin/sh
echo start >> '${log}'
n=$(wc -l < '${log}' | tr -d ' ')
if ${chosen}; then ${ending}; fi
exec '${ffmpeg.path}' "$@"
`,
		{ mode: 0o755 },
	);
	const starts = async () => (await readFile(log, 'utf8')).trim().split('\n').length;
	return { ...ffmpeg, path, starts };
}

/** A short film with sound. */
async function filmIn(folder: string, options: readonly string[] = ['-c:a', 'pcm_s16le']) {
	const sound = { path: join(folder, 'clicks.f32'), rate: 48_000, channels: 1 };
	await writeFile(sound.path, clicks(9600, [100]));
	const picture = ['-c:v', 'libx264', '-preset', 'ultrafast'];
	const film = { count: 5, rate: '25', options: [...picture, ...options], sound };
	return makeFilm(join(folder, 'film.mov'), film);
}

describe('a look at a file', () => {
	it.each([
		['is killed', 'kill -KILL $$', 'ffmpeg-stopped'],
		['gets no memory', 'echo "[error] Cannot allocate memory" >&2; exit 1', 'ffmpeg-stopped'],
		[
			'finds a disk that fails',
			'echo "[error] Input/output error" >&2; exit 1',
			'media-unreadable',
		],
	])('that %s is not taken for one at a file without sound, nor remembered', async (_, ...how) => {
		await inFolder(async (folder) => {
			const [ending, code] = how;
			const film = await filmIn(folder);
			const program = await flawed(folder, ending, [1]);
			await expect(probe(program, film)).rejects.toMatchObject({ code });
			expect(await program.starts()).toBe(1);
			const { video, audio } = await probe(program, film);
			expect(video?.codec).toBe('h264');
			expect(audio?.codec).toBe('pcm_s16le');
		});
	});

	it('that is killed while it looks past an undecodable stream is not the end of the matter', async () => {
		await inFolder(async (folder) => {
			const film = await filmIn(folder);
			// QDesign Music 2, of which no header is there: nothing decodes that.
			const bytes = await readFile(film);
			bytes.write('QDM2', bytes.indexOf('sowt'));
			await writeFile(film, bytes);
			const program = await flawed(folder, 'kill -KILL $$', [2]);
			await expect(probe(program, film)).rejects.toMatchObject({ code: 'ffmpeg-stopped' });
			const { video, audio } = await probe(program, film);
			expect(video?.codec).toBe('h264');
			expect(audio).toBeNull();
		});
	});
});

describe('the rate that a file is told to have', () => {
	/** Frames that start at these ticks of a clock. */
	const recorded = (folder: string, clock: number, starts: readonly number[], rate: string) => {
		const start = starts.map((at, n) => `eq(N\\,${n})*${at}`).join('+');
		return makeFilm(join(folder, 'film.mov'), {
			count: starts.length,
			rate,
			options: [
				...['-vf', `settb=1/${clock},setpts=${start}`, '-fps_mode', 'passthrough'],
				...['-enc_time_base', `1:${clock}`, '-video_track_timescale', `${clock}`],
				...['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0'],
			],
		});
	};

	it.each([
		['as a screen was recorded', 3_628_800, [0, 400_000, 1_100_000, 1_507_767], '25', 8.78],
		['a frame a minute', 1000, [0, 60_000, 120_000, 180_000], '1/60', 1 / 60],
		['a thousand a second', 10_000, [0, 10, 20, 30, 40], '1000', 1000],
		['uneven, by a prime clock', 2_000_003, [0, 70_001, 160_003, 230_009], '25', 25.8],
	])('%s', async (_, clock, starts, last, about) => {
		await inFolder(async (folder) => {
			const film = await recorded(folder, clock, starts, last);
			const { rate } = methods['media.look'].result.parse(await lookAt(ffmpeg, film));
			expect(rate!.num / rate!.den / about).toBeCloseTo(1, 1);
		});
	});
});

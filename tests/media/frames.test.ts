import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFrames } from '../../inference-daemon/media/frames.ts';
import { probe } from '../../inference-daemon/media/probe.ts';
import { framesToSeconds, type Rational, rational } from '../../protocol/time.ts';
import { ffmpeg, ffprobe, inFolder, makeFilm, numberOf, PLAIN, run } from './media-files.ts';

const RATES = ['24', '24000/1001', '25', '30000/1001', '60000/1001'];
const LONG_GOP = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '40', '-bf', '3', '-qp', '20'];

async function numbersAt(path: string, at: readonly Rational[]): Promise<number[]> {
	const frames = await readFrames(ffmpeg, { path, at, ...PLAIN });
	return frames.map((frame) => numberOf(frame));
}

function rateOf(text: string): Rational {
	const [num = 0, den = 1] = text.split('/').map(Number);
	return rational(num, den);
}

/** Presentation times of the frames by an independent reader, from the first. */
async function presentationTimes(path: string): Promise<Rational[]> {
	const answer = (await ffprobe(
		[
			...['-select_streams', 'v:0'],
			...['-show_entries', 'frame=best_effort_timestamp:stream=time_base'],
		],
		path,
	)) as { frames: { best_effort_timestamp?: number }[]; streams: { time_base: string }[] };
	const [num = 0, den = 1] = answer.streams[0]!.time_base.split('/').map(Number);
	const pts: number[] = [];
	// AVI has no times of its own: there frames follow each other tick by tick.
	for (const frame of answer.frames) {
		pts.push(frame.best_effort_timestamp ?? (pts.at(-1) ?? 0) + 1);
	}
	return pts.map((value) => rational((value - pts[0]!) * num, den));
}

const justBefore = (time: Rational) =>
	rational(BigInt(time.num) * 1_000_000n - BigInt(time.den), BigInt(time.den) * 1_000_000n);

describe('frames of a constant rate', () => {
	it.each(RATES)('every frame is found by its own time at %s', async (text) => {
		await inFolder(async (folder) => {
			const rate = rateOf(text);
			const path = await makeFilm(join(folder, 'film.mp4'), {
				count: 130,
				rate: text,
				options: LONG_GOP,
			});
			const wanted = Array.from({ length: 130 }, (_, n) => n);
			const starts = wanted.map((n) => framesToSeconds(n, rate));
			expect(await numbersAt(path, starts)).toEqual(wanted);
			const ends = wanted.map((n) => justBefore(framesToSeconds(n + 1, rate)));
			expect(await numbersAt(path, ends)).toEqual(wanted);
		});
	});

	it('times come in any order, twice and far apart', async () => {
		await inFolder(async (folder) => {
			const path = await makeFilm(join(folder, 'film.mov'), {
				count: 600,
				rate: '24000/1001',
				options: LONG_GOP,
			});
			const wanted = [590, 3, 3, 255, 254, 599, 0, 256];
			const at = wanted.map((n) => framesToSeconds(n, { num: 24000, den: 1001 }));
			expect(await numbersAt(path, at)).toEqual(wanted);
			const [first, , third, again] = await readFrames(ffmpeg, {
				path,
				at: [at[0]!, at[1]!, at[2]!, at[2]!],
				...PLAIN,
			});
			expect(first).not.toBe(third);
			expect(third).toBe(again);
		});
	});

	it('before the start is the first frame, after the end the last', async () => {
		await inFolder(async (folder) => {
			const path = await makeFilm(join(folder, 'film.mkv'), {
				count: 200,
				rate: '25',
				options: LONG_GOP,
			});
			const at = [rational(-5), rational(-1, 1000), rational(8), rational(9), rational(3600)];
			expect(await numbersAt(path, at)).toEqual([0, 0, 199, 199, 199]);
		});
	});
});

describe('frames of awkward files', () => {
	it.each([
		['open GOP', 'mp4', [...LONG_GOP, '-x264-params', 'open-gop=1']],
		[
			'MPEG-2 transport stream that starts at 1.4 s',
			'ts',
			['-c:v', 'mpeg2video', '-g', '15', '-bf', '2', '-q:v', '2'],
		],
		['H.264 transport stream', 'ts', LONG_GOP],
		['AVI with packed frames', 'avi', ['-c:v', 'mpeg4', '-bf', '2', '-q:v', '2']],
		['MXF', 'mxf', ['-c:v', 'mpeg2video', '-g', '12', '-bf', '2', '-q:v', '2']],
		['ten bits', 'mov', ['-c:v', 'prores_ks', '-profile:v', '3', '-pix_fmt', 'yuv422p10le']],
		[
			'HEVC',
			'mp4',
			['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:keyint=48'],
		],
		[
			'VP9 with hidden frames',
			'webm',
			[
				'-c:v',
				'libvpx-vp9',
				'-deadline',
				'realtime',
				'-cpu-used',
				'8',
				'-b:v',
				'1M',
				'-auto-alt-ref',
				'1',
			],
		],
		[
			'fragmented MP4 without an edit list',
			'mp4',
			[...LONG_GOP, '-movflags', '+frag_keyframe+empty_moov'],
		],
	])('%s', async (_, extension, options) => {
		await inFolder(async (folder) => {
			const path = await makeFilm(join(folder, `film.${extension}`), {
				count: 160,
				rate: '25',
				options,
			});
			const times = await presentationTimes(path);
			expect(times).toHaveLength(160);
			const wanted = [0, 1, 2, 3, 11, 12, 13, 47, 48, 49, 100, 101, 143, 144, 145, 158, 159];
			const at = wanted.map((n) => times[n]!);
			expect(await numbersAt(path, at)).toEqual(wanted);
			expect(await numbersAt(path, at.slice(1).map(justBefore))).toEqual(
				wanted.slice(1).map((n) => n - 1),
			);
			// Each by a seek of its own, around the key frames of all the kinds.
			for (const n of [59, 60, 72, 79, 80, 81, 96, 119, 120, 121, 144, 159]) {
				expect(await numbersAt(path, [times[n]!])).toEqual([n]);
			}
		});
	});

	it.each([
		['h264', LONG_GOP],
		['hevc', ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none']],
	])('%s alone, which has no times', async (extension, options) => {
		await inFolder(async (folder) => {
			const film = { count: 160, rate: '25', options };
			const path = await makeFilm(join(folder, `film.${extension}`), film);
			for (const wanted of [[0, 1, 2, 3, 11, 12, 48, 100, 158, 159], [60], [121], [159]]) {
				const at = wanted.map((n) => rational(n, 25));
				expect(await numbersAt(path, at)).toEqual(wanted);
			}
		});
	});

	it.each(['mp4', 'mkv'])('variable frame rate in %s', async (extension) => {
		await inFolder(async (folder) => {
			// Frames last 1.3 or 0.4 times 1/25 s, and one lasts three seconds.
			const path = await makeFilm(join(folder, `film.${extension}`), {
				count: 120,
				rate: '25',
				options: [
					'-vf',
					'setpts=(N+0.3*mod(N\\,3)+gte(N\\,60)*75)/(25*TB)',
					...['-fps_mode', 'vfr', '-enc_time_base', '1/1000'],
					...LONG_GOP,
				],
			});
			const times = await presentationTimes(path);
			const gaps = new Set(
				times.slice(1).map((time, n) => time.num / time.den - times[n]!.num / times[n]!.den),
			);
			expect(gaps.size).toBeGreaterThan(2);
			const wanted = times.map((_, n) => n);
			expect(await numbersAt(path, times)).toEqual(wanted);
			expect(await numbersAt(path, times.slice(1).map(justBefore))).toEqual(wanted.slice(0, -1));
			// In the middle of the frame that lasts.
			const long = times[59]!;
			expect(await numbersAt(path, [rational(long.num + 2 * long.den, long.den)])).toEqual([59]);
		});
	});

	it('an edit list that cuts into the film and times below zero', async () => {
		await inFolder(async (folder) => {
			const whole = await makeFilm(join(folder, 'whole.mp4'), {
				count: 150,
				rate: '25',
				options: LONG_GOP,
			});
			// Copied from a place between key frames: the file keeps the key frame and hides it.
			const cut = join(folder, 'cut.mp4');
			await run(ffmpeg.path, ['-v', 'error', '-ss', '2.0', '-i', whole, '-c', 'copy', cut]);
			const at = [0, 1, 30, 60].map((n) => framesToSeconds(n, { num: 25, den: 1 }));
			expect(await numbersAt(cut, at)).toEqual([50, 51, 80, 110]);

			const below = join(folder, 'below.ts');
			await run(ffmpeg.path, [
				...['-v', 'error', '-itsoffset', '-1.5', '-i', whole, '-c', 'copy', '-copyts'],
				...['-avoid_negative_ts', 'disabled', below],
			]);
			const media = await probe(ffmpeg, below);
			expect(media.video?.start).toEqual({ num: -1, den: 10 });
			expect(await numbersAt(below, at)).toEqual([0, 1, 30, 60]);
			expect(await numbersAt(below, [rational(5), rational(141, 25)])).toEqual([125, 141]);
		});
	});

	it('a still is the same at any time, even with a pattern for a name', async () => {
		await inFolder(async (folder) => {
			const film = await makeFilm(join(folder, 'film.nut'), {
				count: 8,
				rate: '25',
				options: ['-c:v', 'rawvideo'],
			});
			for (const name of ['a%03d.png', 'b*.jpg', '-i.tif', 'c?.webp', 'd:e.bmp']) {
				const path = join(folder, name);
				await run(ffmpeg.path, [
					...['-v', 'error', '-ss', '0.2', '-i', film, '-frames:v', '1', '-update', '1'],
					...[
						'-pix_fmt',
						name.endsWith('jpg') ? 'yuvj420p' : name.endsWith('webp') ? 'yuv420p' : 'rgb24',
					].slice(0, name.endsWith('bmp') ? 0 : 2),
					...['-f', 'image2', path],
				]);
				const media = await probe(ffmpeg, path);
				expect(media.duration).toBeNull();
				expect(media.video?.size).toEqual(PLAIN.size);
				expect(await numbersAt(path, [rational(0), rational(-3), rational(99)])).toEqual([5, 5, 5]);
			}
		});
	});
});

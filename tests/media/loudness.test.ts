import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { decibels, loudness, rms } from '../../inference-daemon/media/loudness.ts';
import { resample } from '../../inference-daemon/media/resample.ts';
import type { Sound } from '../../inference-daemon/media/types.ts';
import { ffmpeg, inFolder } from './media-files.ts';

const RATE = 48_000;

function tone(hertz: number, peak: number, seconds: number): Sound {
	const left = Float32Array.from(
		{ length: seconds * RATE },
		(_, i) => peak * Math.sin((2 * Math.PI * hertz * i) / RATE),
	);
	return { left, right: left };
}

describe('rms', () => {
	it.each([
		['full scale tone', tone(1000, 1, 1), 0, RATE, -3.01],
		['a tenth of it', tone(1000, 0.1, 1), 0, RATE, -23.01],
		['a part', tone(1000, 0.1, 1), 12_000, 24_000, -23.01],
		['beyond the ends', tone(1000, 0.1, 1), -500, 2 * RATE, -23.01],
	])('%s', (_, sound, from, to, expected) => {
		expect(decibels(rms(sound, from, to))).toBeCloseTo(expected, 1);
	});

	it('of nothing is silence', () => {
		expect(rms(tone(1000, 1, 1), 500, 500)).toBe(0);
		expect(decibels(0)).toBe(Number.NEGATIVE_INFINITY);
	});
});

describe('loudness', () => {
	it('of 1 kHz at −23 dBFS is −23 LUFS (EBU Tech 3341, case 1)', () => {
		const sound = tone(1000, 10 ** (-23 / 20), 2);
		expect(loudness(sound, RATE / 2, 2 * RATE)).toBeCloseTo(-23, 1);
	});

	it.each([60, 100, 1000, 2000, 10_000])('of %i Hz agrees with another meter', async (hertz) => {
		await inFolder(async (folder) => {
			const sound = tone(hertz, 0.1, 3);
			const path = join(folder, 'tone.raw');
			await writeFile(path, Buffer.from(sound.left.buffer));
			const { stderr } = await promisify(execFile)(ffmpeg.path, [
				...['-nostats', '-f', 'f32le', '-ar', `${RATE}`, '-ac', '1', '-i', path],
				...['-af', 'pan=stereo|c0=c0|c1=c0,ebur128', '-f', 'null', '-'],
			]);
			const meter = Number(/Integrated loudness:\s+I:\s+(-[\d.]+) LUFS/.exec(stderr)?.[1]);
			expect(Math.abs(loudness(sound, RATE / 2, 3 * RATE) - meter)).toBeLessThan(0.11);
		});
	});

	it('of silence and of nothing is minus infinity', () => {
		expect(loudness(tone(1000, 0, 1), 0, RATE)).toBe(Number.NEGATIVE_INFINITY);
		expect(loudness(tone(1000, 1, 1), 10, 10)).toBe(Number.NEGATIVE_INFINITY);
	});
});

describe('resample', () => {
	it('at whole positions gives the samples themselves', () => {
		const input = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i * i));
		const output = resample(input, 100, 1, 200);
		for (let i = 0; i < 200; i++) expect(output[i]).toBeCloseTo(input[100 + i]!, 6);
	});

	it('a constant stays constant at any step', () => {
		for (const step of [0.3, 0.918_75, 1.5, 3.7, -1.1]) {
			const output = resample(new Float32Array(4000).fill(0.5), 2000, step, 300);
			for (const value of output) expect(Math.abs(value - 0.5)).toBeLessThan(2e-5);
		}
	});

	it.each([0.5, 147 / 160, 320 / 147, 1.5, -0.75, 0.918_751_3, 1.000_002])(
		'a step of %d gives what each of its positions gives alone',
		(step) => {
			const input = Float32Array.from({ length: 700 }, (_, i) => Math.sin(i * i));
			for (const start of [-40, 12.3]) {
				const from = step > 0 ? start : 700 - start;
				const all = resample(input, from, step, 1600);
				const alone = all.map((_, k) => resample(input, from + k * step, step, 1)[0]!);
				for (const [k, value] of all.entries())
					expect(Math.abs(value - alone[k]!)).toBeLessThan(1e-6);
			}
		},
	);
});

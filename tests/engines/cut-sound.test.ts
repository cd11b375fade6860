import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMix, readOwnSound } from '../../inference-daemon/engines/cut-sound.ts';
import { OPEN_GATE } from '../../inference-daemon/engines/gate.ts';
import { inbetween } from '../../inference-daemon/engines/inbetween/engine.ts';
import { readWindowSound } from '../../inference-daemon/engines/ltx2/condition/read-window.ts';
import { workFor } from '../../inference-daemon/engines/ltx2/plan/plan.ts';
import { settingsIn } from '../../inference-daemon/engines/ltx2/plan/settings.ts';
import { decibels, rms } from '../../inference-daemon/media/loudness.ts';
import { readSound } from '../../inference-daemon/media/sound.ts';
import type { Sound } from '../../inference-daemon/media/types.ts';
import { ONE, rational, ZERO } from '../../protocol/time.ts';
import type { ClipSound, ClipSpan } from '../../protocol/timeline.ts';
import { ffmpeg } from '../media/media-files.ts';
import { loudTones, makeTones, openFolder, toneOf } from '../media/tones.ts';
import { context, request, span } from '../requests.ts';

const { signal } = new AbortController();
const RATE = { num: 24, den: 1 };

const { folder, close } = await openFolder();
afterAll(close);
/** Two stereo streams behind picture, two seconds of the tones 0 to 3. */
const camera = join(folder, 'camera.mov');
beforeAll(() => makeTones(camera, [2, 2], ['-c:a', 'aac', '-b:a', '320k'], true));

const clip = (track: string, sound?: ClipSound, range: [number, number] = [0, 24]): ClipSpan =>
	span(range, camera, { track, ...(sound && { sound }) });
const stream = (index: number) => ({ among: 'kind', index }) as const;
const left = (...channels: number[]) => ({ channels: { left: channels, right: [] } });
const right = (...channels: number[]) => ({ channels: { left: [], right: channels } });

const second = { start: 0, end: 48_000 };
const mix = (clips: readonly ClipSpan[]) => readMix(ffmpeg, clips, second, RATE, signal);
/** Height of tones in the quiet middle of a sound. */
const inMiddle = (sound: Sound, from = 9600, to = 38_400): Sound => ({
	left: sound.left.slice(from, to),
	right: sound.right.slice(from, to),
});

describe('what is heard of a cut', () => {
	it.each([
		[
			'two streams of one file',
			[{ stream: stream(0) }, { stream: stream(1) }],
			[
				[0, 2],
				[1, 3],
			],
		],
		[
			'the right channel alone, in the middle',
			[{ channels: { left: [1], right: [1] } }],
			[[1], [1]],
		],
		['a pair of tracks', [left(0), right(1)], [[0], [1]]],
		[
			'two pairs of tracks',
			[left(0), right(1), left(2), right(3)],
			[
				[0, 2],
				[1, 3],
			],
		],
		['a microphone that is not in the cut', [left(2), right(2)], [[2], [2]]],
		['nothing said', [undefined], [[0], [1]]],
	] as const)('%s', async (_, sounds, tones) => {
		const clips = sounds.map((sound, at) => clip(`A${at + 1}`, sound));
		expect(loudTones(inMiddle(await mix(clips)))).toEqual(tones);
	});

	it('a channel on two tracks is twice as loud, each at its own level', async () => {
		const once = toneOf(inMiddle(await mix([clip('A1', left(0))])).left, 400);
		const twice = await mix([clip('A1', left(0)), clip('A2', left(0))]);
		expect(toneOf(inMiddle(twice).left, 400) / once).toBeCloseTo(2, 3);
		const quiet = { ...left(0), level: [{ frame: 0, gain: 0.25 }] };
		const both = await mix([clip('A1', left(0)), clip('A2', quiet)]);
		expect(toneOf(inMiddle(both).left, 400) / once).toBeCloseTo(1.25, 3);
	});

	it('a level that does not change, one that goes down, and silence', async () => {
		const plain = await mix([clip('A1')]);
		const at = async (level: ClipSound['level']) => mix([clip('A1', { level })]);
		const height = (sound: Sound, from: number, to: number) =>
			rms(inMiddle(sound, from, to), 0, to - from) / rms(inMiddle(plain, from, to), 0, to - from);
		const gain = 10 ** (-44 / 20);
		expect(decibels(height(await at([{ frame: 100, gain }]), 0, 48_000))).toBeCloseTo(-44, 2);
		const down = await at([
			{ frame: 6, gain: 1 },
			{ frame: 18, gain: 0 },
		]);
		expect(height(down, 0, 12_000)).toBeCloseTo(1, 3);
		expect(height(down, 23_900, 24_100)).toBeCloseTo(0.5, 2);
		expect(height(down, 36_000, 48_000)).toBe(0);
		expect(height(await at([{ frame: 0, gain: 0 }]), 0, 48_000)).toBe(0);
	});

	it('a clip of picture sounds as it does on its tracks of sound, and past its end too', async () => {
		const picture = span([0, 24], camera);
		const own = (heard: readonly ClipSpan[]) =>
			readOwnSound(ffmpeg, picture, heard, { start: 24_000, end: 72_000 }, RATE, signal);
		const others = [clip('A1', left(2)), clip('A2', right(3))];
		expect(loudTones(await own(others))).toEqual([[2], [3]]);
		expect(loudTones(await own([]))).toEqual([[0], [1]]);
		// Another part of the file, as after a jump cut, is another clip.
		const jumped = others.map((one) => ({ ...one, sourceIn: rational(1, 2) }));
		expect(loudTones(await own(jumped))).toEqual([[0], [1]]);
	});
});

/** A gap of half a second between two clips of one camera, whose second stream alone is in the cut. */
function gap(sound: ClipSound) {
	const [before, after] = [
		span([0, 18], camera),
		span([30, 48], camera, { sourceIn: rational(30, 24) }),
	];
	const tracks = [before, after].map((one) => ({ ...one, track: 'A1', sound }));
	return context({ range: { start: 18, end: 30 }, left: before, right: after, sound: tracks });
}

describe.each([
	['as loud as in the file', 1],
	['at −44 dB', 10 ** (-44 / 20)],
])('sound that the cut has %s', (_, gain) => {
	const sound: ClipSound = { stream: stream(1), level: [{ frame: 0, gain }] };

	it('is what a draft goes on from', async () => {
		const clipPath = join(folder, `draft ${gain}.mov`);
		const wanted = request('fill', gap(sound), {});
		const workplace = { ffmpeg, folder, cache: folder, unfinished: folder, clipPath };
		const clip = await inbetween.generate(wanted, workplace, {
			report: () => {},
			signal,
			gate: OPEN_GATE,
		});
		expect(clip.samples).toBe(24_000);
		const bed = await readSound(ffmpeg, {
			path: clipPath,
			from: ZERO,
			samples: 24_000,
			speed: ONE,
		});
		// The bed starts as the sound before it ends: 0.2 of full scale, less 3 dB for a sine.
		const start = rms(bed, 0, 2400);
		expect(Math.abs(decibels(start / ((0.2 * gain) / Math.SQRT2)))).toBeLessThan(2);
		// Nothing of the microphones that the cut does not use.
		for (const unused of [400, 700]) {
			for (const side of [bed.left, bed.right]) {
				const inCut = toneOf(bed.left, 1000) + toneOf(bed.right, 1300);
				expect(toneOf(side, unused)).toBeLessThan(0.1 * inCut);
			}
		}
	});

	it('is what LTX-2 looks at', async () => {
		const wanted = {
			...request('fill', gap(sound), {}),
			settings: { model: folder, context: 0.5 },
		};
		const work = workFor(wanted, settingsIn(wanted), { stages: 1, referenceScale: 1 });
		const source = {
			ffmpeg,
			request: wanted,
			work,
			pass: work.passes[0]!,
			previous: null,
			signal,
		};
		const window = await readWindowSound(source);
		const { left: before } = source.pass.window;
		const side = inMiddle(window, 0, before * 2000 - 1000);
		const quarter = { left: side.left.slice(-9600), right: side.right.slice(-9600) };
		expect(toneOf(quarter.left, 1000) / (0.2 * gain)).toBeCloseTo(1, 1);
		expect(toneOf(quarter.right, 1300) / (0.2 * gain)).toBeCloseTo(1, 1);
		expect(toneOf(quarter.left, 400)).toBeLessThan(0.01 * gain);
	});
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
	add,
	canDropFrames,
	compare,
	divide,
	floor,
	formatRate,
	formatTimecode,
	frameAt,
	framesToSeconds,
	framesToTicks,
	multiply,
	parseTimecode,
	rational,
	round,
	samplesForFrames,
	subtract,
} from '../../protocol/time.ts';

const R23 = { num: 24000, den: 1001 };
const R24 = { num: 24, den: 1 };
const R25 = { num: 25, den: 1 };
const R29 = { num: 30000, den: 1001 };
const R59 = { num: 60000, den: 1001 };
const RATES = [
	R23,
	R24,
	R25,
	R29,
	R59,
	{ num: 30, den: 1 },
	{ num: 50, den: 1 },
	{ num: 60, den: 1 },
];

describe('rational arithmetic', () => {
	test.each([
		[rational(6, -4), { num: -3, den: 2 }],
		[rational(0, 7), { num: 0, den: 1 }],
		[add(rational(1, 3), rational(1, 6)), { num: 1, den: 2 }],
		[subtract(rational(1, 3), rational(1, 2)), { num: -1, den: 6 }],
		[multiply(rational(1001, 24000), rational(24000)), { num: 1001, den: 1 }],
		[divide(rational(1, 2), rational(-1, 4)), { num: -2, den: 1 }],
	])('%o', (got, wanted) => expect(got).toEqual(wanted));

	test('floor, round and compare on both sides of zero', () => {
		expect([floor(rational(-1, 2)), floor(rational(7, 2)), floor(rational(-4, 2))]).toEqual([
			-1, 3, -2,
		]);
		expect([round(rational(-1, 2)), round(rational(1, 2)), round(rational(-3, 2))]).toEqual([
			0, 1, -1,
		]);
		expect(compare(rational(1, 3), rational(333, 1000))).toBe(1);
	});

	test('what cannot be exact is refused', () => {
		expect(() => rational(1, 0)).toThrow('non-zero denominator');
		expect(() => multiply(rational(2 ** 53 - 1), rational(2 ** 52))).toThrow('too large');
	});

	// Any rate that a file or a cut can have; seconds in any clock, at any speed.
	const half = fc.integer({ min: 1, max: 2 ** 31 - 1 });
	const anyRate = fc
		.record({ num: half, den: half })
		.filter(({ num, den }) => num >= den && num <= 1000 * den);
	const position = fc.integer({ min: -1e6, max: 1e6 });

	test('a position at any rate, sped up and moved, is what it is or a hair later', () => {
		fc.assert(
			fc.property(anyRate, anyRate, anyRate, position, position, (cut, clock, speed, at, start) => {
				const seconds = multiply(framesToSeconds(at, cut), speed);
				const moved = add(seconds, framesToSeconds(start, clock));
				// Over one denominator, as exact as numbers get.
				const den = BigInt(cut.num) * BigInt(speed.den) * BigInt(clock.num);
				const num =
					BigInt(at) * BigInt(cut.den) * BigInt(speed.num) * BigInt(clock.num) +
					BigInt(start) * BigInt(clock.den) * BigInt(cut.num) * BigInt(speed.den);
				const off = BigInt(moved.num) * den - num * BigInt(moved.den);
				expect(off).toBeGreaterThanOrEqual(0n);
				const largest = Math.max(1, ...[seconds, moved].map(({ num, den }) => Math.abs(num / den)));
				const size = Math.max(largest, Math.abs((start * clock.den) / clock.num));
				expect(Number(off) / Number(den) / moved.den).toBeLessThanOrEqual(size * 2 ** -50);
			}),
			{ numRuns: 2000 },
		);
	});

	test('a frame of any rate is itself again by its time, and its samples rise', () => {
		fc.assert(
			fc.property(anyRate, fc.integer({ min: 0, max: 1e6 }), (rate, frame) => {
				expect(frameAt(framesToSeconds(frame, rate), rate)).toBe(frame);
				const samples = [frame, frame + 1].map((at) => samplesForFrames(at, rate));
				const each = (48_000 * rate.den) / rate.num;
				expect(Math.abs(samples[1]! - samples[0]! - each)).toBeLessThanOrEqual(1 + each * 1e-12);
			}),
			{ numRuns: 2000 },
		);
	});
});

describe('samples and ticks', () => {
	test.each([
		[R24, 1, 2000],
		[R23, 1, 2002],
		[R25, 75, 144_000],
		[R29, 1, 1602],
		[R29, 2, 3203],
		[R29, 5, 8008],
		[R59, 1, 801],
		[R59, 3, 2402],
	])('%o × %i is %i samples', (rate, frames, samples) => {
		expect(samplesForFrames(frames, rate)).toBe(samples);
	});

	test.each([
		[R23, '10594584000'],
		[R24, '10584000000'],
		[R25, '10160640000'],
		[R29, '8475667200'],
		[R59, '4237833600'],
	])('a frame at %o is %s ticks', (rate, ticks) => expect(framesToTicks(1, rate)).toBe(ticks));

	test('the tick nearest to a frame, past 2^53', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: -1e7, max: 1e7 }),
				fc.constantFrom(...RATES),
				(frames, rate) => {
					const ticks = BigInt(framesToTicks(frames, rate)) * BigInt(rate.num);
					const off = 2n * (ticks - BigInt(frames) * BigInt(rate.den) * 254_016_000_000n);
					expect(off >= -BigInt(rate.num) && off <= BigInt(rate.num)).toBe(true);
				},
			),
		);
	});

	test('the frame at the exact time of a frame is that frame', () => {
		fc.assert(
			fc.property(fc.integer({ min: 0, max: 1e7 }), fc.constantFrom(...RATES), (frames, rate) => {
				expect(frameAt(framesToSeconds(frames, rate), rate)).toBe(frames);
			}),
		);
	});
});

describe('timecode', () => {
	test.each([
		[R24, 86_399, false, '00:59:59:23'],
		[R23, 24, false, '00:00:01:00'],
		[R29, 1799, true, '00:00:59;29'],
		[R29, 1800, true, '00:01:00;02'],
		[R29, 17_982, true, '00:10:00;00'],
		[R29, 107_892, true, '01:00:00;00'],
		[R59, 3600, true, '00:01:00;04'],
		[R25, -1, false, '-00:00:00:01'],
	])('%o: frame %i is %s', (rate, frames, drop, text) => {
		expect(formatTimecode(frames, rate, drop)).toBe(text);
		expect(parseTimecode(text, rate)).toBe(frames);
	});

	test('there and back for any frame of a day', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 0, max: 2_589_407 }),
				fc.constantFrom(...RATES),
				fc.boolean(),
				(frames, rate, wanted) => {
					const drop = wanted && canDropFrames(rate);
					expect(parseTimecode(formatTimecode(frames, rate, drop), rate)).toBe(frames);
				},
			),
		);
	});

	test.each([
		['1:00', R24, 'Expected a timecode'],
		['00:00:00:24', R24, 'under 24'],
		['00:01:00;00', R29, 'skips'],
		['00:01:00;00', R25, 'does not exist'],
	])('%s at %o is refused', (text, rate, reason) => {
		expect(() => parseTimecode(text, rate)).toThrow(reason);
	});

	test('rates have the names that people use', () => {
		expect(RATES.map(formatRate)).toEqual([
			'23.976',
			'24',
			'25',
			'29.97',
			'59.94',
			'30',
			'50',
			'60',
		]);
	});
});

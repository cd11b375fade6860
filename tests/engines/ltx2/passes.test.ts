import { describe, expect, it } from 'vitest';
import {
	audioTokens,
	audioTokensTo,
	CELL,
} from '../../../inference-daemon/engines/ltx2/diffusion/latent.ts';
import {
	longest,
	mostContext,
	type Pass,
	passesFor,
	type Room,
} from '../../../inference-daemon/engines/ltx2/plan/passes.ts';
import type { FrameRate } from '../../../protocol/time.ts';

const RATES = {
	'1': { num: 1, den: 1 },
	'12': { num: 12, den: 1 },
	'23.976': { num: 24_000, den: 1001 },
	'24': { num: 24, den: 1 },
	'29.97': { num: 30_000, den: 1001 },
	'50': { num: 50, den: 1 },
	'59.94': { num: 60_000, den: 1001 },
	'120': { num: 120, den: 1 },
	'1000': { num: 1000, den: 1 },
} as const satisfies Record<string, FrameRate>;

type Beside = readonly [seconds: number, before: number, after: number];

const ROOMS: readonly Beside[] = [
	[0, 0, 0],
	[1, 1000, 1000],
	[1, 0, 1000],
	[1, 1000, 0],
	[1, 3, 2],
	[0.3, 24, 24],
	[2, 100, 1000],
	[5, 5000, 5000],
];

const START = 100;

function roomAt({ num, den }: FrameRate, [seconds, before, after]: Beside): Room {
	return { context: Math.ceil((seconds * num) / den), before, after };
}

function made(length: number, rate: FrameRate, room: Room): readonly Pass[] {
	return passesFor({ start: START, end: START + length }, rate, room);
}

const CASES = Object.entries(RATES).flatMap(([name, rate]) =>
	ROOMS.map(
		(beside) => [`${name} frames a second, ${beside}`, rate, roomAt(rate, beside)] as const,
	),
);

describe.each(CASES)('passes at %s', (_, rate, room) => {
	const most = longest(rate, room);
	const some = Array.from({ length: 90 }, (_, i) => Math.ceil((most * (i + 1)) / 90));
	const lengths = [...new Set([1, 2, 3, ...some, most - 1])];
	const tried = lengths.map((length) => ({ length, passes: made(length, rate, room) }));

	/** Lengths for which a pass is not as it should be. */
	function wrong(is: (pass: Pass, before: Pass | undefined, isLast: boolean) => boolean): number[] {
		const isWrong = ({ passes }: (typeof tried)[number]) =>
			passes.some((pass, i) => !is(pass, passes[i - 1], i === passes.length - 1));
		return tried.filter(isWrong).map(({ length }) => length);
	}

	it('make up the range, in order and without holes', () => {
		const follows = ({ range, window }: Pass, before: Pass | undefined) =>
			range.start === (before?.range.end ?? START) &&
			range.end > range.start &&
			range.end - range.start === window.gap.end - window.gap.start;
		expect(wrong(follows)).toEqual([]);
		expect(wrong(({ index }, before) => index === (before ? before.index + 1 : 0))).toEqual([]);
		const ends = tried.map(({ passes }) => passes.at(-1)!.range.end - START);
		expect(ends).toEqual(lengths);
	});

	it('have windows on the grid and within the horizon', () => {
		const horizon = Math.min(505, (20 * rate.num) / rate.den);
		expect(wrong(({ window: { frames } }) => frames % 8 === 1 && frames <= horizon)).toEqual([]);
		const fits = ({ window: { left, gap, right, spare, frames } }: Pass) =>
			(left === 0 || left % 8 === 1) &&
			gap.start === left &&
			gap.end + right + spare === frames &&
			spare >= 0;
		expect(wrong(fits)).toEqual([]);
	});

	it('have sound to make, even for a frame', () => {
		expect(wrong(({ window: { frames } }) => audioTokens(frames, rate) >= 1)).toEqual([]);
		const seconds = ({ window: { frames } }: Pass) => (frames * rate.den) / rate.num;
		expect(wrong((pass) => seconds(pass) >= 0.08)).toEqual([]);
		// Of n tokens, 4n − 3 hundredths of a second are made: never less than the gap, nor much more.
		const reaches = ({ window: { gap, frames } }: Pass) => {
			const made = 4 * audioTokensTo(gap.end, frames, rate) - 3;
			const least = 4 * audioTokens(frames, rate) - 3;
			const wanted = (100 * gap.end * rate.den) / rate.num;
			return made >= wanted - 1e-6 && (made === least || made < wanted + 12);
		};
		expect(wrong(reaches)).toEqual([]);
	});

	it('see the neighbours beside the range, and what was made beside each other', () => {
		const wanted = Math.min(room.context, mostContext(rate));
		const onLeft = ({ window: { left } }: Pass, before: Pass | undefined) => {
			if (before) return left > 0 && left <= before.range.end - before.range.start;
			return left <= room.before && (left >= wanted || left > room.before - 8);
		};
		expect(wrong(onLeft)).toEqual([]);
		const onRight = ({ window: { right, spare } }: Pass, _: unknown, isLast: boolean) => {
			if (!isLast) return right === 0 && spare === 0;
			return right <= room.after && right >= Math.min(wanted, room.after);
		};
		expect(wrong(onRight)).toEqual([]);
	});

	it('are as few as can be, none much shorter than another', () => {
		const held = [1, 2, 3, 4].map((count) =>
			Math.max(...tried.filter(({ passes }) => passes.length <= count).map(({ length }) => length)),
		);
		const few = tried.map(({ length }) => 1 + held.findIndex((most) => length <= most));
		expect(tried.map(({ passes }) => passes.length)).toEqual(few);
		const uneven = tried.filter(({ passes }) => {
			const each = passes.map(({ range }) => range.end - range.start);
			return Math.min(...each) < Math.max(...each) / 3 - CELL.frames;
		});
		expect(uneven).toEqual([]);
	});

	it('are refused for one frame more than the limit, which is named', () => {
		expect(made(most, rate, room).length).toBeLessThanOrEqual(4);
		expect(() => made(most + 1, rate, room)).toThrow(
			new RegExp(`^Expected at most ${most} frames at [\\d.]+ frames per second, got ${most + 1}$`),
		);
	});
});

/** Frames on the left and the right of each pass. */
const SIDES: readonly [keyof typeof RATES, Beside, number, readonly (readonly number[])[]][] = [
	['24', [1, 1000, 1000], 121, [[25, 31]]],
	['24', [5, 1000, 1000], 231, [[121, 121]]],
	[
		'24',
		[5, 1000, 1000],
		232,
		[
			[121, 0],
			[25, 128],
		],
	],
	['59.94', [1, 1000, 1000], 60, [[65, 68]]],
	// Five seconds would leave nothing between them.
	['59.94', [5, 1000, 1000], 60, [[161, 164]]],
	[
		'59.94',
		[5, 1000, 1000],
		400,
		[
			[161, 0],
			[65, 168],
		],
	],
	['24', [0, 0, 0], 473, [[0, 0]]],
	[
		'24',
		[0, 0, 0],
		474,
		[
			[0, 0],
			[25, 0],
		],
	],
];

it.each(SIDES)('at %s with %j beside, %d frames see %j', (name, beside, length, sides) => {
	const passes = made(length, RATES[name], roomAt(RATES[name], beside));
	expect(passes.map(({ window: { left, right } }) => [left, right])).toEqual(sides);
});

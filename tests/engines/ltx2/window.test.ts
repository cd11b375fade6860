import { describe, expect, it } from 'vitest';
import {
	snapDown,
	snapUp,
	windowAround,
	workSize,
} from '../../../inference-daemon/engines/ltx2/plan/window.ts';

const MUCH = { before: 1000, after: 1000 };

it.each([
	// gap, context, left, right, spare, frames
	[24, 24, 25, 32, 0, 81],
	[25, 24, 25, 31, 0, 81],
	[1, 24, 25, 31, 0, 57],
	[120, 24, 25, 32, 0, 177],
	[60, 60, 65, 68, 0, 193],
	[24, 0, 0, 1, 0, 25],
] as const)('a gap of %d frames with %d of context: %d left, %d right', (gap, context, ...rest) => {
	const window = windowAround(gap, context, MUCH);
	const [left, right, spare, frames] = rest as [number, number, number, number];
	expect(window).toEqual({
		left,
		right,
		spare,
		frames,
		gap: { start: left, end: left + gap },
	});
});

describe('every window', () => {
	it('is whole: on the grid, the gap uncut, no more given than there is, the left on a cell’s edge', () => {
		for (let gap = 1; gap < 60; gap++) {
			for (const context of [0, 1, 12, 24, 30, 60]) {
				for (const before of [0, 1, 7, 9, 24, 25, 26, 500]) {
					for (const after of [0, 1, 5, 24, 500]) {
						const window = windowAround(gap, context, { before, after });
						const { left, right, spare, frames } = window;
						expect((frames - 1) % 8).toBe(0);
						expect(left === 0 || (left - 1) % 8 === 0).toBe(true);
						expect(left).toBeLessThanOrEqual(before);
						expect(right).toBeLessThanOrEqual(after);
						expect(left + gap + right + spare).toBe(frames);
						expect(window.gap).toEqual({ start: left, end: left + gap });
						expect(right).toBeGreaterThanOrEqual(
							Math.min(after, context > 0 ? snapUp(context) : 0),
						);
						if (before >= snapUp(context) && context > 0) expect(left).toBe(snapUp(context));
						// Frames are made in vain only where the material ends.
						if (spare > 0) expect(right).toBe(after);
						expect(spare).toBeLessThan(8);
					}
				}
			}
		}
	});

	it('refuses what is no gap', () => {
		expect(() => windowAround(0, 24, MUCH)).toThrow('Expected a gap, got 0');
	});
});

it('lengths snap to 8k + 1', () => {
	expect([0, 1, 2, 9, 10, 17].map(snapUp)).toEqual([1, 1, 9, 9, 17, 17]);
	expect([0, 1, 8, 9, 16, 17].map(snapDown)).toEqual([0, 1, 1, 9, 9, 17]);
});

describe('the size to work at', () => {
	it.each([
		[1920, 1080, 768 * 448, 32, 800, 448],
		[1080, 1920, 768 * 448, 32, 448, 800],
		[1920, 1080, 1920 * 1088, 64, 1920, 1088],
		[3840, 2160, 768 * 512, 32, 864, 480],
		[1080, 1080, 512 * 512, 32, 512, 512],
		[64, 48, 768 * 512, 32, 96, 64],
		[8, 8, 768 * 512, 32, 64, 64],
		[8, 640, 768 * 512, 32, 64, 704],
	])('of %d×%d with %d pixels on a grid of %d is %d×%d', (width, height, pixels, grid, w, h) => {
		const found = workSize({ width, height }, pixels, grid);
		expect([found.width, found.height]).toEqual([w, h]);
	});

	it('holds the picture unstretched and leaves little empty', () => {
		for (const [width, height] of [
			...([
				[1920, 1080],
				[1998, 1080],
				[2048, 858],
				[720, 576],
				[1080, 1350],
			] as const),
			...([
				[1440, 1080],
				[3840, 1600],
				[1080, 1920],
				[960, 540],
			] as const),
		]) {
			for (const grid of [32, 64]) {
				const found = workSize({ width, height }, 768 * 512, grid);
				const { inner } = found;
				expect(found.width % grid).toBe(0);
				expect(found.height % grid).toBe(0);
				expect(inner.width).toBeLessThanOrEqual(found.width);
				expect(inner.height).toBeLessThanOrEqual(found.height);
				const stretch = inner.width / inner.height / (width / height);
				expect(Math.abs(stretch - 1)).toBeLessThan(0.005);
				const used = (inner.width * inner.height) / (found.width * found.height);
				expect(used, `${width}×${height} on ${grid}`).toBeGreaterThan(0.88);
				const pixels = found.width * found.height;
				expect(pixels / (768 * 512)).toBeGreaterThan(0.7);
				expect(pixels / (768 * 512)).toBeLessThan(1.4);
			}
		}
	});
});

import { describe, expect, it } from 'vitest';
import {
	middles,
	rotaryTable,
	type Table,
} from '../../../inference-daemon/engines/ltx2/networks/rope.ts';
import { errorOf, goldenCase } from './golden.ts';

/** [1, heads, tokens, half] as [tokens, heads, half]. */
function byToken({ data, shape }: Table): Table {
	const [, heads, tokens, half] = shape as [number, number, number, number];
	const turned = new Float32Array(data.length);
	for (let head = 0; head < heads; head++) {
		for (let token = 0; token < tokens; token++) {
			const from = (head * tokens + token) * half;
			turned.set(data.subarray(from, from + half), (token * heads + head) * half);
		}
	}
	return { data: turned, shape: [tokens, heads, half] };
}

describe('rotary tables', () => {
	it.each([
		...['uniform', 'uniform-large', 'first-frame-strength'].flatMap((name) => [
			['dit-2.0', name, { video: 32, audio: 16, heads: 2 }] as const,
			['dit-2.3', name, { video: 40, audio: 24, heads: 4 }] as const,
			['dit-2.5', name, { video: 32, audio: 16, heads: 2 }] as const,
		]),
		['dit-2.5', 'keyframe-slot', { video: 32, audio: 16, heads: 2 }] as const,
	])('of %s %s are the reference’s', async (network, name, { video, audio, heads }) => {
		const { tensors } = await goldenCase(network, name);
		const positions = (stream: string) => {
			const { data, shape } = tensors[`in.${stream}_positions`]!;
			return middles({ data, shape: shape.slice(1) });
		};
		const [x, y] = [positions('video'), positions('audio')];
		const tables = {
			video_rope: rotaryTable(x, { width: video, heads, maxPositions: [20, 2048, 2048] }),
			audio_rope: rotaryTable(y, { width: audio, heads, maxPositions: [20] }),
			video_cross_rope: rotaryTable([x[0]!], { width: audio, heads, maxPositions: [20] }),
			audio_cross_rope: rotaryTable(y, { width: audio, heads, maxPositions: [20] }),
		};
		for (const [key, { cos, sin }] of Object.entries(tables)) {
			expect(errorOf(cos, byToken(tensors[`mid.${key}_cos`]!))).toBeLessThan(2e-6);
			expect(errorOf(sin, byToken(tensors[`mid.${key}_sin`]!))).toBeLessThan(2e-6);
		}
	});

	it('at full width have the two leading zero angles and a table of its own for each head', () => {
		// Frame 1, row 1, column 5 of a latent at 24 frames per second.
		const seconds = (1 / 24 + 9 / 24) / 2;
		const positions = [seconds, 48, 176].map((position) => Float32Array.of(position));
		const { cos, sin } = rotaryTable(positions, {
			width: 4096,
			heads: 32,
			maxPositions: [20, 2048, 2048],
		});
		close(
			cos.data.subarray(0, 8),
			[1, 1, 0.032719, 0.073564, 0.266713, 0.011781, 0.05322, 0.249601],
		);
		close(
			sin.data.subarray(2, 8),
			[-0.999465, -0.99729, -0.963776, -0.999931, -0.998583, -0.968349],
		);
		close(cos.data.subarray(-4), [-0.999995, 0.865942, 0.382549, -0.382818]);
	});

	it('refuse positions that do not fit their limits', () => {
		const positions = [Float32Array.of(1, 2), Float32Array.of(1)];
		const options = { width: 16, heads: 2 };
		expect(() => rotaryTable(positions, { ...options, maxPositions: [20, 20] })).toThrow(
			'Expected 2 axes of as many positions, got [2,1]',
		);
		expect(() => rotaryTable([positions[0]!], { ...options, maxPositions: [20, 20] })).toThrow(
			'Expected 2 axes',
		);
		expect(() => rotaryTable([positions[0]!], { width: 18, heads: 4, maxPositions: [20] })).toThrow(
			'Expected a width of pairs in 4 heads, got 18',
		);
	});
});

function close(got: Float32Array, expected: readonly number[]): void {
	expect(got.length).toBe(expected.length);
	for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, 5);
}

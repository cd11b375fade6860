import { describe, expect, it } from 'vitest';
import { bridgeWithinBars } from '../../../inference-daemon/engines/inbetween/bars.ts';
import type { Side } from '../../../inference-daemon/engines/inbetween/bridge.ts';
import { kernelModule, loadKernels } from '../../../inference-daemon/engines/inbetween/kernels.ts';
import { frame, psnr, type Texture, texture } from './shots.ts';

const [WIDTH, HEIGHT, COUNT] = [160, 120, 15];
const PIXELS = WIDTH * HEIGHT;
type Edges = {
	readonly left?: number;
	readonly top?: number;
	readonly right?: number;
	readonly bottom?: number;
};
type Format = 'yuv420p' | 'yuv422p10le';

const [first, second] = [texture(1), texture(2)];
/** Moves up and to the left, fast enough that bars which moved along would be seen to. */
const pan =
	(look: Texture, t: number): Texture =>
	(x, y) =>
		look(x + 1.2 * t, y + 1.6 * t) + 20;

function boxed(look: Texture, { left = 0, top = 0, right = 0, bottom = 0 }: Edges): Texture {
	return (x, y) =>
		x < left || y < top || x >= WIDTH - right || y >= HEIGHT - bottom ? 16 : look(x, y);
}

async function drawn(
	from: Texture,
	to: Texture,
	bars: readonly [Edges, Edges],
	format: Format = 'yuv420p',
) {
	const side = (look: Texture, at: number, inner: number, edges: Edges): Side => ({
		edge: frame(WIDTH, HEIGHT, boxed(pan(look, at), edges), format),
		inner: frame(WIDTH, HEIGHT, boxed(pan(look, inner), edges), format),
		distance: 3,
	});
	const kernels = loadKernels(await kernelModule());
	const left = side(from, 0, -3, bars[0]);
	const right = side(to, COUNT + 1, COUNT + 4, bars[1]);
	const bridge = bridgeWithinBars(kernels, { left, right, count: COUNT, settle: 24 });
	const frames = Array.from({ length: COUNT }, (_, i) => {
		const data = bridge.draw(i).slice();
		if (format === 'yuv420p') return data;
		return Uint8Array.from(new Uint16Array(data.buffer), (value) => Math.round(value / 4));
	});
	return { frames, regime: bridge.regime };
}

/** How many lines along an edge are black from end to end; the next one must not be black at all. */
function barAt(data: Uint8Array, edge: keyof Edges): number {
	const isRow = edge === 'top' || edge === 'bottom';
	const across = isRow ? HEIGHT : WIDTH;
	const share = (line: number) => {
		const at = edge === 'top' || edge === 'left' ? line : across - 1 - line;
		const length = isRow ? WIDTH : HEIGHT;
		let black = 0;
		for (let i = 0; i < length; i++) {
			if (data[isRow ? at * WIDTH + i : i * WIDTH + at]! <= 20) black += 1;
		}
		return black / length;
	};
	let bar = 0;
	while (bar < across && share(bar) === 1) bar += 1;
	expect(share(bar), `${edge}, line ${bar}`).toBeLessThan(0.75);
	return bar;
}

describe('black bars of both sides', () => {
	for (const [name, edges] of [
		['letterbox', { top: 14, bottom: 14 }],
		['letterbox of odd height', { top: 13, bottom: 15 }],
		['pillarbox', { left: 20, right: 20 }],
		['one line', { bottom: 1 }],
		['one column', { left: 1 }],
		['all round', { left: 9, top: 7, right: 11, bottom: 8 }],
	] as const) {
		for (const format of ['yuv420p', 'yuv422p10le'] as const) {
			it(`stay where they are while the picture moves: ${name}, ${format}`, async () => {
				const { frames, regime } = await drawn(first, first, [edges, edges], format);
				expect(regime).toBe('scene');
				frames.forEach((data, i) => {
					for (const [edge, width] of Object.entries(edges)) {
						expect(barAt(data, edge as keyof Edges), `frame ${i}, ${edge}`).toBe(width);
					}
					const truth = frame(WIDTH, HEIGHT, boxed(pan(first, i + 1), edges)).data;
					expect(psnr(data, truth, PIXELS), `frame ${i}`).toBeGreaterThan(24);
				});
			});
		}
	}

	it('stay where they are in a wipe from shot to shot', async () => {
		const edges = { top: 14, bottom: 14 };
		const { frames, regime } = await drawn(first, second, [edges, edges]);
		expect(regime).toBe('shots');
		for (const data of frames)
			expect([barAt(data, 'top'), barAt(data, 'bottom')]).toEqual([14, 14]);
	});
});

describe('bars that differ', () => {
	for (const [name, looks, bars] of [
		['a pillarbox on the left alone', [first, second], [{ left: 20, right: 20 }, {}]],
		['a pillarbox on the right alone', [first, first], [{}, { left: 20, right: 20 }]],
		[
			'letterboxes of two heights',
			[first, first],
			[
				{ top: 8, bottom: 8 },
				{ top: 21, bottom: 21 },
			],
		],
		[
			'a letterbox and a pillarbox',
			[first, second],
			[
				{ top: 14, bottom: 14 },
				{ left: 20, right: 20 },
			],
		],
	] as const) {
		it(`open and close without a step: ${name}`, async () => {
			const { frames } = await drawn(...looks, bars as unknown as [Edges, Edges]);
			for (const edge of ['left', 'top', 'right', 'bottom'] as const) {
				const [from, to] = bars.map((edges) => (edges as Edges)[edge] ?? 0) as [number, number];
				const found = [from, ...frames.map((data) => barAt(data, edge)), to];
				for (let i = 1; i < found.length; i++) {
					const step = (found[i]! - found[i - 1]!) * Math.sign(to - from);
					expect(step, `${edge}, frame ${i}: ${found}`).toBeGreaterThanOrEqual(0);
					expect(Math.abs(found[i]! - found[i - 1]!), `${edge}: ${found}`).toBeLessThan(12);
				}
			}
		});
	}
});

describe('what is no bar', () => {
	it('a dark part of a picture moves with it', async () => {
		const dark: Texture = (x, y) => (y < 20 ? 16 : first(x, y));
		const { frames } = await drawn(dark, dark, [{}, {}]);
		// Its edge has moved up and out of the picture on the right.
		expect(barAt(frames[COUNT - 1]!, 'top')).toBe(0);
	});
});

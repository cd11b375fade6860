import { describe, expect, it } from 'vitest';
import {
	type Bridge,
	buildBridge,
	type Side,
} from '../../../inference-daemon/engines/inbetween/bridge.ts';
import { kernelModule, loadKernels } from '../../../inference-daemon/engines/inbetween/kernels.ts';
import { change, dissolve, edgeEnergy, frame, psnr, type Texture, texture } from './shots.ts';

const WIDTH = 160;
const HEIGHT = 90;
const PIXELS = WIDTH * HEIGHT;

/** A shot: what its frame at time `t` looks like. */
type Shot = (t: number) => Texture;

const still: Shot = () => texture(1);
const other: Shot = () => texture(2);
const pan: Shot = (t) => (x, y) => texture1(x + 1.7 * t, y + 0.4 * t);
const texture1 = texture(1);
const texture2 = texture(2);
const zoom: Shot = (t) => (x, y) => {
	const scale = 1 / (1 + 0.012 * t);
	return texture1(80 + (x - 80) * scale, 45 + (y - 45) * scale);
};
const disc: Shot = (t) => (x, y) => {
	const cx = 40 + 2 * t;
	return Math.hypot(x - cx, y - 45) < 22 ? texture2(x - cx, y) : texture1(x, y);
};
/** Moves by nearly four of its own periods in 30 frames: each stripe finds another in its place. */
const stripes: Shot = (t) => {
	const cx = 62 + t;
	const cy = 50 - t / 3;
	return (x, y) => {
		if (Math.hypot(x - cx, y - cy) >= 24) return texture1(x - 0.6 * t, y);
		return 128 + 70 * Math.sin(((x - cx) * 2 * Math.PI) / 8);
	};
};

const shown = (shot: Shot, t: number) => frame(WIDTH, HEIGHT, shot(t));
const leftSide = (shot: Shot, t = 0): Side => ({
	edge: shown(shot, t),
	inner: shown(shot, t - 3),
	distance: 3,
});
const rightSide = (shot: Shot, t: number): Side => ({
	edge: shown(shot, t),
	inner: shown(shot, t + 3),
	distance: 3,
});

async function bridge(left: Side | null, right: Side | null, count: number): Promise<Bridge> {
	const kernels = loadKernels(await kernelModule());
	return buildBridge(kernels, { left, right, count, settle: 24 });
}

function drawAll(built: Bridge, count: number): Uint8Array[] {
	return Array.from({ length: count }, (_, i) => built.draw(i).slice());
}

describe('one scene on both sides', () => {
	for (const [name, shot, margin] of [
		['pan', pan, 8],
		['zoom', zoom, 6],
		['disc over a background', disc, 3],
	] as const) {
		it(`is nearer to the truth than a dissolve: ${name}`, async () => {
			const count = 15;
			const [left, right] = [leftSide(shot), rightSide(shot, count + 1)];
			const built = await bridge(left, right, count);
			expect(built.regime).toBe('scene');
			for (const at of [3, 7, 11]) {
				const truth = shown(shot, at + 1).data;
				const share = (at + 1) / (count + 1);
				const plain = psnr(dissolve(left.edge, right.edge, share), truth, PIXELS);
				expect(psnr(built.draw(at), truth, PIXELS)).toBeGreaterThan(plain + margin);
			}
		});
	}

	it('follows stripes to themselves, not to the stripes that take their place', async () => {
		const count = 29;
		const built = await bridge(leftSide(stripes), rightSide(stripes, count + 1), count);
		expect(built.regime).toBe('scene');
		for (const at of [5, 11, 17]) {
			const [cx, cy] = [62 + at + 1, 50 - (at + 1) / 3];
			const body = (data: Uint8Array) =>
				data
					.subarray(0, PIXELS)
					.filter((_, i) => Math.hypot((i % WIDTH) - cx, Math.floor(i / WIDTH) - cy) < 22);
			const truth = body(shown(stripes, at + 1).data);
			expect(psnr(body(built.draw(at)), truth, truth.length), `frame ${at}`).toBeGreaterThan(27);
		}
	});

	it('goes on through both joins without a jolt', async () => {
		const count = 12;
		const built = await bridge(leftSide(pan), rightSide(pan, count + 1), count);
		const drawn = drawAll(built, count);
		const own = change(shown(pan, -1).data, shown(pan, 0).data, PIXELS);
		const all = [shown(pan, 0).data, ...drawn, shown(pan, count + 1).data];
		for (let i = 1; i < all.length; i++) {
			const step = change(all[i - 1]!, all[i]!, PIXELS);
			expect(step, `frame ${i}`).toBeLessThan(own * 1.35);
			expect(step, `frame ${i}`).toBeGreaterThan(own * 0.55);
		}
	});

	it('keeps the speed of each side where that differs from the way across', async () => {
		// 1.7 px a frame on the left, at rest on the right.
		const rest: Shot = () => pan(14);
		const built = await bridge(leftSide(pan), rightSide(rest, 0), 30);
		expect(built.regime).toBe('scene');
		const own = change(shown(pan, 0).data, shown(pan, 1).data, PIXELS);
		const first = change(shown(pan, 0).data, built.draw(0), PIXELS);
		expect(first).toBeGreaterThan(own * 0.7);
		expect(psnr(built.draw(0), shown(pan, 1).data, PIXELS)).toBeGreaterThan(28);
		// The straight way across is 0.8 px a frame: the last step is to be less.
		const last = change(built.draw(28).slice(), built.draw(29), PIXELS);
		expect(last).toBeLessThan(own * 0.35);
	});

	it('does not go on with the swing of a hand that shakes', async () => {
		const shaking: Shot = (t) => pan(4 * Math.sin((t * 2 * Math.PI) / 9));
		const built = await bridge(leftSide(shaking), rightSide(shaking, 27), 26);
		for (const at of [5, 10, 20]) {
			expect(psnr(built.draw(at), shown(shaking, 0).data, PIXELS)).toBeGreaterThan(35);
		}
	});

	it('takes no speed from a picture on the other side of a cut', async () => {
		const joined: Shot = (t) => (t < 0 ? other(t) : still(t));
		const built = await bridge(leftSide(joined), rightSide(still, 9), 8);
		for (const drawn of drawAll(built, 8)) {
			expect(psnr(drawn, shown(still, 0).data, PIXELS)).toBeGreaterThan(40);
		}
	});

	it('dissolves where the sides show different things, and moves the rest', async () => {
		const within = (x: number, y: number) => Math.abs(x - 80) < 24 && Math.abs(y - 45) < 16;
		const changing: Shot = (t) => (x, y) =>
			within(x, y) ? (t < 8 ? texture2 : texture(3))(x, y) : pan(t)(x, y);
		const [left, right] = [leftSide(changing), rightSide(changing, 16)];
		const built = await bridge(left, right, 15);
		expect(built.regime).toBe('scene');
		const inner = (data: Uint8Array) =>
			data.filter((_, i) => {
				const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
				return i < PIXELS && Math.abs(x - 80) < 14 && Math.abs(y - 45) < 8;
			});
		for (const at of [4, 7, 10]) {
			const drawn = built.draw(at);
			const plain = inner(dissolve(left.edge, right.edge, (at + 1) / 16));
			expect(psnr(inner(drawn), plain, plain.length), `frame ${at}`).toBeGreaterThan(30);
			const top = 12 * WIDTH;
			expect(psnr(drawn, shown(changing, at + 1).data, top), `frame ${at}`).toBeGreaterThan(25);
		}
	});

	it('stays put where nothing moves', async () => {
		const built = await bridge(leftSide(still), rightSide(still, 9), 8);
		for (const drawn of drawAll(built, 8)) {
			expect(psnr(drawn, shown(still, 0).data, PIXELS)).toBeGreaterThan(45);
		}
	});

	it('turns one exposure into the other step by step', async () => {
		const darker: Shot = (t) => (x, y) => 16 + (pan(t)(x, y) - 16) * 0.8;
		const built = await bridge(leftSide(pan), rightSide(darker, 31), 30);
		expect(built.regime).toBe('scene');
		const mean = (data: Uint8Array) => data.subarray(0, PIXELS).reduce((a, b) => a + b, 0) / PIXELS;
		const means = [shown(pan, 0).data, ...drawAll(built, 30), shown(darker, 31).data].map(mean);
		for (let i = 1; i < means.length; i++) {
			expect(Math.abs(means[i]! - means[i - 1]!), `frame ${i}`).toBeLessThan(2.5);
		}
	});
});

describe('two different shots', () => {
	it('are never mixed over the whole picture', async () => {
		const count = 30;
		const built = await bridge(leftSide(pan), rightSide(other, count + 1), count);
		expect(built.regime).toBe('shots');
		const sides = [shown(pan, 0).data, shown(other, 0).data];
		const energy = (data: Uint8Array) => edgeEnergy(data, WIDTH, HEIGHT);
		const least = Math.min(...sides.map(energy));
		// A mixture has about half the energy: the measure sees what it is there to see.
		const mixed = dissolve(shown(pan, 0), shown(other, 0), 0.5);
		expect(energy(mixed)).toBeLessThan(least * 0.7);
		drawAll(built, count).forEach((drawn, i) => {
			expect(energy(drawn), `frame ${i}`).toBeGreaterThan(least * 0.75);
		});
	});

	it('goes on with the motion of each side at its join', async () => {
		const built = await bridge(leftSide(pan), rightSide(other, 0), 30);
		const nearer = psnr(built.draw(0), shown(pan, 1).data, PIXELS);
		expect(nearer).toBeGreaterThan(psnr(shown(pan, 0).data, shown(pan, 1).data, PIXELS) + 4);
		expect(psnr(built.draw(29), shown(other, 0).data, PIXELS)).toBeGreaterThan(40);
	});

	it('come up from black evenly', async () => {
		const black: Shot = () => () => 16;
		const built = await bridge(leftSide(black), rightSide(pan, 0), 20);
		expect(built.regime).toBe('fade');
		const means = drawAll(built, 20).map((data) =>
			data.subarray(0, PIXELS).reduce((a, b) => a + b),
		);
		for (let i = 1; i < means.length; i++) expect(means[i]!).toBeGreaterThanOrEqual(means[i - 1]!);
	});
});

describe('one side alone', () => {
	it('goes on from the left and comes to rest', async () => {
		const built = await bridge(leftSide(pan), null, 60);
		expect(built.regime).toBe('one-sided');
		expect(psnr(built.draw(0), shown(pan, 1).data, PIXELS)).toBeGreaterThan(30);
		const late = change(built.draw(58).slice(), built.draw(59), PIXELS);
		expect(late).toBeLessThan(0.05);
	});

	it('comes to the right from rest', async () => {
		const built = await bridge(null, rightSide(pan, 0), 60);
		expect(psnr(built.draw(59), shown(pan, -1).data, PIXELS)).toBeGreaterThan(30);
		expect(change(built.draw(0).slice(), built.draw(1), PIXELS)).toBeLessThan(0.05);
	});
});

describe('pictures of any shape', () => {
	for (const [width, height] of [
		[8, 8],
		[2, 2],
		[33, 17],
		[17, 64],
		[101, 57],
	] as const) {
		for (const format of ['yuv420p', 'yuv422p10le'] as const) {
			it(`${width} × ${height} ${format}`, async () => {
				const side = (look: Texture): Side => ({
					edge: frame(width, height, look, format),
					inner: null,
					distance: 0,
				});
				const left = side(texture1);
				const built = await bridge(left, side(texture1), 3);
				const drawn = built.draw(1);
				expect(drawn.length).toBe(left.edge.data.length);
				if (format === 'yuv422p10le') {
					expect(Math.max(...new Uint16Array(drawn.slice().buffer))).toBeLessThan(1024);
				}
				const unlike = left.edge.data.filter((value, i) => Math.abs(value - drawn[i]!) > 1);
				// In 10 bit a byte may differ by a carry.
				expect(unlike.length).toBeLessThanOrEqual(left.edge.data.length * 0.02);
			});
		}
	}

	it('draws 10 bit as it draws 8 bit', async () => {
		const make = (format: 'yuv420p' | 'yuv422p10le') => {
			const at = (t: number) => frame(WIDTH, HEIGHT, pan(t), format);
			return bridge(
				{ edge: at(0), inner: at(-3), distance: 3 },
				{ edge: at(9), inner: at(12), distance: 3 },
				8,
			);
		};
		const eight = (await make('yuv420p')).draw(4).subarray(0, PIXELS);
		const ten = new Uint16Array((await make('yuv422p10le')).draw(4).slice().buffer);
		const back = Uint8Array.from(ten.subarray(0, PIXELS), (value) => Math.round(value / 4));
		expect(psnr(eight, back, PIXELS)).toBeGreaterThan(38);
	});

	it('fills gaps of one and two frames', async () => {
		for (const count of [1, 2]) {
			const built = await bridge(leftSide(pan), rightSide(pan, count + 1), count);
			for (let i = 0; i < count; i++) {
				expect(psnr(built.draw(i), shown(pan, i + 1).data, PIXELS)).toBeGreaterThan(30);
			}
			const shots = await bridge(leftSide(pan), rightSide(other, 0), count);
			const drawn = shots.draw(count - 1).slice();
			const near = Math.max(
				...[shown(pan, count), shown(pan, count - 1), shown(other, 0)].map((one) =>
					psnr(drawn, one.data, PIXELS),
				),
			);
			expect(near).toBeGreaterThan(24);
		}
	});

	it('draws the same again, in any order', async () => {
		const make = () => bridge(leftSide(disc), rightSide(disc, 11), 10);
		const forwards = drawAll(await make(), 10);
		const again = await make();
		for (let i = 9; i >= 0; i--) expect(again.draw(i)).toEqual(forwards[i]);
	});
});

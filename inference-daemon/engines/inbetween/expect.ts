import { type Expectation, type Pyramid, patchCentre } from './flow.ts';
import type { Motion } from './motion.ts';

/** What another motion must fit better by, as the squared difference of a patch. */
const WEIGHT = 6;

/** Speeds are known to about this many pixels of the finest level a frame. */
const PRECISION = 0.035;

/** Where a patch's speed is trusted less than this, nothing is expected of it. */
const LEAST_TRUST = 0.3;

/**
 * What the patches of `here` move by in `frames` frames (negative: back in time) if they keep the
 * speed (motion per frame) that they have there and, where they arrive, on the other side. null
 * where no speed is known.
 */
export function expectMotion(
	here: Pyramid,
	own: Motion | null,
	other: Motion | null,
	frames: number,
): Expectation | null {
	if (own === null) return null;
	const scale = own.factor / here.factor;
	const ways = new Float32Array(own.trust.length * 4);
	for (let at = 0; at < own.trust.length; at++) {
		if (own.trust[at]! >= LEAST_TRUST) ways.set(wayOf(own, other, at, frames, scale), at * 4);
	}
	return ({ width, height, columns, rows }, index) => {
		const finer = 2 ** index;
		const expected = new Float32Array(columns * rows * 4);
		for (let at = 0; at < columns * rows; at++) {
			const x = (patchCentre(at % columns, width) * finer) / scale;
			const y = (patchCentre(Math.floor(at / columns), height) * finer) / scale;
			const from = nearestPatch(own, x, y) * 4;
			expected[at * 4] = ways[from]! / finer;
			expected[at * 4 + 1] = ways[from + 1]! / finer;
			expected[at * 4 + 2] = ways[from + 2]!;
			expected[at * 4 + 3] = Math.max(0.75, ways[from + 3]! / finer);
		}
		return expected;
	};
}

/**
 * The mean of both sides' speeds where they tell of one thing that moves; else its own speed, as a
 * mere proposal. In pixels of the finest level, of which `scale` make one of the speeds'.
 */
function wayOf(
	own: Motion,
	other: Motion | null,
	at: number,
	frames: number,
	scale: number,
): readonly [u: number, v: number, weight: number, radius: number] {
	const [ownU, ownV] = [own.motion[at * 2]!, own.motion[at * 2 + 1]!];
	const x = (at % own.columns) * 4 + 4;
	const y = Math.floor(at / own.columns) * 4 + 4;
	const unsure = PRECISION * Math.abs(frames);
	let [u, v, weight] = [ownU * frames, ownV * frames, WEIGHT / 2];
	const far = Math.hypot(u, v);
	for (let round = 0; round < 2 && other !== null; round++) {
		const there = nearestPatch(other, x + u, y + v);
		if (other.trust[there]! < LEAST_TRUST) break;
		const otherU = other.motion[there * 2]! * frames;
		const otherV = other.motion[there * 2 + 1]! * frames;
		const apart = Math.hypot(otherU - ownU * frames, otherV - ownV * frames) * scale;
		if (apart > 4 + unsure + 0.35 * far * scale) {
			weight = 1e-3;
			break;
		}
		weight = WEIGHT;
		u = (ownU * frames + otherU) / 2;
		v = (ownV * frames + otherV) / 2;
	}
	const radius = 1.5 + unsure + 0.03 * Math.hypot(u, v) * scale;
	return [u * scale, v * scale, weight, radius];
}

/** The patch nearest to a place in pixels of the small picture. */
function nearestPatch({ columns, rows }: Motion, x: number, y: number): number {
	const i = Math.max(0, Math.min(columns - 1, Math.round((x - 4) / 4)));
	const j = Math.max(0, Math.min(rows - 1, Math.round((y - 4) / 4)));
	return j * columns + i;
}

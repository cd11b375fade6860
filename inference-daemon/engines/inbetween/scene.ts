import { type Affine, fitAffine } from './affine.ts';
import { expectMotion } from './expect.ts';
import { coarser, FLAT, type Flow, findFlow, type Pyramid, patchCentre } from './flow.ts';
import type { Kernels } from './kernels.ts';
import { type Motion, sampleGrid } from './motion.ts';
import { meanOf } from './vectors.ts';

export type Scene = {
	readonly forward: Motion;
	readonly backward: Motion;
	/** Share of the textured picture that is found again on the other side, 0…1. */
	readonly confidence: number;
	readonly flatLeft: boolean;
	readonly flatRight: boolean;
	/** right luma ≈ gain · left luma + offset, 0…255. */
	readonly gain: number;
	readonly offset: number;
};

/**
 * What the last picture on the left and the first on the right have in common, `steps` frames
 * apart. The speed on each side, where known, tells which of several like places is meant.
 */
export function compareScenes(
	kernels: Kernels,
	left: Pyramid,
	right: Pyramid,
	speeds: { readonly left: Motion | null; readonly right: Motion | null },
	steps: number,
): Scene {
	const onwards = expectMotion(left, speeds.left, speeds.right, steps);
	const backwards = expectMotion(right, speeds.right, speeds.left, -steps);
	const there = findFlow(kernels, left, right, 0.02, onwards);
	const back = findFlow(kernels, right, left, 0.02, backwards);
	const trustThere = agreement(there, back, left);
	const trustBack = agreement(back, there, right);
	const forward = complete(kernels, left, there, trustThere, 0.35, 40);
	const backward = complete(kernels, right, back, trustBack, 0.35, 40);
	const found = count(there, trustThere, forward, left);
	const foundBack = count(back, trustBack, backward, right);
	const seen = found.seen + foundBack.seen;
	return {
		forward: { ...forward, trust: settleTrust(forward, backward, trustThere, there, left) },
		backward: { ...backward, trust: settleTrust(backward, forward, trustBack, back, right) },
		confidence: seen > 0 ? (found.matched + foundBack.matched) / seen : 0,
		flatLeft: isFlat(there),
		flatRight: isFlat(back),
		...exposure(kernels, left, right, there, trustThere),
	};
}

/** Two frames of one clip that have less in common than this stand on two sides of a cut. */
const SAME_CLIP = 0.5;

/**
 * Motion per frame at `finest`, from a picture `frames` frames away (negative: before it); null
 * where the two do not show the same.
 */
export function findVelocity(
	kernels: Kernels,
	finest: Pyramid,
	finestOther: Pyramid,
	frames: number,
): Motion | null {
	const here = coarser(finest);
	const other = coarser(finestOther);
	const flow = findFlow(kernels, here, other, 1.5);
	const back = findFlow(kernels, other, here, 1.5);
	const trust = agreement(flow, back, here);
	const whole = complete(kernels, here, flow, trust, 0.1, 60);
	const { seen, matched } = count(flow, trust, whole, here);
	if (matched < SAME_CLIP * seen) return null;
	return { ...whole, motion: whole.motion.map((value) => value / frames) };
}

/** How far each patch's motion is undone by the motion found the other way round. */
function agreement(flow: Flow, other: Flow, pyramid: Pyramid): Float32Array {
	const { width, height } = pyramid.levels[0]!;
	return flow.residual.map((residual, index) => {
		const u = flow.motion[index * 2]!;
		const v = flow.motion[index * 2 + 1]!;
		const x = patchCentre(index % flow.columns, width) + u;
		const y = patchCentre(Math.floor(index / flow.columns), height) + v;
		if (x < 0 || y < 0 || x > width || y > height) return 0;
		const fit = Math.max(0, Math.min(1, (0.75 - residual) / 0.4));
		const texture = distinctness(flow, index);
		if (fit * texture < 0.01) return 0;
		const apart = mismatch(flow, index, other, x, y) / (0.8 + 0.03 * Math.hypot(u, v));
		return fit * texture * Math.exp(-apart * apart);
	});
}

/**
 * 0…1: how much a patch's own motion counts. Faint patches fit in many places, so that smooth
 * skies are led by what is plain to see.
 */
function distinctness(flow: Flow, index: number): number {
	return Math.min(1, flow.texture[index]! / (6 * FLAT));
}

/** 0…1: whether a patch was found again, however faint it is as long as it is not flat. */
function foundAgain(flow: Flow, trust: Float32Array, index: number): number {
	const counted = distinctness(flow, index);
	if (counted === 0) return 0;
	return (trust[index]! / counted) * Math.min(1, flow.texture[index]! / (2 * FLAT));
}

/**
 * How far a patch's motion is from being undone by that of the patches around its target, in the
 * directions in which it tells its motion: by the nearest of them, as edges are not to be blurred.
 */
function mismatch(flow: Flow, index: number, other: Flow, x: number, y: number): number {
	const { columns, rows, certain } = flow;
	const u = flow.motion[index * 2]!;
	const v = flow.motion[index * 2 + 1]!;
	const i = Math.max(0, Math.min(columns - 1, Math.floor((x - 4) / 4)));
	const j = Math.max(0, Math.min(rows - 1, Math.floor((y - 4) / 4)));
	const apart = (bu: number, bv: number) =>
		certain[index * 3]! * (u + bu) * (u + bu) +
		2 * certain[index * 3 + 1]! * (u + bu) * (v + bv) +
		certain[index * 3 + 2]! * (v + bv) * (v + bv);
	const [between, across] = sampleGrid(other.motion, columns, rows, x, y);
	let least = apart(between, across);
	for (let k = 0; k < 4; k++) {
		const at = Math.min(rows - 1, j + (k >> 1)) * columns + Math.min(columns - 1, i + (k & 1));
		least = Math.min(least, apart(other.motion[at * 2]!, other.motion[at * 2 + 1]!));
	}
	return Math.sqrt(Math.max(0, least));
}

/**
 * What hides behind something that moves is nearly always background, so patches that are not
 * trusted start from the motion that most trusted ones share and lean towards it.
 */
function complete(
	kernels: Kernels,
	pyramid: Pyramid,
	flow: Flow,
	trust: Float32Array,
	pull: number,
	rounds: number,
): Motion {
	const { columns, rows } = flow;
	const { width, height } = pyramid.levels[0]!;
	const trusted = [...trust.keys()].filter((index) => trust[index]! > 0.5);
	const at = {
		x: (index: number) => patchCentre(index % columns, width),
		y: (index: number) => patchCentre(Math.floor(index / columns), height),
	};
	// The camera shows best along the edges; what fills the middle may well be what moves.
	const rim = trusted.filter((index) => {
		const x = at.x(index) / width;
		const y = at.y(index) / height;
		return Math.min(x, 1 - x, y, 1 - y) < 0.17;
	});
	const camera = sharedMotion(flow, rim, at);
	const { affine, share } = camera.share > 0.4 ? camera : sharedMotion(flow, trusted, at);
	const start = flow.motion.slice();
	const lean = share > 0.3 ? 0.03 : 0.004;
	const weights = trust.map((value, index) => {
		if (value >= lean) return value;
		const x = at.x(index);
		const y = at.y(index);
		start[index * 2] = affine[0] * x + affine[1] * y + affine[2];
		start[index * 2 + 1] = affine[3] * x + affine[4] * y + affine[5];
		return lean;
	});
	const motion = kernels.scratch(() => {
		const luma = put(kernels, patchLuma(kernels, pyramid));
		const result = kernels.allocate(columns * rows * 8);
		const inputs = [start, weights, flow.certain].map((values) => put(kernels, values));
		const [from, weight, certain] = inputs as [number, number, number];
		kernels.run.spread(columns, rows, from, weight, certain, luma, result, rounds, pull);
		return kernels.floats(result, columns * rows * 2).slice();
	});
	return { columns, rows, factor: pyramid.factor, motion, trust };
}

/** The affine motion that trusted patches share, and how many of them do; else their mean. */
function sharedMotion(
	flow: Flow,
	trusted: readonly number[],
	at: { x(index: number): number; y(index: number): number },
): { readonly affine: Affine; readonly share: number } {
	if (trusted.length < 8) return { affine: [0, 0, 0, 0, 0, 0], share: 0 };
	const motion = new Float32Array(trusted.length * 2);
	trusted.forEach((index, i) => {
		motion[i * 2] = flow.motion[index * 2]!;
		motion[i * 2 + 1] = flow.motion[index * 2 + 1]!;
	});
	const matches = {
		motion,
		x: (i: number) => at.x(trusted[i]!),
		y: (i: number) => at.y(trusted[i]!),
	};
	const affine = fitAffine(matches, 2);
	let followers = 0;
	for (let i = 0; i < trusted.length; i++) {
		const [x, y] = [matches.x(i), matches.y(i)];
		const du = affine[0] * x + affine[1] * y + affine[2] - motion[i * 2]!;
		const dv = affine[3] * x + affine[4] * y + affine[5] - motion[i * 2 + 1]!;
		if (du * du + dv * dv < 9) followers += 1;
	}
	if (followers > trusted.length / 4) return { affine, share: followers / trusted.length };
	const [u, v] = meanOf(motion);
	return { affine: [0, 0, u, 0, 0, v], share: 0 };
}

function put(kernels: Kernels, values: Float32Array): number {
	const pointer = kernels.allocate(values.byteLength);
	kernels.floats(pointer, values.length).set(values);
	return pointer;
}

/** Mean brightness of each patch. */
function patchLuma(kernels: Kernels, pyramid: Pyramid): Float32Array {
	const { width, height, columns, rows } = pyramid.levels[0]!;
	const values = new Float32Array(columns * rows);
	for (let index = 0; index < values.length; index++) {
		const x = patchCentre(index % columns, width);
		const y = patchCentre(Math.floor(index / columns), height);
		values[index] = lumaAt(kernels, pyramid, x, y);
	}
	return values;
}

/** Mean brightness of the 4 × 4 pixels around a place. */
function lumaAt(kernels: Kernels, pyramid: Pyramid, x: number, y: number): number {
	const { width, height, luma: pointer } = pyramid.levels[0]!;
	const luma = kernels.floats(pointer, width * height);
	let sum = 0;
	for (let j = -2; j < 2; j++) {
		const row = Math.max(0, Math.min(height - 1, Math.round(y) + j)) * width;
		for (let i = -2; i < 2; i++) {
			sum += luma[row + Math.max(0, Math.min(width - 1, Math.round(x) + i))]!;
		}
	}
	return sum / 16;
}

/** Counts what can be followed, leaving out what has left the picture. */
function count(flow: Flow, trust: Float32Array, whole: Motion, pyramid: Pyramid) {
	const { width, height } = pyramid.levels[0]!;
	let seen = 0;
	let matched = 0;
	flow.texture.forEach((texture, index) => {
		const x = patchCentre(index % flow.columns, width) + whole.motion[index * 2]!;
		const y = patchCentre(Math.floor(index / flow.columns), height) + whole.motion[index * 2 + 1]!;
		if (texture < FLAT || x < 0 || y < 0 || x > width || y > height) return;
		seen += 1;
		if (foundAgain(flow, trust, index) > 0.25) matched += 1;
	});
	return { seen, matched };
}

/** Trust after completion: flat patches count as found where both directions agree on them. */
function settleTrust(
	whole: Motion,
	other: Motion,
	trust: Float32Array,
	flow: Flow,
	pyramid: Pyramid,
): Float32Array {
	const { width, height } = pyramid.levels[0]!;
	return trust.map((raw, index) => {
		const u = whole.motion[index * 2]!;
		const v = whole.motion[index * 2 + 1]!;
		const x = patchCentre(index % whole.columns, width) + u;
		const y = patchCentre(Math.floor(index / whole.columns), height) + v;
		const [bu, bv] = sampleGrid(other.motion, whole.columns, whole.rows, x, y);
		const apart = Math.hypot(u + bu, v + bv) / (1.2 + 0.04 * Math.hypot(u, v));
		const both = Math.exp(-apart * apart);
		return flow.texture[index]! < FLAT ? both : both * Math.min(1, raw * 1.6);
	});
}

function isFlat(flow: Flow): boolean {
	const textured = flow.texture.filter((texture) => texture >= FLAT).length;
	return textured < 0.02 * flow.texture.length;
}

/** How brightness and contrast of trusted patches differ between the sides. */
function exposure(
	kernels: Kernels,
	left: Pyramid,
	right: Pyramid,
	flow: Flow,
	trust: Float32Array,
): { readonly gain: number; readonly offset: number } {
	const { width, height } = left.levels[0]!;
	const pairs: (readonly [number, number])[] = [];
	for (let index = 0; index < trust.length; index++) {
		if (foundAgain(flow, trust, index) < 0.6) continue;
		const x = patchCentre(index % flow.columns, width);
		const y = patchCentre(Math.floor(index / flow.columns), height);
		const u = flow.motion[index * 2]!;
		const v = flow.motion[index * 2 + 1]!;
		pairs.push([lumaAt(kernels, left, x, y), lumaAt(kernels, right, x + u, y + v)]);
	}
	if (pairs.length < 24) return { gain: 1, offset: 0 };
	const mean = (side: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[side], 0) / pairs.length;
	const means = [mean(0), mean(1)] as const;
	const deviation = (side: 0 | 1) =>
		Math.sqrt(pairs.reduce((sum, pair) => sum + (pair[side] - means[side]) ** 2, 0) / pairs.length);
	const contrast = deviation(0) > 6 ? deviation(1) / deviation(0) : 1;
	const gain = Math.max(0.6, Math.min(1.6, contrast));
	const offset = means[1] - gain * means[0];
	return { gain, offset: Math.max(-60, Math.min(60, offset)) };
}

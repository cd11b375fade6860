import { type Affine, fitAffine } from './affine.ts';
import type { Kernels } from './kernels.ts';

const PAD = 16;
const PATCH = 8;
const STEP = 4;

/** A patch below this energy shows nothing that could be followed. */
export const FLAT = 6;

/** Motion is looked for in pictures of about this width or height, whichever is longer. */
const WORK_SIZE = 480;

export type Level = {
	/** Plain luma (0…255) without padding. */
	readonly luma: number;
	readonly width: number;
	readonly height: number;
	readonly columns: number;
	readonly rows: number;
	readonly picture: number;
	readonly alongX: number;
	readonly alongY: number;
};

/** One picture made ready for motion search, finest level first. */
export type Pyramid = {
	readonly levels: readonly Level[];
	/** Pixels of the full picture per pixel of the finest level. */
	readonly factor: number;
};

/**
 * Motion from one picture to another on a grid of patches. `motion` is interleaved x, y in pixels
 * of the finest level; `residual` is 0 where the patch fits perfectly and 1 where it is
 * unrelated; `texture` is the patch's own energy (flat patches fit anywhere); `certain` is xx, xy,
 * yy of a matrix that is 1 in the directions in which the patch tells its motion, 0 along a stripe.
 */
export type Flow = {
	readonly columns: number;
	readonly rows: number;
	readonly motion: Float32Array;
	readonly residual: Float32Array;
	readonly texture: Float32Array;
	readonly certain: Float32Array;
};

/** Where a patch's centre is along one axis of a picture that is `length` long. */
export function patchCentre(index: number, length: number): number {
	return Math.max(0, Math.min(index * STEP, length - PATCH)) + PATCH / 2;
}

/** The finest level of a pyramid; `factor` pixels of the picture are one of its own. */
export function smallSize(width: number, height: number) {
	const factor = Math.max(1, Math.ceil(Math.max(width, height) / WORK_SIZE));
	return { width: Math.ceil(width / factor), height: Math.ceil(height / factor), factor };
}

/** Builds a pyramid from the luma plane at `plane`; allocates, so call it inside `scratch`. */
export function buildPyramid(
	kernels: Kernels,
	plane: number,
	width: number,
	height: number,
	bits: number,
): Pyramid {
	const small = smallSize(width, height);
	const { factor } = small;
	let { width: w, height: h } = small;
	const luma = kernels.allocate(w * h * 4);
	kernels.run.shrink(plane, width, height, bits, factor, luma, w, h);
	const levels: Level[] = [];
	let source = luma;
	for (;;) {
		levels.push(buildLevel(kernels, source, w, h));
		if (Math.max(w, h) <= 64) break;
		const half = kernels.allocate(Math.ceil(w / 2) * Math.ceil(h / 2) * 4);
		kernels.run.halve(source, w, h, half);
		source = half;
		w = Math.ceil(w / 2);
		h = Math.ceil(h / 2);
	}
	return { levels, factor };
}

/** The same picture at half the size, for motion that need not be known as finely. */
export function coarser({ levels, factor }: Pyramid): Pyramid {
	return levels.length > 2 ? { levels: levels.slice(1), factor: factor * 2 } : { levels, factor };
}

/**
 * What each patch of a level is expected to move by, as known from elsewhere: u, v in pixels of that
 * level, the cost of moving otherwise (0: nothing is expected) and how far off still counts as that.
 */
export type Expectation = (level: Level, index: number) => Float32Array;

/**
 * Motion that carries `from` onto `to`, both of one size. `distancePenalty` is what a pixel of the
 * coarsest level costs: small to find anything anywhere, large for pictures close in time.
 */
export function findFlow(
	kernels: Kernels,
	from: Pyramid,
	to: Pyramid,
	distancePenalty: number,
	expectation: Expectation | null = null,
): Flow {
	let coarse: { pointer: number; columns: number; rows: number } | null = null;
	let affine: Affine = [0, 0, 0, 0, 0, 0];
	for (let index = from.levels.length - 1; index >= 0; index--) {
		const a = from.levels[index]!;
		const b = to.levels[index]!;
		const { width, height, columns, rows } = a;
		const motion = kernels.allocate(columns * rows * 8);
		const costs = kernels.allocate(columns * rows * 4);
		const spare = kernels.allocate(columns * rows * 8);
		const parameters = kernels.allocate(24);
		const expected = expectation ? kernels.allocate(columns * rows * 16) : 0;
		if (expectation) {
			kernels.floats(expected, columns * rows * 4).set(expectation(a, index));
		}
		const size = [width, height, columns, rows] as const;
		if (coarse === null) {
			kernels.run.search(a.picture, b.picture, ...size, motion, distancePenalty);
			affine = fitAffine(readMotion(kernels, a, motion), 1.5);
		} else {
			affine = [affine[0], affine[1], affine[2] * 2, affine[3], affine[4], affine[5] * 2];
		}
		kernels.floats(parameters, 6).set(affine);
		const refine = () =>
			kernels.run.refine(
				...[a.picture, b.picture, a.alongX, a.alongY, ...size, motion],
				...[coarse?.pointer ?? 0, coarse?.columns ?? 0, coarse?.rows ?? 0],
				...([parameters, costs, 2, expected] as const),
			);
		refine();
		if (index === from.levels.length - 2 && distancePenalty < 1) {
			const zero = blank(kernels, width, height);
			const more = [motion, costs, zero, FLAT, distancePenalty] as const;
			if (kernels.run.searchAgain(a.picture, b.picture, ...size, ...more) > 0) {
				coarse = null;
				refine();
			}
		}
		kernels.run.calm(a.picture, b.picture, ...size, motion, costs, spare, expected);
		if (index > 0) affine = fitAffine(readMotion(kernels, a, motion), 1.5);
		coarse = { pointer: motion, columns, rows };
	}
	return measure(kernels, from.levels[0]!, to.levels[0]!, coarse!.pointer);
}

function buildLevel(kernels: Kernels, source: number, width: number, height: number): Level {
	const bytes = (width + 2 * PAD) * (height + 2 * PAD) * 4;
	const picture = kernels.allocate(bytes);
	const alongX = kernels.allocate(bytes);
	const alongY = kernels.allocate(bytes);
	kernels.run.normalise(source, width, height, picture, kernels.allocate(width * height * 8));
	kernels.run.gradients(picture, width, height, alongX, alongY);
	return {
		luma: source,
		width,
		height,
		picture,
		alongX,
		alongY,
		columns: patches(width),
		rows: patches(height),
	};
}

function patches(length: number): number {
	return Math.max(1, Math.ceil((length - PATCH) / STEP) + 1);
}

function readMotion(kernels: Kernels, level: Level, motion: number) {
	const { columns, rows, width, height } = level;
	return {
		motion: kernels.floats(motion, columns * rows * 2),
		x: (index: number) => patchCentre(index % columns, width),
		y: (index: number) => patchCentre(Math.floor(index / columns), height),
	};
}

function blank(kernels: Kernels, width: number, height: number): number {
	const length = (width + 2 * PAD) * (height + 2 * PAD);
	const pointer = kernels.allocate(length * 4);
	kernels.floats(pointer, length).fill(0);
	return pointer;
}

function measure(kernels: Kernels, from: Level, to: Level, motion: number): Flow {
	const { width, height, columns, rows, picture } = from;
	const count = columns * rows;
	const residual = kernels.allocate(count * 4);
	const texture = kernels.allocate(count * 4);
	const certain = kernels.allocate(count * 12);
	kernels.run.certainty(from.alongX, from.alongY, width, height, columns, rows, certain);
	const zero = blank(kernels, width, height);
	kernels.run.fitness(
		...([picture, to.picture, width, height, columns, rows] as const),
		...([motion, residual, texture, zero] as const),
	);
	return {
		columns,
		rows,
		motion: kernels.floats(motion, count * 2).slice(),
		residual: kernels.floats(residual, count).slice(),
		texture: kernels.floats(texture, count).slice(),
		certain: kernels.floats(certain, count * 3).slice(),
	};
}

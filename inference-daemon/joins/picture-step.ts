import type { Frame } from '../media/types.ts';
import { deltaE, type Lab, labOf } from './delta-e.ts';
import { median } from './statistics.ts';

/** What differs from frame to frame by less than this is not seen to move. Levels of 8-bit luma. */
const STILL = 0.75;

/**
 * How much one frame differs from the next across the join, as a multiple of how much frames there
 * differ from each other anyway: luma, on average over the picture. 1 is as anywhere else.
 * `before` ends at the join, `after` begins there; null where nothing tells what is usual.
 */
export function pictureStep(before: readonly Frame[], after: readonly Frame[]): number | null {
	const usual = usualOf(before, after, lumaStep);
	if (usual === null) return null;
	const step = lumaStep(before.at(-1)!, after[0]!);
	// Where nothing moves at all, nothing that does not move is missing.
	return Math.max(step, usual) < STILL ? 1 : step / Math.max(STILL, usual);
}

/**
 * How far colours and brightness jump across the join, beyond what they change by anyway: ΔE2000 of
 * the middle one among the cells of a grid, so that something that moves does not count for all.
 */
export function colourStep(before: readonly Frame[], after: readonly Frame[]): number | null {
	const usual = usualOf(before, after, cellStep);
	if (usual === null) return null;
	return Math.max(0, cellStep(before.at(-1)!, after[0]!) - usual);
}

/** Of the two sides the one that changes more. */
function usualOf(
	before: readonly Frame[],
	after: readonly Frame[],
	step: (a: Frame, b: Frame) => number,
): number | null {
	const sides = [before, after].map((frames) =>
		frames.slice(1).map((frame, i) => step(frames[i]!, frame)),
	);
	const known = sides.filter((steps) => steps.length > 0);
	return known.length === 0 ? null : Math.max(...known.map(median));
}

function lumaStep(a: Frame, b: Frame): number {
	const pixels = a.width * a.height;
	let sum = 0;
	for (let i = 0; i < pixels; i++) sum += Math.abs(a.data[i]! - b.data[i]!);
	return sum / pixels;
}

const COLUMNS = 12;
const ROWS = 8;

/** Luma of bars and of what is as dark: there is no colour to be seen in it. */
const BLACK = 20;

function cellStep(a: Frame, b: Frame): number {
	const [here, there] = [cellsOf(a), cellsOf(b)];
	const steps = here.flatMap(({ y, lab }, i) => {
		const other = there[i]!;
		return y < BLACK && other.y < BLACK ? [] : [deltaE(lab, other.lab)];
	});
	return median(steps);
}

type Cell = { readonly y: number; readonly lab: Lab };

const known = new WeakMap<Frame, readonly Cell[]>();

function cellsOf(frame: Frame): readonly Cell[] {
	const cells = known.get(frame) ?? measureCells(frame);
	known.set(frame, cells);
	return cells;
}

function measureCells({ width, height, data }: Frame): readonly Cell[] {
	const chroma = { width: Math.ceil(width / 2), height: Math.ceil(height / 2) };
	const luma = width * height;
	const sizes = [
		{ offset: 0, width, height },
		{ offset: luma, ...chroma },
		{ offset: luma + chroma.width * chroma.height, ...chroma },
	];
	return Array.from({ length: COLUMNS * ROWS }, (_, cell) => {
		const [column, row] = [cell % COLUMNS, Math.floor(cell / COLUMNS)];
		const [y, u, v] = sizes.map((plane) => {
			const at = (part: number, parts: number, length: number) =>
				Math.floor((part * length) / parts);
			const [left, right] = [column, column + 1].map((c) => at(c, COLUMNS, plane.width));
			const [top, bottom] = [row, row + 1].map((r) => at(r, ROWS, plane.height));
			let sum = 0;
			for (let line = top!; line < bottom!; line++) {
				const from = plane.offset + line * plane.width;
				for (let i = from + left!; i < from + right!; i++) sum += data[i]!;
			}
			return sum / Math.max(1, (right! - left!) * (bottom! - top!));
		});
		return { y: y!, lab: labOf(y!, u!, v!) };
	});
}

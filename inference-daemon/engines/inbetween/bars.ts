import type { Frame } from '../../media/types.ts';
import { type Bridge, type BridgeOptions, buildBridge, type Side, stepsBetween } from './bridge.ts';
import type { Kernels } from './kernels.ts';
import { type Layout, layoutOf, type Plane } from './planes.ts';
import { changeOver, smoothStep } from './timing.ts';

/** Black lines along each edge of a picture, in luma pixels. */
type Bars = Readonly<Record<(typeof EDGES)[number], number>>;

const EDGES = ['left', 'top', 'right', 'bottom'] as const;

/**
 * As buildBridge, but black bars (letterbox, pillarbox) stay straight: what moves is the picture
 * inside them, and where the two sides' bars differ they open or close.
 */
export function bridgeWithinBars(kernels: Kernels, options: BridgeOptions): Bridge {
	const { left, right, count, settle, places = 1 } = options;
	const bars = barsOf(left, right);
	if (bars === null) return buildBridge(kernels, options);
	// Chroma has half the lines: what is left of a bar of odd width is filled and painted over.
	const crop = mapBars((edge) => Math.min(bars.left[edge], bars.right[edge]) & ~1);
	const within = (side: Side | null, own: Bars): Side | null => {
		if (side === null) return null;
		const rest = mapBars((edge) => own[edge] - crop[edge]);
		const opened = (frame: Frame) => fillBars(cropped(frame, crop), rest);
		return { ...side, edge: opened(side.edge), inner: side.inner && opened(side.inner) };
	};
	const inside = { left: within(left, bars.left), right: within(right, bars.right) };
	const bridge = buildBridge(kernels, { left: inside.left, right: inside.right, count, settle });
	const whole = (left ?? right)!.edge;
	const layout = layoutOf(whole);
	const innerLayout = layoutOf((inside.left ?? inside.right)!.edge);
	const targets = Array.from({ length: places }, () => kernels.allocate(whole.data.length));
	const { first, steps } = stepsBetween(left, right, count);
	return {
		...bridge,
		places: targets,
		draw(frame, place = 0) {
			const drawn = bridge.draw(frame);
			const target = kernels.bytes(targets[place]!, whole.data.length);
			layout.planes.forEach((plane, p) => {
				const inner = innerLayout.planes[p]!;
				const from = samplesOf(drawn, innerLayout);
				const to = samplesOf(target, layout);
				const [x, y] = [crop.left >> plane.shiftX, crop.top >> plane.shiftY];
				for (let row = 0; row < inner.height; row++) {
					const start = inner.offset / layout.bytes + row * inner.width;
					const at = plane.offset / layout.bytes + (y + row) * plane.width + x;
					to.set(from.subarray(start, start + inner.width), at);
				}
			});
			const step = first + frame;
			const share = bridge.regime === 'shots' ? changeOver(step, steps) : step / steps;
			const now = mapBars((edge) =>
				Math.round(bars.left[edge] + (bars.right[edge] - bars.left[edge]) * smoothStep(share)),
			);
			paintBars(target, layout, now);
			return target;
		},
	};
}

function mapBars(value: (edge: (typeof EDGES)[number]) => number): Bars {
	const [left, top, right, bottom] = EDGES.map(value) as [number, number, number, number];
	return { left, top, right, bottom };
}

/** A run of black lines, and whether the picture begins right behind it with something to see. */
type Run = { readonly lines: number; readonly ends: boolean };

/** The bars of both sides; null where neither has any. A side that is black or missing has the other's. */
function barsOf(
	left: Side | null,
	right: Side | null,
): { readonly left: Bars; readonly right: Bars } | null {
	const [l, r] = [runsOf(left), runsOf(right)];
	const settle = (own: Record<string, Run> | null, other: Record<string, Run> | null) =>
		mapBars((edge) => {
			const [mine, theirs] = [(own ?? other)?.[edge], other?.[edge]];
			if (mine?.ends) return mine.lines;
			// A dark picture does not tell where its bars end: there they are as the other side's.
			return theirs?.ends && mine && mine.lines >= theirs.lines ? theirs.lines : 0;
		});
	const bars = { left: settle(l, r), right: settle(r, l) };
	return EDGES.some((edge) => bars.left[edge] + bars.right[edge] > 0) ? bars : null;
}

/** Bars are in every picture of a clip and do not move. */
function runsOf(side: Side | null): Record<string, Run> | null {
	if (side === null) return null;
	const found = [side.edge, side.inner].flatMap((frame) => {
		const runs = frame && runsIn(frame);
		return runs ? [runs] : [];
	});
	const [edge, inner] = found;
	if (edge === undefined || inner === undefined) return edge ?? null;
	return Object.fromEntries(
		EDGES.map((name) => {
			const [a, b] = [edge[name]!, inner[name]!];
			if (a.lines === b.lines) return [name, { lines: a.lines, ends: a.ends || b.ends }];
			const moves = a.ends && b.ends && Math.abs(a.lines - b.lines) > 1;
			return [name, moves ? { lines: 0, ends: false } : a.lines < b.lines ? a : b];
		}),
	);
}

/** Luma (8 bit) that still counts as black, and what is plainly not black. */
const BLACK = 24;
const SEEN = 34;
/** Of a black line, how much may be noise; of the first line of a picture, how much is to be seen. */
const SPECKS = 0.005;
const SHOWN = 0.25;

/** null for a picture that is black all over. */
function runsIn(frame: Frame): Record<string, Run> | null {
	const layout = layoutOf(frame);
	const { width, height } = frame;
	const luma = samplesOf(frame.data, layout);
	const unit = layout.bits === 8 ? 1 : 4;
	const above = (edge: string, line: number, level: number) => {
		const isRow = edge === 'top' || edge === 'bottom';
		const at = edge === 'right' ? width - 1 - line : edge === 'bottom' ? height - 1 - line : line;
		const [start, step, length] = isRow ? [at * width, 1, width] : [at, width, height];
		let count = 0;
		for (let i = 0; i < length; i++) if (luma[start + i * step]! > level * unit) count += 1;
		return count / length;
	};
	const runs = EDGES.map((edge): readonly [string, Run] => {
		const length = edge === 'top' || edge === 'bottom' ? height : width;
		let lines = 0;
		while (lines < length / 2 && above(edge, lines, BLACK) <= SPECKS) lines += 1;
		// The line where bar and picture meet may be a mixture of both.
		return [edge, { lines, ends: lines < length / 2 - 1 && above(edge, lines + 1, SEEN) > SHOWN }];
	});
	return runs.every(([, { ends }]) => !ends) ? null : Object.fromEntries(runs);
}

type Samples = Uint8Array | Uint16Array;

function samplesOf(data: Uint8Array, layout: Layout): Samples {
	return layout.bytes === 1
		? data
		: new Uint16Array(data.buffer, data.byteOffset, data.byteLength >> 1);
}

/** `crop` is even. */
function cropped(frame: Frame, crop: Bars): Frame {
	const width = frame.width - crop.left - crop.right;
	const height = frame.height - crop.top - crop.bottom;
	const outer = layoutOf(frame);
	const size = { width, height, format: frame.format, data: frame.data };
	const inner = layoutOf(size);
	const last = inner.planes.at(-1)!;
	const data = new Uint8Array(last.offset + last.width * last.height * inner.bytes);
	inner.planes.forEach((plane, p) => {
		const from = outer.planes[p]!;
		const [x, y] = [crop.left >> plane.shiftX, crop.top >> plane.shiftY];
		for (let row = 0; row < plane.height; row++) {
			const start = from.offset + ((y + row) * from.width + x) * inner.bytes;
			const line = frame.data.subarray(start, start + plane.width * inner.bytes);
			data.set(line, plane.offset + row * plane.width * inner.bytes);
		}
	});
	return { ...size, data };
}

/** Puts the picture's mirror image in place of its bars, in place. */
function fillBars(frame: Frame, bars: Bars): Frame {
	const layout = layoutOf(frame);
	const samples = samplesOf(frame.data, layout);
	for (const plane of layout.planes) {
		const inside = rectangleOf(plane, bars, Math.ceil);
		const start = plane.offset / layout.bytes;
		for (let y = 0; y < plane.height; y++) {
			const line = start + y * plane.width;
			const from = start + mirrored(y, inside.top, inside.bottom) * plane.width;
			if (from !== line) samples.copyWithin(line, from, from + plane.width);
		}
		for (let y = 0; y < plane.height; y++) {
			const line = start + y * plane.width;
			for (let x = 0; x < inside.left; x++) {
				samples[line + x] = samples[line + mirrored(x, inside.left, inside.right)]!;
			}
			for (let x = inside.right; x < plane.width; x++) {
				samples[line + x] = samples[line + mirrored(x, inside.left, inside.right)]!;
			}
		}
	}
	return frame;
}

function paintBars(frame: Uint8Array, layout: Layout, bars: Bars): void {
	const samples = samplesOf(frame, layout);
	const unit = layout.bits === 8 ? 1 : 4;
	layout.planes.forEach((plane, p) => {
		const value = (p === 0 ? 16 : 128) * unit;
		const { left, top, right, bottom } = rectangleOf(plane, bars, Math.floor);
		const start = plane.offset / layout.bytes;
		const end = start + plane.width * plane.height;
		samples.fill(value, start, start + top * plane.width);
		samples.fill(value, start + bottom * plane.width, end);
		if (left === 0 && right === plane.width) return;
		for (let line = start; line < end; line += plane.width) {
			samples.fill(value, line, line + left);
			samples.fill(value, line + right, line + plane.width);
		}
	});
}

/** What a plane shows inside the bars; a chroma line that belongs to both goes as `round` says. */
function rectangleOf(plane: Plane, bars: Bars, round: (value: number) => number): Bars {
	const along = (bar: number, shift: number) => round(bar / 2 ** shift);
	return {
		left: along(bars.left, plane.shiftX),
		top: along(bars.top, plane.shiftY),
		right: plane.width - along(bars.right, plane.shiftX),
		bottom: plane.height - along(bars.bottom, plane.shiftY),
	};
}

/** The place in first ≤ i < end that is seen at `at` in mirrors at both ends. */
function mirrored(at: number, first: number, end: number): number {
	const length = end - first;
	const around = (((at - first) % (2 * length)) + 2 * length) % (2 * length);
	return first + (around < length ? around : 2 * length - 1 - around);
}

import { CELL } from '../diffusion/latent.ts';

/** Frames on a work's own clock, half-open. */
type Frames = { readonly start: number; readonly end: number };

/** What the model sees at once: what is before the gap, the gap, and what is after it. */
export type Window = {
	/** Given frames on the left: 8a + 1 of them, or none. */
	readonly left: number;
	/** What is to be made; the finished clip is cut to it. */
	readonly gap: Frames;
	/** Given frames on the right. */
	readonly right: number;
	/** Frames after those, made and thrown away, where the material ends before the grid does. */
	readonly spare: number;
	/** All together: 8k + 1. */
	readonly frames: number;
};

/** What there is around a gap, in frames. */
export type Around = {
	readonly before: number;
	readonly after: number;
	/** 8a + 1 frames, or none, that stand on the left; default: what `leftOf` says. */
	readonly left?: number;
	/** Frames that the window has at least. */
	readonly shortest?: number;
};

/**
 * The window around a gap of `gap` frames. `context` frames are wanted on each side, of which a side
 * has `before` and `after`: on the left the smallest 8a + 1 that cover them, on the right at least as
 * many, and as many more as the grid has room for. Less material means less context.
 */
export function windowAround(
	gap: number,
	context: number,
	{ before, after, left = leftOf(context, before), shortest = 1 }: Around,
): Window {
	if (!Number.isSafeInteger(gap) || gap < 1) throw new RangeError(`Expected a gap, got ${gap}`);
	const least = left + gap + Math.min(after, wantedOf(context));
	const frames = snapUp(Math.max(least, shortest));
	const right = Math.min(after, frames - left - gap);
	return {
		left,
		right,
		frames,
		spare: frames - left - gap - right,
		gap: { start: left, end: left + gap },
	};
}

/** Frames to look at on the left: 8a + 1, so that the gap starts with a cell. */
export function leftOf(context: number, before: number): number {
	const wanted = wantedOf(context);
	return before >= wanted ? wanted : snapDown(before);
}

/** Frames wanted on each side. */
export function wantedOf(context: number): number {
	return context <= 0 ? 0 : snapUp(context);
}

/** The least 8k + 1 that is not below `frames`. */
export function snapUp(frames: number): number {
	return CELL.frames * Math.ceil((Math.max(frames, 1) - 1) / CELL.frames) + 1;
}

/** The greatest 8k + 1 that is not above `frames`; 0 for none. */
export function snapDown(frames: number): number {
	return frames < 1 ? 0 : CELL.frames * Math.floor((frames - 1) / CELL.frames) + 1;
}

export type Size = { readonly width: number; readonly height: number };

/** A size to work at, and where in it the picture lies. */
export type WorkSize = Size & {
	/** The picture is scaled to this, unstretched, in the middle of the work's size. */
	readonly inner: Size;
};

/**
 * The size on a grid whose shape is nearest to the picture's and that has about `pixels` pixels, no
 * more than the picture. Nothing is stretched, and nothing cut: the picture lies in the middle, so
 * that what is made fits its neighbours to the pixel. At least two cells each way: decoders reflect
 * what is beside the edge.
 */
export function workSize(picture: Size, pixels: number, grid: number): WorkSize {
	const { width, height } = picture;
	const least = Math.ceil((2 * CELL.size) / grid);
	const target = Math.min(pixels, Math.max(width * height, (least * grid) ** 2));
	const aspect = width / height;
	let best: (WorkSize & { readonly loss: number }) | null = null;
	const rows = Math.max(least, Math.round(Math.sqrt(target / aspect) / grid));
	for (let row = Math.max(least, rows - 2); row <= rows + 2; row++) {
		const around = Math.max(least, Math.round((row * grid * aspect) / grid));
		for (const column of [around - 1, around, around + 1]) {
			if (column < least) continue;
			const size = { width: column * grid, height: row * grid };
			// What stays empty, and how far it is from as many pixels as are wanted.
			const shape = Math.abs(Math.log(size.width / size.height / aspect));
			const amount = Math.abs(Math.log((size.width * size.height) / target));
			const loss = 3 * shape + amount;
			if (best === null || loss < best.loss) best = { ...size, inner: fitted(picture, size), loss };
		}
	}
	const { loss: _, ...found } = best!;
	return found;
}

/** The first of two stages: half as wide and high. */
export function halfSize({ width, height }: WorkSize, picture: Size): WorkSize {
	const size = { width: width / 2, height: height / 2 };
	return { ...size, inner: fitted(picture, size) };
}

export function fitted(picture: Size, size: Size): Size {
	const scale = Math.min(size.width / picture.width, size.height / picture.height);
	return {
		width: Math.min(size.width, Math.max(1, Math.round(picture.width * scale))),
		height: Math.min(size.height, Math.max(1, Math.round(picture.height * scale))),
	};
}

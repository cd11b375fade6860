import {
	type PerAxis,
	type Range,
	spansOf,
	type TilePlan,
	type Tiling,
} from '../../../inference-daemon/engines/ltx2/vae/tile-plan.ts';

const SCALE: PerAxis<number> = [8, 32, 32];
const LEAD: PerAxis<number> = [1, 0, 0];

/**
 * The reference's tiles of a latent that is to be decoded, of so many frames, rows and columns: each
 * as large as told but for the last, which takes what is left. `scale` is what one latent becomes.
 */
export function planTiles(
	latent: PerAxis<number>,
	{ tile, overlap }: Tiling,
	scale = SCALE,
): TilePlan {
	const spans = (axis: 0 | 1 | 2) => {
		const [size, shared] = [tile[axis] / scale[axis], overlap[axis] / scale[axis]];
		const runs = runsOf(latent[axis], size, shared, LEAD[axis]);
		return spansOf(runs, scale[axis], LEAD[axis], 'decode');
	};
	return [spans(0), spans(1), spans(2)];
}

/** Runs of `size` latents that share `shared`; in time all but the first start one earlier. */
function runsOf(length: number, size: number, shared: number, lead: number): Range[] {
	const step = size - shared;
	const count = Math.max(1, Math.ceil((length - shared) / step));
	return Array.from({ length: count }, (_, i): Range => {
		const from = i === 0 ? 0 : i * step - lead;
		return [from, i === count - 1 ? length : i * step + size];
	});
}

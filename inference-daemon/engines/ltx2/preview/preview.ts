import { keep, type Place, readKept } from '../../../../files/json-cache.ts';
import { pngOf, type RgbPicture } from '../../../media/png.ts';
import { normalNoise } from '../diffusion/noise.ts';
import type { WorkSize } from '../plan/window.ts';
import type { NdArray } from '../runtime/values.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { filesKey } from '../weights/files-key.ts';
import { cellOf, fitPreview, PATCH, type PreviewMap, pictureOfCell } from './preview-map.ts';

/** What of a latent to show. */
export type PreviewOptions = {
	/** Of the latent's own frames, from 0; default the middle one. */
	readonly frame?: number | undefined;
	/** The work's size: the picture inside is shown without what lies around it. Default all. */
	readonly crop?: WorkSize | undefined;
};

type Wanted = {
	/** Where maps are kept, a file for each checkpoint. */
	readonly folder: string;
	/** See `checkpointKey`. */
	readonly key: string;
	/** Of the checkpoint's latent. */
	readonly channels: number;
};

/** Says which checkpoint files these are: where they change, a map no longer holds. */
export function checkpointKey(checkpoint: Checkpoint): Promise<string> {
	return filesKey(
		['preview'],
		checkpoint.files.map(({ path }) => path),
	);
}

/** With the map that the checkpoint had last, where it is kept. */
export async function openPreviews({ folder, key, channels }: Wanted): Promise<Previews> {
	const place = { folder, key, kind: 'preview' };
	const map = mapFrom(await readKept(place), channels);
	return new Previews(place, channels, map);
}

/** Small pictures of a clip that is being made, by a linear map from its latent: no network runs. */
export class Previews {
	readonly #place: Place;
	readonly #channels: number;
	#map: PreviewMap | null;

	constructor(place: Place, channels: number, map: PreviewMap | null) {
		this.#place = place;
		this.#channels = channels;
		this.#map = map;
	}

	/** Whether there is a map to show latents by. */
	get ready(): boolean {
		return this.#map !== null;
	}

	/**
	 * Learns from pictures and what they were encoded to: a normalised latent [C, f, h, w], pixels
	 * [3, F, H, W], floats or 16 bits for −1…1, and which cells in time to go by. False where they show too little; the
	 * map stays as it was then. Throws RangeError for shapes that do not belong together.
	 */
	async fit(latent: NdArray, pixels: NdArray, cells?: readonly number[]): Promise<boolean> {
		if (cells?.length === 0) return false;
		const map = fitPreview([{ latent, pixels, cells }], this.#map);
		if (map === null) return false;
		this.#map = map;
		await keep(this.#place, Buffer.from(map.weights.buffer).toString('base64'));
		return true;
	}

	/** Learns from random latents [1, C, f, h, w] that `decode` turns to pixels, unless it is ready. */
	async fitOnce(decode: (latent: NdArray) => Promise<NdArray>): Promise<boolean> {
		if (this.ready) return true;
		const latent = randomLatent(this.#channels);
		return this.fit(latent, await decode(latent));
	}

	/**
	 * A PNG of one frame of a normalised latent [C, f, h, w], a quarter of its size; where f is 1,
	 * any frame is that one. Null without a map.
	 */
	png(latent: NdArray, { frame, crop }: PreviewOptions = {}): Uint8Array | null {
		if (this.#map === null) return null;
		const f = latent.shape.at(-3)!;
		const cell = frame === undefined ? f >> 1 : Math.min(f - 1, cellOf(frame));
		return pngOf(cropped(pictureOfCell(this.#map, latent, cell), crop));
	}
}

function mapFrom(value: unknown, channels: number): PreviewMap | null {
	if (typeof value !== 'string') return null;
	const bytes = Buffer.from(value, 'base64');
	if (bytes.length !== (channels + 1) * PATCH * PATCH * 3 * 4) return null;
	const weights = new Float32Array(new Uint8Array(bytes).buffer);
	return { channels, weights };
}

/** Cells of a random latent: 9 frames of 384 × 384, decoded in a fraction of a clip's time. */
const RANDOM = [2, 12, 12] as const;

/**
 * Half of a cell's variance is shared by those beside it, so that decoded pictures have areas of one
 * colour too, and not only what networks make of neighbours that have nothing to do with each other.
 */
function randomLatent(channels: number): NdArray {
	const [f, h, w] = RANDOM;
	const shared = 3;
	const fine = normalNoise({ seed: 0, stream: 'preview', draw: 0 }, channels * f * h * w);
	const areas = (h / shared) * (w / shared);
	const coarse = normalNoise({ seed: 0, stream: 'preview', draw: 1 }, channels * areas);
	const data = fine.map((value, i) => {
		const [x, y] = [i % w, Math.floor(i / w) % h];
		const area = Math.floor(y / shared) * (w / shared) + Math.floor(x / shared);
		return (value + coarse[Math.floor(i / (w * h * f)) * areas + area]!) * Math.SQRT1_2;
	});
	return { data, shape: [1, channels, f, h, w] };
}

/** What of a preview shows the picture inside the work's size. */
function cropped(picture: RgbPicture, crop: WorkSize | undefined): RgbPicture {
	if (crop === undefined) return picture;
	const { inner } = crop;
	const across = spanOf(picture.width, crop.width, inner.width);
	const down = spanOf(picture.height, crop.height, inner.height);
	const data = new Uint8ClampedArray(across.length * down.length * 3);
	for (let y = 0; y < down.length; y++) {
		const from = ((down.start + y) * picture.width + across.start) * 3;
		data.set(picture.data.subarray(from, from + across.length * 3), y * across.length * 3);
	}
	return { width: across.length, height: down.length, data };
}

function spanOf(length: number, whole: number, inner: number): { start: number; length: number } {
	const size = Math.max(1, Math.round((inner * length) / whole));
	return { start: Math.floor((length - size) / 2), length: size };
}

import type { Sound } from '../../media/types.ts';
import type { WorkSize } from './diffusion/window.ts';
import { type Material, type Pictures, readPictures, readWindowSound } from './material.ts';
import { isOutOfMemory } from './runtime/failures.ts';

/**
 * The neighbours as the first pass looks at them, read by ffmpeg while the prompt is read by Gemma.
 * `close` has to follow.
 */
export class Ahead {
	/**
	 * Aborted, with what is wrong as its reason, where something cannot be read. That memory ran out is
	 * told only to who takes it, since a smaller plan may follow.
	 */
	readonly failed: AbortSignal;
	readonly #stop = new AbortController();
	readonly #ended: readonly Promise<void>[];
	#pictures: Promise<Pictures> | null;
	#sound: Promise<Sound> | null;

	constructor(material: Material, size: WorkSize) {
		const { work } = material;
		const signal = AbortSignal.any([material.signal, this.#stop.signal]);
		const wanted = { ...material, signal };
		this.#pictures = work.picture === 'made' ? null : readPictures(wanted, size);
		this.#sound = work.sound === 'made' ? null : readSoundAfter(this.#pictures, wanted);
		const failure = new AbortController();
		this.failed = failure.signal;
		// What was read is not held here.
		this.#ended = [this.#pictures, this.#sound].map(async (reading) => {
			await reading?.then(
				() => {},
				(error) => {
					if (!isOutOfMemory(error)) failure.abort(error);
				},
			);
		});
	}

	/** Once: they take much memory, which is the caller's then. */
	takePictures(): Promise<Pictures> | null {
		const pictures = this.#pictures;
		this.#pictures = null;
		return pictures;
	}

	takeSound(): Promise<Sound> | null {
		const sound = this.#sound;
		this.#sound = null;
		return sound;
	}

	/** Nothing is read any more when it returns. */
	async close(): Promise<void> {
		this.#stop.abort(new Error('The shot is made or was given up'));
		await Promise.all(this.#ended);
	}
}

/** The pictures, which the larger network waits for, come first. */
async function readSoundAfter(pictures: Promise<Pictures> | null, wanted: Material) {
	await pictures;
	return readWindowSound(wanted);
}

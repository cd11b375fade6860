import { AsyncQueue } from '../../../../protocol/async-queue.ts';
import { type EncodedClip, encodeClip } from '../../../media/encode.ts';
import type { ClipWanted, Ffmpeg, Frame, Sound } from '../../../media/types.ts';
import { crossfadeFrom } from '../sound/joins.ts';

const SILENCE: Sound = { left: new Float32Array(0), right: new Float32Array(0) };

/** A clip that is encoded while its frames and its sound are still being made. */
export class ClipWriter {
	readonly #encoded: Promise<EncodedClip>;
	readonly #stop = new AbortController();
	readonly #pictures = new AsyncQueue<Frame>();
	readonly #sounds = new AsyncQueue<Sound>();
	#continuation = SILENCE;

	/** Starts the encoder. `finish` or `abandon` has to follow. */
	constructor(
		ffmpeg: Ffmpeg,
		wanted: Omit<ClipWanted, 'frames' | 'sound'>,
		{ hasSound, signal }: { readonly hasSound: boolean; readonly signal: AbortSignal },
	) {
		const sound = hasSound ? this.#sounds : null;
		this.#encoded = encodeClip(
			ffmpeg,
			{ ...wanted, frames: this.#pictures, sound },
			AbortSignal.any([signal, this.#stop.signal]),
		);
		// Told where it is waited for; it may fail while nobody does.
		this.#encoded.catch(() => {});
	}

	/**
	 * Returns when the encoder has taken the frame, which waits for the sound that belongs to it;
	 * throws why it has ended where it has.
	 */
	async write(frame: Frame): Promise<void> {
		await Promise.race([this.#pictures.push(frame), this.#encoded]);
	}

	/**
	 * The next piece of the sound, and how it goes on for a moment, out of which the piece after it
	 * comes. It waits here for the encoder, which may take no more of it before it has had later frames.
	 */
	writeSound(sound: Sound, continuation: Sound = SILENCE): void {
		this.#sounds.push(crossfadeFrom(sound, this.#continuation));
		this.#continuation = continuation;
	}

	/** After the last frame and all of the sound. */
	finish(): Promise<EncodedClip> {
		this.#pictures.end();
		this.#sounds.end();
		return this.#encoded;
	}

	/** Nothing of the clip is left on return; one that is finished stays. */
	async abandon(): Promise<void> {
		this.#stop.abort(new Error('The clip was given up'));
		this.#pictures.end();
		this.#sounds.end();
		await this.#encoded.catch(() => {});
	}
}

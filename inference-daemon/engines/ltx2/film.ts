import { type EncodedClip, encodeClip } from '../../media/encode.ts';
import type { ClipWanted, Ffmpeg, Frame, Sound } from '../../media/types.ts';

/** A clip that is encoded while its frames and its sound are still being made. */
export class Film {
	readonly #encoded: Promise<EncodedClip>;
	readonly #stop = new AbortController();
	readonly #pictures = new Handover<Frame>();
	readonly #sounds = new Handover<Sound>();

	/** Starts the encoder. `finish` or `abandon` has to follow. */
	constructor(
		ffmpeg: Ffmpeg,
		wanted: Omit<ClipWanted, 'frames' | 'sound'>,
		{ hasSound, signal }: { readonly hasSound: boolean; readonly signal: AbortSignal },
	) {
		const sound = hasSound ? this.#sounds.taken() : null;
		this.#encoded = encodeClip(
			ffmpeg,
			{ ...wanted, frames: this.#pictures.taken(), sound },
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
		await Promise.race([this.#pictures.give(frame), this.#encoded]);
	}

	/** The next piece of the sound; returns as `write`. */
	async writeSound(sound: Sound): Promise<void> {
		await Promise.race([this.#sounds.give(sound), this.#encoded]);
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

/** Things from hand to hand: each is given when it has been taken. */
class Handover<T> {
	#offered = withResolvers<{ readonly value: T } | null>();
	#thanks = withResolvers<void>();

	give(value: T): Promise<void> {
		const { promise } = this.#thanks;
		this.#offered.resolve({ value });
		return promise;
	}

	end(): void {
		this.#offered.resolve(null);
	}

	async *taken(): AsyncGenerator<T, void, void> {
		for (;;) {
			const offered = await this.#offered.promise;
			if (offered === null) return;
			this.#offered = withResolvers();
			yield offered.value;
			const thanks = this.#thanks;
			this.#thanks = withResolvers();
			thanks.resolve();
		}
	}
}

type Resolvers<T> = {
	readonly promise: Promise<T>;
	resolve(value: T): void;
	reject(reason: unknown): void;
};

/** Node 20 has no `Promise.withResolvers`. */
function withResolvers<T>(): Resolvers<T> {
	let resolve: Resolvers<T>['resolve'] = () => {};
	let reject: Resolvers<T>['reject'] = () => {};
	const promise = new Promise<T>((take, refuse) => {
		resolve = take;
		reject = refuse;
	});
	return { promise, resolve, reject };
}

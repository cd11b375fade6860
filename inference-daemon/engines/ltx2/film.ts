import { type EncodedClip, encodeClip } from '../../media/encode.ts';
import type { ClipWanted, Ffmpeg, Frame, Sound } from '../../media/types.ts';

/** A clip that is encoded while its frames and its sound are still being made. */
export class Film {
	readonly #encoded: Promise<EncodedClip>;
	readonly #stop = new AbortController();
	readonly #sound = withResolvers<Sound>();
	#offered = withResolvers<Frame | null>();
	#taken = withResolvers<void>();
	#isOver = false;

	/** Starts the encoder. `finish` or `abandon` has to follow. */
	constructor(
		ffmpeg: Ffmpeg,
		wanted: Omit<ClipWanted, 'frames' | 'sound'>,
		{ hasSound, signal }: { readonly hasSound: boolean; readonly signal: AbortSignal },
	) {
		const sound = hasSound ? this.#sound.promise : null;
		this.#encoded = encodeClip(
			ffmpeg,
			{ ...wanted, frames: this.#frames(), sound },
			AbortSignal.any([signal, this.#stop.signal]),
		);
		// Told where it is waited for; it may fail while nobody does.
		this.#encoded.catch(() => {});
		this.#sound.promise.catch(() => {});
	}

	/** Returns when the encoder has taken the frame; throws why it has ended where it has. */
	async write(frame: Frame): Promise<void> {
		const taken = this.#taken.promise;
		this.#offered.resolve(frame);
		await Promise.race([taken, this.#encoded]);
	}

	setSound(sound: Sound): void {
		this.#sound.resolve(sound);
	}

	/** After the last frame and the sound. */
	finish(): Promise<EncodedClip> {
		this.#offered.resolve(null);
		return this.#encoded;
	}

	/** Nothing of the clip is left on return; what stands under its name already stays. */
	async abandon(): Promise<void> {
		this.#isOver = true;
		this.#stop.abort(new Error('The clip was given up'));
		this.#offered.resolve(null);
		this.#sound.reject(new Error('The clip was given up'));
		await this.#encoded.catch(() => {});
	}

	async *#frames(): AsyncGenerator<Frame, void, void> {
		for (;;) {
			const frame = await this.#offered.promise;
			if (frame === null || this.#isOver) return;
			this.#offered = withResolvers();
			yield frame;
			const taken = this.#taken;
			this.#taken = withResolvers();
			taken.resolve();
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

import type { Sound } from '../../../media/types.ts';
import { type Joins, readJoins } from '../decode/clip-sound.ts';
import type { WorkSize } from '../plan/window.ts';
import { isOutOfMemory } from '../runtime/failures.ts';
import { type PassSource, type Pictures, readPictures, readWindowSound } from './read-window.ts';

/**
 * The neighbours as the first pass looks at them, and what their sound is at the joins: read by ffmpeg
 * while the prompt is read by Gemma, or when they are wanted. `close` has to follow.
 */
export class Prefetch {
	/**
	 * Aborted, with what is wrong as its reason, where something cannot be read. That memory ran out is
	 * told only to who takes it, since a smaller plan may follow.
	 */
	readonly failed: AbortSignal;
	readonly #failure = new AbortController();
	readonly #stop = new AbortController();
	readonly #ended: Promise<void>[] = [];
	readonly #begin: () => Reading;
	#reading: Reading | null = null;

	constructor(source: PassSource, size: WorkSize) {
		this.failed = this.#failure.signal;
		const signal = AbortSignal.any([source.signal, this.#stop.signal]);
		this.#begin = () => readingOf({ ...source, signal }, size);
	}

	/** Reading goes on from here; it may have begun. */
	begin(): Reading {
		if (this.#reading === null) {
			this.#reading = this.#begin();
			// What was read is not held here.
			const { pictures, sound, joins } = this.#reading;
			this.#ended.push(this.#watch(pictures), this.#watch(sound), this.#watch(joins));
		}
		return this.#reading;
	}

	/** Once: they take much memory, which is the caller's then. */
	takePictures(): Promise<Pictures> | null {
		return this.#take('pictures');
	}

	takeSound(): Promise<Sound> | null {
		return this.#take('sound');
	}

	/** null where no sound is made. */
	joins(): Promise<Joins> | null {
		return this.begin().joins;
	}

	/** Nothing is read any more when it returns. */
	async close(): Promise<void> {
		this.#stop.abort(new Error('The shot is made or was given up'));
		await Promise.all(this.#ended);
	}

	#take<K extends 'pictures' | 'sound'>(part: K): Reading[K] {
		const reading = this.begin();
		this.#reading = { ...reading, [part]: null };
		return reading[part];
	}

	async #watch(reading: Promise<unknown> | null): Promise<void> {
		await reading?.then(
			() => {},
			(error) => {
				if (!isOutOfMemory(error)) this.#failure.abort(error);
			},
		);
	}
}

type Reading = {
	readonly pictures: Promise<Pictures> | null;
	readonly sound: Promise<Sound> | null;
	readonly joins: Promise<Joins> | null;
};

/**
 * One after the other: the sound, which its network sees while the pictures are read, the pictures,
 * and last the joins, for which the clip's own sound waits.
 */
function readingOf(source: PassSource, size: WorkSize): Reading {
	const { work } = source;
	const sound = work.sound === 'made' ? null : readWindowSound(source);
	const pictures =
		work.picture === 'made' ? null : after([sound], () => readPictures(source, size));
	const isMade = work.hasSound && work.sound !== 'given';
	const joins = isMade ? after([sound, pictures], () => readJoins(source)) : null;
	return { pictures, sound, joins };
}

async function after<T>(others: readonly (Promise<unknown> | null)[], read: () => Promise<T>) {
	await Promise.all(others);
	return read();
}

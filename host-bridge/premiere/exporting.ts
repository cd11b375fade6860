/**
 * How long Media Encoder may say nothing of a job that it has begun, in ms, before the job is taken
 * to have ended: it may have been closed itself, which nobody tells.
 */
export const LONGEST_SILENCE = 60_000;

/** Whether Premiere exports by Media Encoder, as that tells of its jobs. */
export class Exporting {
	#heard: number | null = null;

	/** A job goes on. */
	progress(now = Date.now()): void {
		this.#heard = now;
	}

	/** It has ended, one way or another. */
	end(): void {
		this.#heard = null;
	}

	look(now = Date.now()): boolean {
		return this.#heard !== null && now - this.#heard < LONGEST_SILENCE;
	}
}

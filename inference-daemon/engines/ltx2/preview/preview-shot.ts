import type { Looked } from '../condition/condition.ts';
import { normalNoise } from '../diffusion/noise.ts';
import type { Latents } from '../diffusion/samplers.ts';
import type { Pass } from '../plan/passes.ts';
import { pictureLatent, type Take } from '../run.ts';
import { meanwhile } from '../runtime/meanwhile.ts';
import { cellOf, cellsWhere, showsMuch } from './preview-map.ts';

/** What is still to be learned from before the first preview. */
export type Lesson = () => Promise<unknown>;

/**
 * Fits the preview to what the window shows, or once for each checkpoint to what noise looks like. The
 * first takes a while but no network, and is given back for when there is time.
 */
export async function learnPreview(
	take: Take,
	pass: Pass,
	{ seen }: Looked,
): Promise<Lesson | null> {
	const { previews, work, vae, signal } = take;
	const { gap, frames, spare } = pass.window;
	const isGiven = (frame: number) =>
		frame < frames - spare && (work.picture === 'given' || frame < gap.start || frame >= gap.end);
	if (seen !== null) {
		const cells = cellsWhere(frames, isGiven);
		if (previews.ready || showsMuch(seen.pixels, cells)) {
			return () => previews.fit(seen.latent, seen.pixels, cells);
		}
		await previews.fit(seen.latent, seen.pixels, cells);
	}
	const key = { seed: 0, stream: 'decoder', draw: 0 };
	const noise = (length: number) => normalNoise(key, length);
	await previews.fitOnce((latent) => vae.decodePicture(latent, noise, signal));
	return null;
}

/** The previews of a stage, each made while the next step is. */
export class Showing {
	readonly #show: (clean: Latents) => void;
	#lesson: Lesson | null;
	#shown: Promise<void> = Promise.resolve();

	/** `lesson` is learned before the first of them. */
	constructor(take: Take, pass: Pass, stage: number, lesson: Lesson | null) {
		this.#show = (clean) => showPreview(take, pass, stage, clean);
		this.#lesson = lesson;
	}

	/** Returns when the preview before is made; throws what went wrong with it. */
	async next(clean: Latents): Promise<void> {
		await this.#shown;
		this.#shown = meanwhile(async () => {
			await this.#lesson?.();
			this.#lesson = null;
			this.#show(clean);
		});
	}

	/** Returns when the last one is made; throws what went wrong with it. */
	end(): Promise<void> {
		return this.#shown;
	}

	/** None is being made when it returns. */
	async abandon(): Promise<void> {
		await this.#shown.catch(() => {});
	}
}

/** A small picture of the middle of what is being made, of how it looks so far. */
function showPreview(take: Take, pass: Pass, stage: number, clean: Latents): void {
	const { previews, work, tell } = take;
	const { start, end } = pass.window.gap;
	const cell = cellOf((start + end) >> 1);
	const crop = work.stages[stage]!;
	const jpeg = previews.jpeg(pictureLatent(take, pass, stage, clean, cell), { crop });
	if (jpeg) tell({ kind: 'preview', jpeg });
}

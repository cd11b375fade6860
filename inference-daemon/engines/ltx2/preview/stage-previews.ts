import type { Seen } from '../condition/condition.ts';
import { normalNoise } from '../diffusion/noise.ts';
import type { Latents } from '../diffusion/samplers.ts';
import { type PassRun, pictureLatent } from '../run.ts';
import { isOutOfMemory } from '../runtime/failures.ts';
import { meanwhile } from '../runtime/meanwhile.ts';
import { cellOf, cellsWhere, showsMuch } from './preview-map.ts';

/** What is still to be learned from before the first preview. */
export type PreviewFit = () => Promise<unknown>;

/**
 * Fits the preview to what the window shows, or once for each checkpoint to what noise looks like. The
 * first takes a while but no network, and is given back for when there is time.
 */
export async function preparePreview(run: PassRun, seen: Seen | null): Promise<PreviewFit | null> {
	const { previews, work, pass, vae, signal } = run;
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
	await previews
		.fitOnce((latent) => vae.decodePicture(latent, noise, signal))
		.catch((error: unknown) => {
			// A shot is made without previews rather than not at all.
			if (!isOutOfMemory(error)) throw error;
		});
	return null;
}

/** The previews of a stage, each made while the next step is. */
export class StagePreviews {
	readonly #show: (clean: Latents) => void;
	#fit: PreviewFit | null;
	#shown: Promise<void> = Promise.resolve();

	/** `fit` is learned before the first of them. */
	constructor(run: PassRun, stage: number, fit: PreviewFit | null) {
		this.#show = (clean) => showPreview(run, stage, clean);
		this.#fit = fit;
	}

	/** Returns when the preview before is made; throws what went wrong with it. */
	async next(clean: Latents): Promise<void> {
		await this.#shown;
		this.#shown = meanwhile(async () => {
			await this.#fit?.();
			this.#fit = null;
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
function showPreview(run: PassRun, stage: number, clean: Latents): void {
	const { previews, work, pass, tell } = run;
	const { start, end } = pass.window.gap;
	const cell = cellOf((start + end) >> 1);
	const crop = work.sizes[stage]!;
	const png = previews.png(pictureLatent(run, stage, clean, cell), { crop });
	if (png) tell({ kind: 'preview', png });
}

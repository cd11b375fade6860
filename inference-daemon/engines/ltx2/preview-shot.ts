import { normalNoise } from './diffusion/noise.ts';
import type { Latents } from './diffusion/samplers.ts';
import type { Pass } from './passes.ts';
import { cellOf, cellsWhere } from './preview-map.ts';
import type { Looked } from './shot.ts';
import { pictureLatent, type Take } from './take.ts';

/** Fits the preview to what the window shows, or once for each checkpoint to what noise looks like. */
export async function learnPreview(take: Take, pass: Pass, { seen }: Looked): Promise<void> {
	const { previews, work, codec, signal } = take;
	const { gap, frames, spare } = pass.window;
	const isGiven = (frame: number) =>
		frame < frames - spare && (work.picture === 'given' || frame < gap.start || frame >= gap.end);
	if (seen !== null) await previews.fit(seen.latent, seen.pixels, cellsWhere(frames, isGiven));
	await previews.fitOnce((latent) => {
		const noise = normalNoise({ seed: 0, stream: 'decoder', draw: 0 }, latent.data.length);
		return codec.decodePicture(latent, { data: noise, shape: latent.shape }, signal);
	});
}

/** A small picture of the middle of what is being made, of how it looks so far. */
export function showPreview(take: Take, pass: Pass, stage: number, clean: Latents): void {
	const { previews, work, tell } = take;
	const { start, end } = pass.window.gap;
	const cell = cellOf((start + end) >> 1);
	const crop = work.stages[stage]!;
	const jpeg = previews.jpeg(pictureLatent(take, pass, stage, clean, cell), { crop });
	if (jpeg) tell({ kind: 'preview', jpeg });
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPreviews } from '../../inference-daemon/engines/ltx2/preview/preview.ts';
import { median } from '../measure.ts';
import { processorTime } from './processor.ts';
import { uniform } from './weights.ts';

const CHANNELS = 128;
const LATENT = [16, 16, 24] as const;
const ROUNDS = 20;

/** The CPU time of previews for a shot of 768×512×121: the map from its neighbours, and one JPEG. */
export async function benchPreview(): Promise<void> {
	const folder = await mkdtemp(join(tmpdir(), 'pickup-bench-'));
	try {
		const [f, h, w] = LATENT;
		const shape = [CHANNELS, f, h, w];
		const latent = { data: uniform(CHANNELS * f * h * w, 1.7), shape };
		const frames = 8 * (f - 1) + 1;
		const pixels = {
			data: uniform(3 * frames * h * 32 * w * 32, 1),
			shape: [3, frames, h * 32, w * 32],
		};
		const previews = await openPreviews({ folder, key: 'bench', channels: CHANNELS });
		const fit = await processorTime(() => previews.fit(latent, pixels));
		const times: number[] = [];
		let bytes = 0;
		for (let round = 0; round < ROUNDS; round++) {
			const milliseconds = await processorTime(() => {
				bytes = previews.png(latent)!.length;
			});
			times.push(milliseconds);
		}
		const [first, usual] = [times[0]!, median(times)];
		console.log(
			`previews of 768×512×121: map ${fit.toFixed(0)} ms once, JPEG of ${w * 8}×${h * 8} ${usual.toFixed(1)} ms (the first ${first.toFixed(1)}), ${bytes} bytes`,
		);
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

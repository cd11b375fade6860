/**
 * A program: decodes frames `from` to `to` of a 1920 × 1088 latent of four cells within `memory` and
 * writes by how many bytes its memory grew at most, and how many frames came.
 */

import { normalNoise } from '../../../inference-daemon/engines/ltx2/diffusion/noise.ts';
import { Vae } from '../../../inference-daemon/engines/ltx2/vae/vae.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';

const [path, memory, from, to] = process.argv.slice(2);
const vae = new Vae(await Checkpoint.open(path!), { memory: Number(memory) });
const shape = [1, 6, 4, 34, 60];
const data = normalNoise({ seed: 1, stream: 'video', draw: 0 }, 6 * 4 * 34 * 60);
const before = process.memoryUsage().rss;
let frames = 0;
for await (const { planes } of vae.decodeFrames(
	{ data, shape },
	{ frames: [Number(from), Number(to)] },
)) {
	if (planes.every((plane) => plane.every(Number.isFinite))) frames += 1;
}
const peak = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ frames, grown: peak - before }));

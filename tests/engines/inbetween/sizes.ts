import { buildBridge, type Side } from '../../../inference-daemon/engines/inbetween/bridge.ts';
import { kernelModule, loadKernels } from '../../../inference-daemon/engines/inbetween/kernels.ts';
import { frame, type Texture, texture } from './shots.ts';

export type Trial = {
	readonly width: number;
	readonly height: number;
	/** Which way both sides move, in pixels a frame. */
	readonly way: readonly [number, number];
	readonly format: 'yuv420p' | 'yuv422p10le';
	/** Whether both sides show one scene, or two. */
	readonly alike: boolean;
};

const WAYS = [
	[2, 0],
	[-2, 0],
	[0, 2],
	[0, -2],
	[-1.5, -1.5],
	[9, -9],
] as const;

/** Trial `index` at a size: after twelve of them at sizes all over, every kind has been tried. */
export function trialAt(index: number, width: number, height: number): Trial {
	return {
		width,
		height,
		way: WAYS[index % WAYS.length]!,
		format: index % 4 === 3 ? 'yuv422p10le' : 'yuv420p',
		alike: index % 5 === 4,
	};
}

const COUNT = 9;
const RUBBISH = 8 * 2 ** 20;
/** Small enough that a picture of 400 × 400 costs little to paint. */
const TILE = 64;

/**
 * Draws a short gap at a size. The kernels' memory holds rubbish to begin with, as after another
 * picture: whatever is read before it is written leads far outside.
 */
export async function drawTrial(trial: Trial): Promise<readonly Uint8Array[]> {
	const { width, height, way, format, alike } = trial;
	const shots = [tiled(1), tiled(alike ? 1 : 2)] as const;
	const side = (look: Texture, at: number, inner: number): Side => {
		const shown = (t: number) =>
			frame(width, height, (x, y) => look(x - way[0] * t, y - way[1] * t), format);
		return { edge: shown(at), inner: shown(inner), distance: 3 };
	};
	const kernels = loadKernels(await kernelModule());
	kernels.bytes(kernels.allocate(RUBBISH), RUBBISH).fill(0x7f);
	kernels.clear();
	const left = side(shots[0], 0, -3);
	const right = side(shots[1], COUNT + 1, COUNT + 4);
	const bridge = buildBridge(kernels, { left, right, count: COUNT, settle: 24 });
	return Array.from({ length: COUNT }, (_, i) => bridge.draw(i).slice());
}

/** Painted once, then looked up. */
function tiled(seed: number): Texture {
	const look = texture(seed);
	const tile = Float32Array.from({ length: TILE * TILE }, (_, i) =>
		look(i % TILE, Math.floor(i / TILE)),
	);
	const wrap = (at: number) => ((Math.round(at) % TILE) + TILE) % TILE;
	return (x, y) => tile[wrap(y) * TILE + wrap(x)]!;
}

import { expect, it } from 'vitest';
import { paintScene } from '../../../demo/scene.ts';
import { buildBridge } from '../../../inference-daemon/engines/inbetween/bridge.ts';
import { kernelModule, loadKernels } from '../../../inference-daemon/engines/inbetween/kernels.ts';
import type { Frame } from '../../../inference-daemon/media/types.ts';

const WIDTH = 960;
const HEIGHT = 540;
const COUNT = 60;

/** The demo's picture in grey, as a yuv420p frame. */
function greyScene(time: number): Frame {
	const rgb = paintScene(time, { width: WIDTH, height: HEIGHT });
	const data = new Uint8Array((WIDTH * HEIGHT * 3) / 2).fill(128);
	for (let i = 0; i < WIDTH * HEIGHT; i++) {
		const [r = 0, g = 0, b = 0] = rgb.subarray(i * 3, i * 3 + 3);
		data[i] = 16 + 0.183 * r + 0.614 * g + 0.062 * b;
	}
	return { width: WIDTH, height: HEIGHT, format: 'yuv420p', data };
}

it('leaves no blotches in a smooth sky while a balloon and hills move at their own speeds', async () => {
	const kernels = loadKernels(await kernelModule());
	const left = { edge: greyScene(47), inner: greyScene(44), distance: 3 };
	const right = { edge: greyScene(108), inner: greyScene(111), distance: 3 };
	const bridge = buildBridge(kernels, { left, right, count: COUNT, settle: 24 });
	expect(bridge.regime).toBe('scene');
	for (const at of [22, 26, 30]) {
		const drawn = bridge.draw(at);
		const truth = greyScene(48 + at).data;
		// Left of the sun there is nothing but its glow: what is off there is off smoothly.
		const off = (x: number, y: number) => {
			const i = y * WIDTH + x;
			return (drawn[i] ?? 0) - (truth[i] ?? 0);
		};
		let worst = 0;
		for (let y = 80; y < 210; y++) {
			for (let x = 500; x < 610; x++) {
				const steps = [off(x, y) - off(x + 6, y), off(x, y) - off(x, y + 6)].map(Math.abs);
				worst = Math.max(worst, ...steps);
			}
		}
		expect(worst, `frame ${at}`).toBeLessThan(11);
	}
});

import { expect, it } from 'vitest';
import { drawLabel } from '../../../inference-daemon/engines/inbetween/label.ts';
import { layoutOf } from '../../../inference-daemon/engines/inbetween/planes.ts';

/** How wide a docked panel shows a picture, in pixels, and how high letters have to be to be read. */
const PANEL = 360;
const READABLE = 7;

it.each([
	[640, 360],
	[1280, 720],
	[1920, 1080],
	[3840, 2160],
])('DRAFT on a picture of %i × %i is read in a narrow panel', (width, height) => {
	const data = new Uint8Array((width * height * 3) / 2).fill(16);
	drawLabel(data, layoutOf({ width, height, format: 'yuv420p', data }));
	let [first, last] = [height, 0];
	for (let at = 0; at < width * height; at++) {
		if (data[at]! < 200) continue;
		first = Math.min(first, Math.floor(at / width));
		last = Math.max(last, Math.floor(at / width));
	}
	expect(((last + 1 - first) * PANEL) / width).toBeGreaterThan(READABLE);
});

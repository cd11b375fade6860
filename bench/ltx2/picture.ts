import type { Size } from '../../protocol/schemas.ts';
import { uniform } from './weights.ts';

/** Areas of colour with grain over them, [3, height, width], about as hard to encode as a shot. */
export function picture({ width, height }: Size): Float32Array {
	const data = uniform(3 * width * height, 0.03);
	return data.map((grain, i) => {
		const [x, y] = [i % width, Math.floor(i / width) % height];
		return 0.8 * Math.sin(x / 40) * Math.cos(y / 30) + grain;
	});
}

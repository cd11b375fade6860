/** Unsigned 32-bit numbers from a seed of up to 53 bits (xorshift128, Marsaglia 2003). */
export function createRandom(seed: number): () => number {
	let x = (seed >>> 0) ^ 0x9e3779b9;
	let y = Math.floor(seed / 2 ** 32) ^ 0x243f6a88;
	let z = 0xb7e15162;
	let w = (seed >>> 0) + 0x85ebca6b;
	const next = () => {
		const t = x ^ (x << 11);
		x = y;
		y = z;
		z = w;
		w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
		return w >>> 0;
	};
	for (let i = 0; i < 16; i++) next();
	return next;
}

/** Motion of a grid of patches made whole: what could not be followed moves with its surroundings. */
export type Motion = {
	readonly columns: number;
	readonly rows: number;
	/** Full-size pixels per pixel of the small picture. */
	readonly factor: number;
	/** Interleaved x, y in pixels of the small picture. */
	readonly motion: Float32Array;
	/** 0…1 for each patch. */
	readonly trust: Float32Array;
};

/** Bilinear value of a grid of pairs at a place in pixels of the small picture. */
export function sampleGrid(
	values: Float32Array,
	columns: number,
	rows: number,
	x: number,
	y: number,
): readonly [number, number] {
	const gx = Math.max(0, Math.min(columns - 1, (x - 4) / 4));
	const gy = Math.max(0, Math.min(rows - 1, (y - 4) / 4));
	const i = Math.min(Math.floor(gx), Math.max(0, columns - 2));
	const j = Math.min(Math.floor(gy), Math.max(0, rows - 2));
	const right = columns > 1 ? 1 : 0;
	const below = rows > 1 ? columns : 0;
	const at = j * columns + i;
	const fx = gx - i;
	const fy = gy - j;
	const value = (part: number) => {
		const read = (index: number) => values[index * 2 + part]!;
		const top = read(at) + (read(at + right) - read(at)) * fx;
		const low = read(at + below) + (read(at + below + right) - read(at + below)) * fx;
		return top + (low - top) * fy;
	};
	return [value(0), value(1)];
}

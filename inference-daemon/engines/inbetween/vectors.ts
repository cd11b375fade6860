/** The length that nine in ten vectors do not exceed, told from every fifth. */
export function typicalLength(values: Float32Array): number {
	const lengths: number[] = [];
	for (let i = 0; i + 1 < values.length; i += 10) {
		lengths.push(Math.hypot(values[i]!, values[i + 1]!));
	}
	lengths.sort((a, b) => a - b);
	return lengths[Math.floor(lengths.length * 0.9)] ?? 0;
}

export function meanOf(values: Float32Array): readonly [number, number] {
	let x = 0;
	let y = 0;
	for (let i = 0; i + 1 < values.length; i += 2) {
		x += values[i]!;
		y += values[i + 1]!;
	}
	const count = Math.max(1, values.length / 2);
	return [x / count, y / count];
}

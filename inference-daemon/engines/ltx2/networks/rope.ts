/** Numbers with a shape: what a graph takes as an input. */
export type Table = { readonly data: Float32Array; readonly shape: readonly number[] };

export type RotaryTable = { readonly cos: Table; readonly sin: Table };

export type RotaryOptions = {
	/** Channels that are turned: heads · width of a head, even. */
	readonly width: number;
	readonly heads: number;
	/** Per axis: the position that stands for 1. */
	readonly maxPositions: readonly number[];
	/** Ratio of the highest to the lowest frequency, default 10,000. */
	readonly theta?: number;
};

/**
 * Rotary position embedding of tokens in one to three axes ("split" layout), in the steps in
 * which the reference rounds: with n = ⌊width / (2 · axes)⌋ frequencies per axis
 *
 *     F_j = θ^(j / (n − 1)) · π / 2          float64, rounded to float32
 *     angle = F_j · (2 · p / max − 1)         float32, p the position
 *
 * The angles of a token lie frequency by frequency, axes alternating, behind as many zero angles
 * as are needed to fill width / 2; heads take consecutive runs of them.
 *
 * `positions`: per axis one number for each token. Tables are [tokens, heads, width / heads / 2].
 */
export function rotaryTable(
	positions: readonly Float32Array[],
	options: RotaryOptions,
): RotaryTable {
	const { turns, padding } = rotaryTurns(positions, options);
	const { heads, width } = options;
	const half = width / 2;
	const axes = turns.length;
	const tokens = positions[0]!.length;
	const cos = new Float32Array(tokens * half);
	const sin = new Float32Array(tokens * half);
	for (let token = 0; token < tokens; token++) {
		const start = token * half;
		cos.fill(1, start, start + padding);
		for (const [axis, turn] of turns.entries()) {
			const row = Number(turn.rows.data[token]);
			spread(turn.cos, row, cos, start + padding + axis, axes);
			spread(turn.sin, row, sin, start + padding + axis, axes);
		}
	}
	const shape = [tokens, heads, half / heads];
	return { cos: { data: cos, shape }, sin: { data: sin, shape } };
}

/** Cosines and sines of the different positions along an axis, and which of them each token has. */
export type Turns = {
	/** [positions, frequencies]. */
	readonly cos: Table;
	readonly sin: Table;
	/** [tokens], rows of these. */
	readonly rows: { readonly data: BigInt64Array; readonly shape: readonly number[] };
};

/**
 * What `rotaryTable` is made of: along each axis tokens share a few positions. `padding` zero angles
 * come first.
 */
export function rotaryTurns(
	positions: readonly Float32Array[],
	{ width, heads, maxPositions, theta = 10_000 }: RotaryOptions,
): { readonly turns: readonly Turns[]; readonly padding: number } {
	const axes = positions.length;
	const tokens = positions[0]?.length ?? 0;
	if (axes !== maxPositions.length || positions.some(({ length }) => length !== tokens)) {
		throw new RangeError(
			`Expected ${maxPositions.length} axes of as many positions, got [${positions.map(({ length }) => length)}]`,
		);
	}
	if (width % (2 * heads) !== 0) {
		throw new RangeError(`Expected a width of pairs in ${heads} heads, got ${width}`);
	}
	const grid = frequencies(Math.floor(width / (2 * axes)), theta);
	return {
		turns: positions.map((along, axis) => turnsOf(along, grid, maxPositions[axis]!)),
		padding: width / 2 - grid.length * axes,
	};
}

function turnsOf(positions: Float32Array, grid: Float32Array, most: number): Turns {
	const different = [...new Set(positions)];
	const row = new Map(different.map((position, i) => [position, BigInt(i)]));
	const cos = new Float32Array(different.length * grid.length);
	const sin = new Float32Array(cos.length);
	for (const [i, position] of different.entries()) {
		const signed = Math.fround(2 * Math.fround(position / most) - 1);
		for (let j = 0; j < grid.length; j++) {
			const angle = Math.fround(grid[j]! * signed);
			cos[i * grid.length + j] = Math.cos(angle);
			sin[i * grid.length + j] = Math.sin(angle);
		}
	}
	const shape = [different.length, grid.length];
	const rows = BigInt64Array.from(positions, (position) => row.get(position)!);
	return {
		cos: { data: cos, shape },
		sin: { data: sin, shape },
		rows: { data: rows, shape: [rows.length] },
	};
}

/** Row `row` of a table, its numbers so far `apart`. */
function spread(
	{ data, shape }: Table,
	row: number,
	to: Float32Array,
	start: number,
	apart: number,
): void {
	const count = shape[1]!;
	const from = row * count;
	for (let j = 0, at = start; j < count; j++, at += apart) to[at] = data[from + j]!;
}

/** The middle of each token's span; `bounds` [axes, tokens, 2] holds where it starts and ends. */
export function middles({ data, shape }: Table): Float32Array[] {
	const [axes, tokens, ends] = shape;
	if (shape.length !== 3 || ends !== 2) {
		throw new RangeError(`Expected positions of [axes, tokens, 2], got [${shape}]`);
	}
	return Array.from({ length: axes! }, (_, axis) =>
		new Float32Array(tokens!).map((_, token) => {
			const at = (axis * tokens! + token) * 2;
			return Math.fround(data[at]! + data[at + 1]!) / 2;
		}),
	);
}

function frequencies(count: number, theta: number): Float32Array {
	const step = count > 1 ? 1 / (count - 1) : 0;
	return Float32Array.from({ length: count }, (_, j) => theta ** (j * step) * (Math.PI / 2));
}

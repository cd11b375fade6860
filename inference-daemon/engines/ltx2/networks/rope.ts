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
	{ width, heads, maxPositions, theta = 10_000 }: RotaryOptions,
): RotaryTable {
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
	const half = width / 2;
	const grid = frequencies(Math.floor(width / (2 * axes)), theta);
	const padding = half - grid.length * axes;
	const cos = new Float32Array(tokens * half);
	const sin = new Float32Array(tokens * half);
	const turns = maxPositions.map((most) => turnsOf(grid, most));
	cos.fill(1, 0, padding);
	for (let token = 0; token < tokens; token++) {
		// Tokens beside each other mostly differ along one axis.
		const row = token * half;
		if (token > 0) for (const table of [cos, sin]) table.copyWithin(row, row - half, row);
		for (const [axis, along] of positions.entries()) {
			const position = along[token]!;
			if (token > 0 && position === along[token - 1]) continue;
			const turn = turns[axis]!(position);
			spread(turn.cos, cos, row + padding + axis, axes);
			spread(turn.sin, sin, row + padding + axis, axes);
		}
	}
	const shape = [tokens, heads, half / heads];
	return { cos: { data: cos, shape }, sin: { data: sin, shape } };
}

/** Tables of tokens that follow each other as one. */
export function joined(tables: readonly RotaryTable[]): RotaryTable {
	const whole = (part: keyof RotaryTable): Table => {
		const [, heads, half] = tables[0]![part].shape as [number, number, number];
		const tokens = tables.reduce((sum, table) => sum + table[part].shape[0]!, 0);
		const data = new Float32Array(tokens * heads * half);
		let at = 0;
		for (const { [part]: table } of tables) {
			data.set(table.data, at);
			at += table.data.length;
		}
		return { data, shape: [tokens, heads, half] };
	};
	return { cos: whole('cos'), sin: whole('sin') };
}

/** Cosines and sines at a position, which many tokens share. */
function turnsOf(grid: Float32Array, most: number) {
	const known = new Map<number, { readonly cos: Float32Array; readonly sin: Float32Array }>();
	return (position: number) => {
		const found = known.get(position);
		if (found) return found;
		const signed = Math.fround(2 * Math.fround(position / most) - 1);
		const angles = grid.map((frequency) => frequency * signed);
		const turn = { cos: angles.map(Math.cos), sin: angles.map(Math.sin) };
		known.set(position, turn);
		return turn;
	};
}

function spread(values: Float32Array, to: Float32Array, start: number, apart: number): void {
	for (let j = 0, at = start; j < values.length; j++, at += apart) to[at] = values[j]!;
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

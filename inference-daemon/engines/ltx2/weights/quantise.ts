import type { Tensor } from './safetensors.ts';

/** How a file stores the numbers of one tensor; the graph turns them into floats when it uses them. */
export type Stored =
	| { readonly kind: 'plain'; readonly tensor: Tensor }
	/** W = tensor · scale, one scale for all or one for each row. */
	| {
			readonly kind: 'fp8';
			readonly tensor: Tensor;
			readonly scale: Tensor;
			/** The scale with which activations might be quantised too; here they never are. */
			readonly inputScale: Tensor | null;
	  }
	/**
	 * W = E2M1 · block scale · scale: two elements in a byte, one block scale for 16 elements; column
	 * j times `columnScale[j]` where there is one.
	 */
	| {
			readonly kind: 'nvfp4';
			readonly tensor: Tensor;
			readonly blockScales: Tensor;
			readonly scale: Tensor;
			readonly columnScale: Tensor | null;
			readonly inputScale: Tensor | null;
	  };

/** A matrix of a prepared file: see `int8.ts`. Graphs that take weights from files do not know it. */
export type StoredInt8 = {
	readonly kind: 'int8';
	/** U8 [rows, blocks, 32]. */
	readonly tensor: Tensor;
	/** F16 [rows, blocks]. */
	readonly scales: Tensor;
	/** Of the numbers. */
	readonly shape: readonly number[];
};

/** Elements that share a block scale. */
export const BLOCK = 16;
/** Block scales lie in tiles of this many rows and columns. */
export const TILE = { rows: 128, columns: 4 } as const;

const FLOATS: readonly string[] = ['F32', 'F16', 'BF16'];
/** Types whose numbers mean what they say. */
const PLAIN: readonly string[] = [...FLOATS, 'F8_E4M3', 'I32', 'I64'];

/**
 * Tells by the tensors beside it how a tensor is stored: `X.weight_scale` (also named
 * `X.scale_weight`), `X.weight_scale_2`, `X.pre_quant_scale` and `X.input_scale` beside `X.weight`.
 * A file may have any mixture. Null: a format that is not supported.
 */
export function storedAs(tensor: Tensor, name: string, find: Find): Stored | null {
	// A bias has the same siblings, which are none of its business.
	const beside = (other: string) =>
		name.endsWith('weight') ? find(name.slice(0, -'weight'.length) + other) : null;
	const scale = find(`${name}_scale`) ?? beside('scale_weight');
	const second = find(`${name}_scale_2`);
	const inputScale = beside('input_scale') ?? beside('scale_input');
	// What the input is multiplied by first (ModelOpt's AWQ), and so the columns of W.
	const columnScale = beside('pre_quant_scale');
	if (scale === null) {
		return PLAIN.includes(tensor.type) && columnScale === null ? { kind: 'plain', tensor } : null;
	}
	if (tensor.type === 'U8' && scale.type === 'F8_E4M3' && second !== null) {
		const blocks = tensor.shape.length === 2 && tensor.shape[1]! % (BLOCK / 2) === 0;
		if (!blocks) return null;
		return { kind: 'nvfp4', tensor, blockScales: scale, scale: second, columnScale, inputScale };
	}
	const isAlone = second === null && columnScale === null;
	const scaled = tensor.type === 'F8_E4M3' && FLOATS.includes(scale.type) && isAlone;
	return scaled ? { kind: 'fp8', tensor, scale, inputScale } : null;
}

type Find = (name: string) => Tensor | null;

/** The shape of the numbers that are stored. */
export function shapeOf(stored: Stored | StoredInt8): readonly number[] {
	const { kind, tensor } = stored;
	if (kind === 'int8') return stored.shape;
	if (kind !== 'nvfp4') return tensor.shape;
	return tensor.shape.map((n, i) => (i === tensor.shape.length - 1 ? 2 * n : n));
}

/** The scales that do not fit a matrix of that shape, with the shapes that would. */
export function misshapenScales(
	stored: Stored,
	shape: readonly number[],
): { readonly tensor: Tensor; readonly expected: readonly number[] }[] {
	if (stored.kind === 'plain') return [];
	const [rows = 1, columns = 1] = shape;
	const allowed: [Tensor | null, ...(readonly number[])[]][] = [[stored.inputScale, [], [1]]];
	if (stored.kind === 'fp8') {
		const perRow = shape.length === 2 ? [[rows], [rows, 1]] : [];
		allowed.push([stored.scale, [], [1], ...perRow]);
	} else {
		const padded = (n: number, tile: number) => Math.ceil(n / tile) * tile;
		const across = padded(columns / BLOCK, TILE.columns);
		allowed.push([stored.scale, [], [1]]);
		allowed.push([stored.blockScales, [padded(rows, TILE.rows), across]]);
		allowed.push([stored.columnScale, [columns], [1, columns]]);
	}
	return allowed.flatMap(([tensor, ...shapes]) => {
		if (tensor === null || shapes.some((one) => one.join() === tensor.shape.join())) return [];
		return [{ tensor, expected: shapes[0]! }];
	});
}

/** Tensors that only tell how another is stored. */
export function isScale(name: string): boolean {
	return /\.(weight_scale|weight_scale_2|input_scale|pre_quant_scale|scale_weight|scale_input)$/.test(
		name,
	);
}

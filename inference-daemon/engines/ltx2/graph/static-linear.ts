import type { Value } from './graph.ts';
import { addLoras, linear } from './layers.ts';
import { scaleOf } from './parameter.ts';
import type { Scope } from './scope.ts';

/** The largest number of E4M3; beyond it a product would overflow to black frames. */
const LARGEST = 448;

/**
 * `linear` with activations in FP8 as well, by the scale that the file holds for them:
 * y = E4M3(clamp(x / input_scale, ±448)) · Wqᵀ · input_scale · weight_scale + b (static
 * quantisation as the reference's FP8 kernels do it). A layer without `input_scale` is `linear`.
 * Casts to E4M3 run on the CPU where a GPU's provider has none.
 */
export function staticLinear(
	m: Scope,
	x: Value,
	width: number,
	options: { bias?: boolean; watch?: (name: string, value: Value) => void } = {},
): Value {
	const inner = x.shape.at(-1)!;
	const rows = x.shape.slice(0, -1).reduce((product, n) => product * n, 1);
	const stored = m.weights.stored('weight', [width, inner]);
	if (stored?.kind !== 'fp8' || stored.inputScale === null) return linear(m, x, width, options);
	const [inputScale, scale] = [scaleOf(m, stored.inputScale), scaleOf(m, stored.scale)];
	const scaled = m.clip(m.mul(x, m.unary('Reciprocal', inputScale)), -LARGEST, LARGEST);
	const quantised = m.cast(m.cast(scaled, 'float8e4m3'), 'float32');
	options.watch?.('quantized_input', quantised);
	const flat = m.cast(m.reshape(quantised, [rows, inner]), m.graph.precision);
	const weight = m.cast(m.graph.weight(stored.tensor), m.graph.precision);
	const product = m.op('Gemm', [flat, weight], [rows, width], { transB: 1 });
	const perRow = m.reshape(scale, scale.shape.length === 0 ? [] : [width]);
	let y = m.mul(m.cast(product, 'float32'), m.mul(inputScale, perRow));
	if (options.bias ?? true) y = m.add(y, m.param('bias', [width]));
	y = addLoras(m, m.cast(m.reshape(x, [rows, inner]), m.graph.precision), y);
	return m.reshape(y, [...x.shape.slice(0, -1), width]);
}

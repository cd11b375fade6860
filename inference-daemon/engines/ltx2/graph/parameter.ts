import { E2M1 } from '../weights/floats.ts';
import { BLOCK, type Stored, TILE } from '../weights/quantise.ts';
import type { Tensor } from '../weights/safetensors.ts';
import type { Shape, Value } from './graph.ts';
import type { ElementType } from './onnx.ts';
import type { Operators } from './operators.ts';

/**
 * A tensor of the checkpoint in the type wanted, whatever it is stored in: the graph itself turns
 * scaled bytes into numbers. Where it is missing (null) zeros stand in; the checkpoint reports it.
 */
export function parameter(
	m: Operators,
	stored: Stored | null,
	shape: Shape,
	type: ElementType,
): Value {
	if (stored === null) return m.cast(m.expand(m.constant(0), shape), type);
	return m.cast(numbers(m, stored, shape), type);
}

function numbers(m: Operators, stored: Stored, shape: Shape): Value {
	const { kind, tensor } = stored;
	if (kind === 'plain') return m.graph.weight(tensor);
	if (kind === 'fp8') {
		return m.mul(m.cast(m.graph.weight(tensor), 'float32'), scaleOf(m, stored.scale));
	}
	const [rows, columns] = shape as [number, number];
	const blocks = m.reshape(fourBits(m, tensor), [rows, columns / BLOCK, BLOCK]);
	const scales = m.mul(blockScales(m, stored.blockScales, shape), scaleOf(m, stored.scale));
	const whole = m.reshape(m.mul(blocks, m.reshape(scales, [rows, columns / BLOCK, 1])), shape);
	if (stored.columnScale === null) return whole;
	return m.mul(whole, m.cast(m.graph.weight(stored.columnScale, [1, columns]), 'float32'));
}

/** One number for the whole matrix, or [rows, 1]. */
function scaleOf(m: Operators, scale: Tensor): Value {
	const [rows = 1] = scale.shape;
	return m.cast(m.graph.weight(scale, rows === 1 ? [] : [rows, 1]), 'float32');
}

/** Both elements of each byte of [rows, columns / 2], the one in the high bits first. */
function fourBits(m: Operators, bytes: Tensor): Value {
	const pairs = Array.from({ length: 256 }, (_, byte) => [E2M1[byte >> 4]!, E2M1[byte & 15]!]);
	const table = m.constant(pairs.flat(), [256, 2]);
	return m.gather(table, m.cast(m.graph.weight(bytes), 'int32'));
}

/**
 * Block scales [rows, columns / 16] out of tiles of 128 × 4, in which row r and column c lie at
 * (r mod 32) · 16 + ⌊r / 32⌋ · 4 + c (NVIDIA cuBLAS, "1D Block Scaling Factors Layout").
 */
function blockScales(m: Operators, tensor: Tensor, [rows, columns]: Shape): Value {
	const [down, across] = [tensor.shape[0]! / TILE.rows, tensor.shape[1]! / TILE.columns];
	const tiled = m.graph.weight(tensor, [down, across, 32, TILE.rows / 32, TILE.columns]);
	const straight = m.transpose(m.cast(tiled, 'float32'), [0, 3, 2, 1, 4]);
	const padded = m.reshape(straight, tensor.shape);
	return m.slice(m.slice(padded, 0, 0, rows!), 1, 0, columns! / BLOCK);
}

/**
 * Whole numbers of 8 bits in blocks along the last axis, as ONNX Runtime's MatMulNBits takes them
 * (bits 8, block_size 32, no zero points: 128 stands for 0): W = (byte − 128) · scale.
 */
import { halfBits, halfValue } from './floats.ts';

/** Numbers that share a scale. */
export const INT8_BLOCK = 32;

/** Bytes and scales that a matrix takes; a row's last block is padded with 128. */
export function int8Lengths(rows: number, columns: number): { data: number; scales: number } {
	const blocks = rows * Math.ceil(columns / INT8_BLOCK);
	return { data: blocks * INT8_BLOCK, scales: blocks };
}

/**
 * Quantises whole rows of numbers, told by the bits of float32 or of bfloat16, which are the upper half
 * of those. A block's scale is its largest number / 127, rounded to float16 before it is used, so that
 * each number is off by half a scale at most. Gives the index of the first number that is NaN,
 * infinite or beyond such a scale; −1 where none is.
 */
export function quantise(
	bits: Int32Array | Uint16Array,
	columns: number,
	data: Uint8Array,
	scales: Float32Array,
): number {
	const shift = bits instanceof Uint16Array ? 16 : 0;
	const own = new Int32Array(INT8_BLOCK);
	const numbers = new Float32Array(own.buffer);
	let [block, to] = [0, 0];
	for (let row = 0; row < bits.length; row += columns) {
		for (let column = 0; column < columns; column += INT8_BLOCK) {
			const count = Math.min(columns - column, INT8_BLOCK);
			// Without their signs, floats are in order as whole numbers are, NaN last.
			let largest = 0;
			for (let i = 0; i < count; i++) {
				const one = bits[row + column + i]! << shift;
				own[i] = one;
				// Without a branch, which would be guessed wrong again and again.
				const above = (one & 0x7fff_ffff) - largest;
				largest += above & ~(above >> 31);
			}
			const scale = scaleFor(largest);
			if (scale === Infinity) {
				return row + column + own.findIndex((one) => (one & 0x7fff_ffff) === largest);
			}
			scales[block++] = scale;
			const times = scale === 0 ? 0 : 1 / scale;
			for (let i = 0; i < count; i++) {
				const code = (numbers[i]! * times + 128.5) | 0;
				data[to++] = code > 255 ? 255 : code;
			}
			for (let i = count; i < INT8_BLOCK; i++) data[to++] = 128;
		}
	}
	return -1;
}

const BITS = new Uint32Array(1);
const LARGEST = new Float32Array(BITS.buffer);

/** For a block whose largest number without its sign has these bits. */
function scaleFor(bits: number): number {
	BITS[0] = bits;
	const largest = LARGEST[0]!;
	if (!(largest < Infinity)) return Infinity;
	const half = halfBits(largest / 127);
	const scale = halfValue(half);
	// The smallest float16 have few digits: one rounded down far would cut its block's numbers off.
	return largest > 127.5 * scale ? halfValue(half + 1) : scale;
}

/** The numbers of whole rows, `columns` each. */
export function dequantise(
	data: Uint8Array,
	scales: Float32Array,
	columns: number,
	numbers: Float32Array,
): void {
	let [block, from] = [0, 0];
	for (let row = 0; row < numbers.length; row += columns) {
		for (let column = 0; column < columns; column += INT8_BLOCK) {
			const scale = scales[block++]!;
			const end = row + Math.min(columns, column + INT8_BLOCK);
			for (let i = row + column, at = from; i < end; i++, at++) {
				numbers[i] = (data[at]! - 128) * scale;
			}
			from += INT8_BLOCK;
		}
	}
}

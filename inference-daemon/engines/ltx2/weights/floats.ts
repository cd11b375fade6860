/** The types of floating point that files with weights have, and float32. */

import type { StoredType } from './safetensors.ts';

export type FloatType = 'F32' | 'F16' | 'BF16' | 'F8_E4M3';

export function isFloat(type: StoredType): type is FloatType {
	return type === 'F32' || type === 'F16' || type === 'BF16' || type === 'F8_E4M3';
}

/** Writes what bytes stand for into `into`, which has as many numbers. Their start has to be aligned. */
export function decodeFloats(type: FloatType, bytes: Uint8Array, into: Float32Array): void {
	const { buffer, byteOffset } = bytes;
	if (type === 'F32') into.set(new Float32Array(buffer, byteOffset, into.length));
	else if (type === 'F8_E4M3') look(E4M3, bytes, into);
	else if (type === 'F16') look(F16, new Uint16Array(buffer, byteOffset, into.length), into);
	else {
		const halves = new Uint16Array(buffer, byteOffset, into.length);
		const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
		for (let i = 0; i < bits.length; i++) bits[i] = halves[i]! << 16;
	}
}

/** As `decodeFloats`, also for F32 whose start is anywhere; for the few numbers that scales are. */
export function floatsOf(type: FloatType, bytes: Uint8Array): Float32Array {
	const width = type === 'F32' ? 4 : type === 'F8_E4M3' ? 1 : 2;
	const found = new Float32Array(bytes.length / width);
	decodeFloats(type, Uint8Array.from(bytes), found);
	return found;
}

/** Rounds to the nearest float16, a tie to the even one; what is too large becomes infinite. */
export function encodeHalves(numbers: Float32Array, into: Uint16Array): void {
	const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
	for (let i = 0; i < bits.length; i++) into[i] = halfOf(bits[i]!, numbers[i]!);
}

/** Rounds to the nearest bfloat16, a tie to the even one; what is too large becomes infinite. */
export function encodeBfloats(numbers: Float32Array, into: Uint16Array): void {
	const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
	for (let i = 0; i < bits.length; i++) {
		const b = bits[i]!;
		into[i] = (b + 0x7fff + ((b >>> 16) & 1)) >>> 16;
	}
}

export type Bits = Uint32Array | Uint16Array | Uint8Array;

/** Index of the first number with all of these bits, of NaN and infinity those of the exponent; null where none has them. */
export function firstWith(bits: Bits, exponent: number): number | null {
	for (let i = 0; i < bits.length; i++) {
		if ((bits[i]! & exponent) === exponent) return i;
	}
	return null;
}

/** What 16 bits stand for in float16. */
export function halfValue(bits: number): number {
	return F16[bits]!;
}

/** The float16 nearest to a number that a float32 holds; its bits. */
export function halfBits(value: number): number {
	NUMBER[0] = value;
	return halfOf(BITS[0]!, NUMBER[0]);
}

const NUMBER = new Float32Array(1);
const BITS = new Uint32Array(NUMBER.buffer);
const REST = new Float32Array(1);
const REST_BITS = new Uint32Array(REST.buffer);

function halfOf(bits: number, value: number): number {
	const sign = (bits >>> 16) & 0x8000;
	const size = bits & 0x7fff_ffff;
	if (size >= 0x4780_0000) return sign | (size > 0x7f80_0000 ? 0x7e00 : 0x7c00);
	if (size >= 0x3880_0000) {
		const rebased = size - 0x3800_0000;
		return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
	}
	// The last bit of a float32 of 0.5 and more is worth what that of a small float16 is.
	REST[0] = 0.5 + Math.abs(value);
	return sign | (REST_BITS[0]! - 0x3f00_0000);
}

function look(table: Float32Array, codes: Uint8Array | Uint16Array, into: Float32Array): void {
	for (let i = 0; i < into.length; i++) into[i] = table[codes[i]!]!;
}

/** Sign, exponent, fraction (IEEE 754, binary16). */
const F16 = Float32Array.from({ length: 1 << 16 }, (_, code) => {
	const [sign, exponent, fraction] = [code >> 15, (code >> 10) & 31, code & 1023];
	const size =
		exponent === 31 ? (fraction === 0 ? Infinity : NaN) : sized(exponent, fraction, 15, 10);
	return sign === 0 ? size : -size;
});

/** Without an infinity, and with one NaN of either sign (OCP 8-bit Floating Point 1.0, E4M3). */
const E4M3 = Float32Array.from({ length: 1 << 8 }, (_, code) => {
	const [sign, exponent, fraction] = [code >> 7, (code >> 3) & 15, code & 7];
	const size = (code & 127) === 127 ? NaN : sized(exponent, fraction, 7, 3);
	return sign === 0 ? size : -size;
});

/** What four bits stand for in E2M1 (OCP Microscaling Formats 1.0). */
export const E2M1 = Float32Array.of(
	...[0, 0.5, 1, 1.5, 2, 3, 4, 6],
	...[-0, -0.5, -1, -1.5, -2, -3, -4, -6],
);

function sized(exponent: number, fraction: number, bias: number, digits: number): number {
	const part = fraction / 2 ** digits;
	return exponent === 0 ? part * 2 ** (1 - bias) : (1 + part) * 2 ** (exponent - bias);
}

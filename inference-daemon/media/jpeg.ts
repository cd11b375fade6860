import type { Size } from '../../protocol/schemas.ts';

/** Packed red, green and blue, a byte each. */
export type RgbPicture = Size & { readonly data: Uint8Array | Uint8ClampedArray };

/**
 * A small picture as a JPEG, in this process: baseline, colours at full resolution (ITU-T T.81 in a
 * JFIF file). Takes milliseconds where a start of ffmpeg would take a hundred. Throws RangeError for
 * sizes that are not 1…65535 and for data of another length.
 */
export function jpegOf(picture: RgbPicture): Uint8Array {
	const { width, height, data } = picture;
	const isSize = (side: number) => Number.isInteger(side) && side >= 1 && side <= 65_535;
	if (!isSize(width) || !isSize(height) || data.length !== width * height * 3) {
		throw new RangeError(`Expected ${width}×${height} RGB pixels, got ${data.length} bytes`);
	}
	return Buffer.concat([headOf(picture), scanOf(picture), Uint8Array.of(0xff, 0xd9)]);
}

/** T.81, table K.1, for a quality of 90 in the scale of the Independent JPEG Group: a fifth of it. */
const STEPS = [
	...[16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55],
	...[14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62],
	...[18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92],
	...[49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99],
].map((step) => Math.max(1, Math.round(step / 5)));

/** Rows and columns of a block along its diagonals, from low to high frequencies. */
const ZIGZAG = Array.from({ length: 64 }, (_, i) => i).sort((a, b) => {
	const [rowA, rowB] = [a >> 3, b >> 3];
	const [sumA, sumB] = [rowA + (a & 7), rowB + (b & 7)];
	if (sumA !== sumB) return sumA - sumB;
	return sumA % 2 === 0 ? rowB - rowA : rowA - rowB;
});

/** How many codes there are of 1, 2, … 16 bits, and what they stand for, in their order. */
type Huffman = { readonly counts: readonly number[]; readonly symbols: readonly number[] };

/** T.81, table K.3. */
const DC: Huffman = {
	counts: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
	symbols: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
};

/** The frequent ones of T.81, table K.5: zeros before a number, times 16, and the number's bits. */
const FREQUENT = [
	...[0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13],
	...[0x51, 0x61, 0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42],
	...[0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82],
];

const AC: Huffman = {
	counts: [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125],
	symbols: [...FREQUENT, ...Array.from({ length: 256 }, (_, i) => i).filter(isRare)],
};

function isRare(symbol: number): boolean {
	const bits = symbol & 15;
	return bits >= 1 && bits <= 10 && !FREQUENT.includes(symbol);
}

function headOf({ width, height }: Size): Uint8Array {
	const two = (value: number) => [value >> 8, value & 255];
	const segment = (marker: number, bytes: readonly number[]) => [
		...[0xff, marker, ...two(bytes.length + 2)],
		...bytes,
	];
	const components = [1, 2, 3];
	return Uint8Array.from([
		...[0xff, 0xd8],
		...segment(0xe0, [0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]),
		...segment(0xdb, [0, ...ZIGZAG.map((at) => STEPS[at]!)]),
		...segment(0xc0, [
			...[8, ...two(height), ...two(width), 3],
			...components.flatMap((component) => [component, 0x11, 0]),
		]),
		...segment(0xc4, [0x00, ...DC.counts, ...DC.symbols, 0x10, ...AC.counts, ...AC.symbols]),
		...segment(0xda, [3, ...components.flatMap((component) => [component, 0]), 0, 63, 0]),
	]);
}

/** Blocks of 8 × 8 from the left and the top, of each its luma and both colour differences. */
function scanOf(picture: RgbPicture): Uint8Array {
	const { width, height } = picture;
	const bits = new BitWriter(width * height);
	const planes = [0, 1, 2].map(() => new Float32Array(64));
	const previous = [0, 0, 0];
	for (let top = 0; top < height; top += 8) {
		for (let left = 0; left < width; left += 8) {
			readBlock(picture, left, top, planes);
			for (let c = 0; c < 3; c++) {
				previous[c] = writeBlock(bits, quantised(planes[c]!), previous[c]!);
			}
		}
	}
	return bits.finish();
}

/** BT.601 in full range, luma around 0; the picture's last row and column go on beyond it. */
function readBlock(
	{ width, height, data }: RgbPicture,
	left: number,
	top: number,
	[luma, blue, red]: readonly Float32Array[],
): void {
	for (let i = 0; i < 64; i++) {
		const x = Math.min(width - 1, left + (i & 7));
		const y = Math.min(height - 1, top + (i >> 3));
		const at = (y * width + x) * 3;
		const [r, g, b] = [data[at]!, data[at + 1]!, data[at + 2]!];
		const light = 0.299 * r + 0.587 * g + 0.114 * b;
		luma![i] = light - 128;
		blue![i] = (b - light) / 1.772;
		red![i] = (r - light) / 1.402;
	}
}

/**
 * The cosine transform of eight numbers (T.81, A.3.3), [frequency, place]. The second half of the
 * places mirrors the first, with the other sign for odd frequencies, so that four are enough.
 */
const COSINES = Float64Array.from({ length: 32 }, (_, i) => {
	const [frequency, place] = [i >> 2, i & 3];
	const scale = frequency === 0 ? Math.SQRT1_2 / 2 : 1 / 2;
	return scale * Math.cos(((2 * place + 1) * frequency * Math.PI) / 16);
});

const INVERSE_STEPS = Float64Array.from(ZIGZAG, (at) => 1 / STEPS[at]!);
const coefficients = new Int32Array(64);

/** A block's cosines in whole steps, in zigzag order; good until the next call. The block is lost. */
function quantised(block: Float32Array): Int32Array {
	for (let row = 0; row < 64; row += 8) transform(block, row, 1);
	for (let column = 0; column < 8; column++) transform(block, column, 8);
	for (let i = 0; i < 64; i++) {
		coefficients[i] = Math.round(block[ZIGZAG[i]!]! * INVERSE_STEPS[i]!);
	}
	return coefficients;
}

const sums = new Float64Array(4);
const differences = new Float64Array(4);

/** Eight numbers from `at` on, `apart` from each other, become their cosines. */
function transform(block: Float32Array, at: number, apart: number): void {
	for (let i = 0; i < 4; i++) {
		const one = block[at + i * apart]!;
		const mirrored = block[at + (7 - i) * apart]!;
		sums[i] = one + mirrored;
		differences[i] = one - mirrored;
	}
	for (let k = 0; k < 8; k++) {
		const half = k % 2 === 0 ? sums : differences;
		let sum = 0;
		for (let i = 0; i < 4; i++) sum += half[i]! * COSINES[k * 4 + i]!;
		block[at + k * apart] = sum;
	}
}

const DC_CODES = codesOf(DC);
const AC_CODES = codesOf(AC);
const SIXTEEN_ZEROS = 0xf0;
const END_OF_BLOCK = 0x00;

/** T.81, F.1.2; gives the block's mean, from which the next one differs. */
function writeBlock(bits: BitWriter, numbers: Int32Array, previous: number): number {
	const mean = numbers[0]!;
	writeNumber(bits, DC_CODES, 0, mean - previous);
	let zeros = 0;
	for (let i = 1; i < 64; i++) {
		const number = numbers[i]!;
		if (number === 0) {
			zeros += 1;
			continue;
		}
		for (; zeros >= 16; zeros -= 16) bits.writeCode(AC_CODES, SIXTEEN_ZEROS);
		writeNumber(bits, AC_CODES, zeros, number);
		zeros = 0;
	}
	if (zeros > 0) bits.writeCode(AC_CODES, END_OF_BLOCK);
	return mean;
}

function writeNumber(bits: BitWriter, codes: Codes, zeros: number, number: number): void {
	const length = 32 - Math.clz32(Math.abs(number));
	bits.writeCode(codes, zeros * 16 + length);
	bits.write(number < 0 ? number + (1 << length) - 1 : number, length);
}

/** By symbol. */
type Codes = { readonly code: Uint16Array; readonly length: Uint8Array };

/** T.81, annex C: codes of one length count up, and go on doubled at the next. */
function codesOf({ counts, symbols }: Huffman): Codes {
	const codes = { code: new Uint16Array(256), length: new Uint8Array(256) };
	let [next, at] = [0, 0];
	for (const [i, count] of counts.entries()) {
		for (let k = 0; k < count; k++, at++, next++) {
			codes.code[symbols[at]!] = next;
			codes.length[symbols[at]!] = i + 1;
		}
		next *= 2;
	}
	return codes;
}

/** Bits from the highest on; a byte of ones is followed by a zero, so that it is no marker. */
class BitWriter {
	#bytes: Uint8Array;
	#length = 0;
	#bits = 0;
	#count = 0;

	constructor(expected: number) {
		this.#bytes = new Uint8Array(Math.max(1024, expected));
	}

	writeCode({ code, length }: Codes, symbol: number): void {
		this.write(code[symbol]!, length[symbol]!);
	}

	/** At most 16 bits. */
	write(value: number, count: number): void {
		this.#bits = (this.#bits << count) | value;
		this.#count += count;
		while (this.#count >= 8) {
			this.#count -= 8;
			this.#put((this.#bits >>> this.#count) & 255);
		}
		this.#bits &= 255;
	}

	/** The last byte is filled with ones. */
	finish(): Uint8Array {
		if (this.#count > 0) this.write(0x7f, 7);
		return this.#bytes.subarray(0, this.#length);
	}

	#put(byte: number): void {
		if (this.#length + 2 > this.#bytes.length) {
			const larger = new Uint8Array(this.#bytes.length * 2);
			larger.set(this.#bytes);
			this.#bytes = larger;
		}
		this.#bytes[this.#length++] = byte;
		if (byte === 0xff) this.#bytes[this.#length++] = 0;
	}
}

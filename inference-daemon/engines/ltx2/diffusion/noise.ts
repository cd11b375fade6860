/** What noise is drawn for: each stream and each draw has numbers of its own. */
export type NoiseKey = {
	/** 0 … 2⁵³ − 1. */
	readonly seed: number;
	/** 'video', 'audio' and the like; told apart by a hash of the name. */
	readonly stream: string;
	/** Which draw of the stream, from 0. */
	readonly draw: number;
};

const ROUNDS = 10;
const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
const WEYL = [0x9e3779b9, 0xbb67ae85] as const;

/**
 * Standard normal numbers that depend on the key and on where they stand, and on nothing else: the
 * same on every machine. Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as
 * 1, 2, 3") makes the bits, Box and Muller (1958) the numbers.
 */
export function normalNoise(key: NoiseKey, length: number): Float32Array {
	const { seed, stream, draw } = key;
	if (!Number.isSafeInteger(seed) || seed < 0) {
		throw new RangeError(`Expected a seed of 0 to 2⁵³ − 1, got ${seed}`);
	}
	const name = hash(stream);
	const noise = new Float32Array(length);
	const words = new Uint32Array(4);
	for (let at = 0; at < length; at += 4) {
		const block = at / 4;
		words[0] = block;
		words[1] = Math.floor(block / 2 ** 32);
		words[2] = draw;
		words[3] = name;
		philox(words, seed >>> 0, Math.floor(seed / 2 ** 32));
		// What goes beyond the end is not kept.
		boxMuller(words[0]!, words[1]!, noise, at);
		boxMuller(words[2]!, words[3]!, noise, at + 2);
	}
	return noise;
}

/** Noise [tokens, channels] whose every channel has mean 0 and standard deviation 1. */
export function normalisedNoise(key: NoiseKey, length: number, channels: number): Float32Array {
	const noise = normalNoise(key, length);
	const tokens = length / channels;
	for (let c = 0; c < channels; c++) {
		let [sum, squares] = [0, 0];
		for (let i = c; i < length; i += channels) sum += noise[i]!;
		const mean = sum / tokens;
		for (let i = c; i < length; i += channels) squares += (noise[i]! - mean) ** 2;
		const deviation = Math.sqrt(squares / Math.max(1, tokens - 1)) || 1;
		for (let i = c; i < length; i += channels) noise[i] = (noise[i]! - mean) / deviation;
	}
	return noise;
}

/** Ten rounds of Philox4x32 over four words in place, under a key of two. */
export function philox(words: Uint32Array, key0: number, key1: number): void {
	let [x0, x1, x2, x3] = [words[0]! | 0, words[1]! | 0, words[2]! | 0, words[3]! | 0];
	let [k0, k1] = [key0 | 0, key1 | 0];
	for (let round = 0; round < ROUNDS; round++) {
		const high0 = highWord(MULTIPLIERS[0], x0);
		const high1 = highWord(MULTIPLIERS[1], x2);
		const low0 = Math.imul(MULTIPLIERS[0], x0);
		x0 = high1 ^ x1 ^ k0;
		x1 = Math.imul(MULTIPLIERS[1], x2);
		x2 = high0 ^ x3 ^ k1;
		x3 = low0;
		k0 = (k0 + WEYL[0]) | 0;
		k1 = (k1 + WEYL[1]) | 0;
	}
	words[0] = x0;
	words[1] = x1;
	words[2] = x2;
	words[3] = x3;
}

/**
 * The upper word of the 64-bit product of two unsigned words. In float64 the product is off by at most
 * 2¹¹, so that without its lower word, which is exact, it is nearest to the right multiple of 2³².
 */
function highWord(a: number, b: number): number {
	const low = Math.imul(a, b) >>> 0;
	return ((a * (b >>> 0) - low) / 2 ** 32 + 0.5) | 0;
}

/** Two words to two normal numbers; the radius comes from (0, 1], so that its logarithm is finite. */
function boxMuller(a: number, b: number, result: Float32Array, at: number): void {
	const radius = Math.sqrt(-2 * Math.log((a + 1) / 2 ** 32));
	const angle = (2 * Math.PI * b) / 2 ** 32;
	result[at] = radius * Math.cos(angle);
	result[at + 1] = radius * Math.sin(angle);
}

/** FNV-1a over the name's UTF-16 units. */
function hash(name: string): number {
	let value = 0x811c9dc5;
	for (let i = 0; i < name.length; i++) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193);
	return value >>> 0;
}

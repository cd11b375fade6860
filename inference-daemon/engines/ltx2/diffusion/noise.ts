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
	const words = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0] as const;
	const name = hash(stream);
	const noise = new Float32Array(length);
	for (let at = 0; at < length; at += 4) {
		const block = at / 4;
		const counter = [block >>> 0, Math.floor(block / 2 ** 32), draw >>> 0, name] as const;
		const [a, b, c, d] = philox(counter, words);
		const first = boxMuller(a, b);
		const second = boxMuller(c, d);
		noise.set([...first, ...second].slice(0, length - at), at);
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

type Words4 = readonly [number, number, number, number];

/** Ten rounds of Philox4x32: four random words for a counter under a key of two. */
export function philox(counter: Words4, key: readonly [number, number]): Words4 {
	let [x0, x1, x2, x3] = counter;
	let [k0, k1] = key;
	for (let round = 0; round < ROUNDS; round++) {
		const a = multiply(MULTIPLIERS[0], x0);
		const b = multiply(MULTIPLIERS[1], x2);
		[x0, x1, x2, x3] = [(b.high ^ x1 ^ k0) >>> 0, b.low, (a.high ^ x3 ^ k1) >>> 0, a.low];
		k0 = (k0 + WEYL[0]) >>> 0;
		k1 = (k1 + WEYL[1]) >>> 0;
	}
	return [x0, x1, x2, x3];
}

/** Two words to two normal numbers; the radius comes from (0, 1], so that its logarithm is finite. */
function boxMuller(a: number, b: number): readonly [number, number] {
	const radius = Math.sqrt(-2 * Math.log((a + 1) / 2 ** 32));
	const angle = (2 * Math.PI * b) / 2 ** 32;
	return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

/** The 64-bit product of two 32-bit words. */
function multiply(a: number, b: number): { readonly high: number; readonly low: number } {
	const [ah, al] = [a >>> 16, a & 0xffff];
	const middle = ah * (b & 0xffff) + Math.floor((al * (b & 0xffff)) / 65_536);
	const cross = (middle % 65_536) + al * (b >>> 16);
	const high = ah * (b >>> 16) + Math.floor(middle / 65_536) + Math.floor(cross / 65_536);
	return { high: high >>> 0, low: Math.imul(a, b) >>> 0 };
}

/** FNV-1a over the name's UTF-16 units. */
function hash(name: string): number {
	let value = 0x811c9dc5;
	for (let i = 0; i < name.length; i++) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193);
	return value >>> 0;
}

import type { FrameRate } from '../../../../protocol/time.ts';

/** A picture latent: one cell for 32 × 32 pixels of one frame (the first) or of eight. */
export type VideoShape = {
	readonly frames: number;
	readonly height: number;
	readonly width: number;
};

/** Pixels a cell is wide and high, and frames it lasts. */
export const CELL = { size: 32, frames: 8 } as const;

const MEL_PER_TOKEN = 4;
const SECONDS_PER_MEL = 0.01;
const AUDIO_TOKENS_PER_SECOND = 25;

/** The latent of `frames` (8k + 1) pictures. Throws a RangeError for sizes off the grid. */
export function videoShape(frames: number, width: number, height: number): VideoShape {
	if (frames < 1 || (frames - 1) % CELL.frames !== 0) {
		throw new RangeError(`Expected 8k + 1 frames, got ${frames}`);
	}
	if (width < 1 || width % CELL.size !== 0 || height < 1 || height % CELL.size !== 0) {
		throw new RangeError(`Expected multiples of ${CELL.size} pixels, got ${width}×${height}`);
	}
	return {
		frames: (frames - 1) / CELL.frames + 1,
		height: height / CELL.size,
		width: width / CELL.size,
	};
}

export function tokensOf({ frames, height, width }: VideoShape): number {
	return frames * height * width;
}

/** Audio tokens that go with so many pictures: 25 a second, rounded half to even. */
export function audioTokens(frames: number, rate: FrameRate): number {
	const numerator = frames * rate.den * AUDIO_TOKENS_PER_SECOND;
	const whole = Math.floor(numerator / rate.num);
	const rest = 2 * (numerator - whole * rate.num);
	if (rest === rate.num) return whole + (whole % 2);
	return rest > rate.num ? whole + 1 : whole;
}

/** Mel frames beyond what is wanted: the vocoder's sound ends in one, and a next part is faded into in two. */
const MEL_BEYOND = 3;

/**
 * Audio tokens to make where sound is wanted up to frame `end` of the window and a little on. They may
 * be more than go with its pictures: of n tokens 4n − 3 mel frames are made, which end up to 50 ms
 * sooner.
 */
export function audioTokensTo(end: number, frames: number, rate: FrameRate): number {
	const wanted = Math.ceil((end * rate.den) / rate.num / SECONDS_PER_MEL - 1e-6);
	const mel = wanted + MEL_BEYOND;
	const least = Math.ceil((mel + MEL_PER_TOKEN - 1) / MEL_PER_TOKEN);
	return Math.max(least, audioTokens(frames, rate));
}

/** Where tokens lie: [axes, tokens, start and end], time in seconds, then rows and columns in pixels. */
export type Positions = {
	readonly axes: 1 | 3;
	readonly tokens: number;
	readonly data: Float32Array;
};

/**
 * Positions of a picture latent whose first cell shows frame `start`. A latent of its own starts
 * with a cell for a single frame (`isCausal`); one that is appended later does not.
 */
export function videoPositions(
	shape: VideoShape,
	rate: FrameRate,
	options: {
		readonly start?: number;
		readonly isCausal?: boolean;
		/** Cells are this much larger than usual, or last so much longer. */
		readonly scale?: number;
		readonly pace?: number;
	} = {},
): Positions {
	const { start = 0, isCausal = true, scale = 1, pace = 1 } = options;
	const tokens = tokensOf(shape);
	const data = new Float32Array(3 * tokens * 2);
	const perSecond = Math.fround(rate.num / rate.den);
	const ahead = isCausal ? CELL.frames - 1 : 0;
	let token = 0;
	for (let f = 0; f < shape.frames; f++) {
		const from = Math.max(CELL.frames * f - ahead, 0);
		// A guide of one frame lasts one frame.
		const to = shape.frames === 1 ? from + 1 : Math.max(CELL.frames * (f + 1) - ahead, 0);
		for (let y = 0; y < shape.height; y++) {
			for (let x = 0; x < shape.width; x++, token++) {
				const spans = [
					[(start + from * pace) / perSecond, (start + to * pace) / perSecond],
					[y * CELL.size * scale, (y + 1) * CELL.size * scale],
					[x * CELL.size * scale, (x + 1) * CELL.size * scale],
				];
				spans.forEach((span, axis) => {
					data.set(span, (axis * tokens + token) * 2);
				});
			}
		}
	}
	return { axes: 3, tokens, data };
}

export function audioPositions(tokens: number): Positions {
	const data = new Float32Array(tokens * 2);
	const time = (mel: number) => Math.max(mel, 0) * SECONDS_PER_MEL;
	for (let i = 0; i < tokens; i++) {
		const first = MEL_PER_TOKEN * i;
		data.set([time(first + 1 - MEL_PER_TOKEN), time(first + 1)], i * 2);
	}
	return { axes: 1, tokens, data };
}

/** [channels, cells…] to [cells, channels]: a latent as the transformer takes it. */
export function toTokens(latent: Float32Array, channels: number): Float32Array {
	return turned(latent, channels);
}

/** [tokens, channels] to [channels, cells…]. */
export function fromTokens(tokens: Float32Array, channels: number): Float32Array {
	return turned(tokens, tokens.length / channels);
}

/** Audio latent [channels, tokens, bands] to [tokens, channels · bands]. */
export function audioToTokens(latent: Float32Array, channels: number, bands: number): Float32Array {
	const tokens = latent.length / channels / bands;
	const result = new Float32Array(latent.length);
	for (let c = 0; c < channels; c++) {
		for (let t = 0; t < tokens; t++) {
			const from = (c * tokens + t) * bands;
			result.set(latent.subarray(from, from + bands), (t * channels + c) * bands);
		}
	}
	return result;
}

export function audioFromTokens(
	tokens: Float32Array,
	channels: number,
	bands: number,
): Float32Array {
	const count = tokens.length / channels / bands;
	const result = new Float32Array(tokens.length);
	for (let t = 0; t < count; t++) {
		for (let c = 0; c < channels; c++) {
			const from = (t * channels + c) * bands;
			result.set(tokens.subarray(from, from + bands), (c * count + t) * bands);
		}
	}
	return result;
}

function turned(values: Float32Array, rows: number): Float32Array {
	const columns = values.length / rows;
	const result = new Float32Array(values.length);
	for (let row = 0; row < rows; row++) {
		for (let column = 0; column < columns; column++) {
			result[column * rows + row] = values[row * columns + column]!;
		}
	}
	return result;
}

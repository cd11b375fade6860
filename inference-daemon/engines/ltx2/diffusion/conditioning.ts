import type { FrameRate } from '../../../../protocol/time.ts';
import { type Positions, tokensOf, type VideoShape, videoPositions } from './latent.ts';

/**
 * A latent before it is made and all that is given of it. Arrays are [tokens, …]; guides that are
 * appended follow the `count` tokens that are wanted.
 */
export type ConditionedStream = {
	readonly count: number;
	readonly channels: number;
	/** What is there before noise comes: an earlier stage's latent, a source, or zeros. */
	readonly initial: Float32Array;
	/** What given tokens show. */
	readonly clean: Float32Array;
	/** Per token, 1: made, 0: given, between: its share of the two. */
	readonly mask: Float32Array;
	readonly positions: Positions;
	/** How much query tokens attend to key tokens, 0…1, [tokens, tokens]; null: all fully. */
	readonly attentionMask: Float32Array | null;
	/** Kept as it is: the model is told that it is free of noise. */
	readonly isFrozen: boolean;
};

/** Picture and sound that are made together; null: there is none. */
export type Conditioned = Readonly<Record<'video' | 'audio', ConditionedStream | null>>;

/** Everything is to be made, from nothing or from `initial` [tokens, channels]. */
export function unconditioned(
	positions: Positions,
	channels: number,
	initial?: Float32Array,
): ConditionedStream {
	const count = positions.tokens;
	return {
		count,
		channels,
		positions,
		attentionMask: null,
		isFrozen: false,
		initial: initial ?? new Float32Array(count * channels),
		clean: new Float32Array(count * channels),
		mask: new Float32Array(count).fill(1),
	};
}

/** Given tokens [cells, channels] stand from cell `first` on: an image at the start, a prefix. */
export function replaceCells(
	state: ConditionedStream,
	tokens: Float32Array,
	first: number,
	strength: number,
): ConditionedStream {
	const clean = state.clean.slice();
	clean.set(tokens, first * state.channels);
	const mask = state.mask.slice();
	mask.fill(1 - strength, first, first + tokens.length / state.channels);
	return { ...state, clean, mask };
}

/**
 * Given pictures go beside the latent as guides: tokens of `shape` that show frame `frame` and, where
 * there are more cells, what follows it.
 */
export function appendKeyframe(
	state: ConditionedStream,
	tokens: Float32Array,
	shape: VideoShape,
	at: { readonly frame: number; readonly rate: FrameRate; readonly strength: number },
): ConditionedStream {
	const positions = videoPositions(shape, at.rate, {
		start: at.frame,
		isCausal: at.frame === 0,
	});
	return append(state, tokens, positions, 1 - at.strength);
}

/**
 * An IC-LoRA's reference clip, given in a latent `scale` times smaller and `pace` times shorter, from
 * frame `start` on. `attention` below 1 weakens the attention between it and the latent.
 */
export function appendReference(
	state: ConditionedStream,
	tokens: Float32Array,
	shape: VideoShape,
	how: {
		readonly rate: FrameRate;
		readonly scale: number;
		readonly pace?: number;
		readonly start?: number;
		readonly strength: number;
		readonly attention: number;
	},
): ConditionedStream {
	const { rate, scale, pace = 1, start = 0 } = how;
	const positions = videoPositions(shape, rate, { scale, pace, start });
	const before = state.positions.tokens;
	const added = append(state, tokens, positions, 1 - how.strength);
	if (how.attention === 1 && state.attentionMask === null) return added;
	const total = before + tokensOf(shape);
	const attentionMask = new Float32Array(total * total).fill(1);
	for (let query = 0; query < total; query++) {
		for (let key = 0; key < total; key++) {
			const isOld = query < before && key < before;
			const isNew = query >= before && key >= before;
			const shared = query < state.count || key < state.count ? how.attention : 0;
			if (isOld)
				attentionMask[query * total + key] = state.attentionMask?.[query * before + key] ?? 1;
			else if (!isNew) attentionMask[query * total + key] = shared;
		}
	}
	return { ...added, attentionMask };
}

/**
 * A source is given but for seconds `from`…`to`: tokens that reach into them are made anew. Times are
 * compared in float32, so limits on a cell's edge are best moved inwards a little.
 */
export function regenerateRegion(
	state: ConditionedStream,
	source: Float32Array,
	from: number,
	to: number,
): ConditionedStream {
	const [start, end] = [Math.fround(from), Math.fround(to)];
	const mask = state.mask.map((_, token) => {
		const [begins, ends] = state.positions.data.subarray(token * 2, token * 2 + 2);
		return ends! > start && begins! < end ? 1 : 0;
	});
	return { ...state, initial: source, clean: source, mask };
}

/** Tokens that reach into seconds `from`…`to` are made anew as well. */
export function regenerateAlso(
	state: ConditionedStream,
	from: number,
	to: number,
): ConditionedStream {
	const made = regenerateRegion(state, state.clean, from, to).mask;
	return { ...state, mask: state.mask.map((share, token) => Math.max(share, made[token]!)) };
}

/** The latent that noise comes onto is an earlier stage's, [count, channels]. */
export function beginWith(state: ConditionedStream, latent: Float32Array): ConditionedStream {
	const initial = state.initial.slice();
	initial.set(latent);
	return { ...state, initial };
}

/** All of it is given. */
export function frozen(state: ConditionedStream, source: Float32Array): ConditionedStream {
	const mask = new Float32Array(state.mask.length);
	return { ...state, initial: source, clean: source, mask, isFrozen: true };
}

/** The latent to begin with: lerp(clean, lerp(initial, noise, scale), mask) per token. */
export function startFrom(
	state: ConditionedStream,
	noise: Float32Array,
	scale: number,
): Float32Array {
	const { initial, clean, mask, channels } = state;
	const start = new Float32Array(noise.length);
	for (let token = 0, i = 0; token < mask.length; token++) {
		const share = mask[token]!;
		for (const end = i + channels; i < end; i++) {
			const noisy = initial[i]! + (noise[i]! - initial[i]!) * scale;
			start[i] = clean[i]! + (noisy - clean[i]!) * share;
		}
	}
	return start;
}

function append(
	state: ConditionedStream,
	tokens: Float32Array,
	added: Positions,
	mask: number,
): ConditionedStream {
	const { positions, channels } = state;
	if (tokens.length !== added.tokens * channels) {
		throw new RangeError(
			`Expected ${added.tokens} tokens of ${channels}, got ${tokens.length} values`,
		);
	}
	return {
		...state,
		initial: joined(state.initial, new Float32Array(tokens.length)),
		clean: joined(state.clean, tokens),
		mask: joined(state.mask, new Float32Array(added.tokens).fill(mask)),
		positions: joinPositions(positions, added),
	};
}

function joinPositions(a: Positions, b: Positions): Positions {
	const tokens = a.tokens + b.tokens;
	const data = new Float32Array(a.axes * tokens * 2);
	for (let axis = 0; axis < a.axes; axis++) {
		const part = ({ tokens: n, data: all }: Positions) =>
			all.subarray(axis * n * 2, (axis + 1) * n * 2);
		data.set(part(a), axis * tokens * 2);
		data.set(part(b), (axis * tokens + a.tokens) * 2);
	}
	return { axes: a.axes, tokens, data };
}

function joined(a: Float32Array, b: Float32Array): Float32Array {
	const all = new Float32Array(a.length + b.length);
	all.set(a);
	all.set(b, a.length);
	return all;
}

import type { TransformerConfig } from '../networks/transformer-config.ts';
import type { Provider } from '../runtime/provider.ts';

/** In what a block's matrices stand on the device: int8 in blocks of 32, each with a scale in 16 bits. */
export type Format = 'f32' | 'bf16' | 'f16' | 'fp8' | 'int8';

export type MemoryDevice = {
	readonly provider: Provider;
	/** As its driver calls it; null where nothing tells. */
	readonly name: string | null;
	/** Bytes that it has for all programs together, and those that none of them has now; null: untold. */
	readonly memory: number | null;
	readonly free: number | null;
	/** Bytes of the largest buffer that it gives; null: any. */
	readonly largestBuffer: number | null;
	/** Its driver ends what computes for some seconds at a stretch, so that the screen stays alive. */
	readonly hasTimeLimit: boolean;
	/** Operations a second, and bytes a second from memory to the device; null: untold. */
	readonly speeds: { readonly compute: number; readonly copy: number } | null;
	/** Bytes of the computer's own memory. */
	readonly machine: number;
};

export type MemoryJob = {
	readonly config: Pick<TransformerConfig, 'blocks' | 'video' | 'audio' | 'cross'>;
	/** Bytes of one block's weights in each format that can be had; at least one. */
	readonly block: Readonly<Partial<Record<Format, number>>>;
	/** Bytes of what comes before and after the blocks, which stays. */
	readonly ends: number;
	/** Whether int8 is on the disk; else it is made from the file each time that a block comes. */
	readonly isPrepared: boolean;
	/** Whether some blocks can stay while others come and go; else all of them do the one or the other. */
	readonly canMix: boolean;
	/** Of the largest stage. */
	readonly tokens: { readonly video: number; readonly audio: number };
	readonly contextTokens: number;
	/** Some tokens see others in part only. */
	readonly masked: boolean;
	/** Forward passes that a step needs; they go through a block together. */
	readonly passes: number;
	/** Bytes of the text encoder's largest layer, and of the video VAE's larger half, as they are computed. */
	readonly encoderLayer: number;
	readonly vae: number;
};

/** Of the computer's memory: the editing program and everything else need as much as a model. */
export const SHARE_OF_MACHINE = 0.5;
/** Of a device that does not tell what is free: the editing program draws on it too. */
const SHARE_OF_DEVICE = 0.8;
/** Of a device's memory: what the editing program may come to need beyond what it has now. */
const LEFT_FREE = 0.06;
/** Bytes of a device that does not tell, as the smaller ones have. */
const UNTOLD = 4 * 2 ** 30;
/** Most bytes of scores that attention holds at a time. */
const SCORES = 1e9;
/** Most operations of a dispatch: half a second where 2 · 10¹² are done in one; Windows' limit is 2 s. */
export const DISPATCH = 1e12;
/** What the fused kernels of attention want queries in. */
const EIGHT = 8;

/** Bytes that all of this may take. */
export function usableMemory({ provider, memory, free, machine }: MemoryDevice): number {
	if (provider === 'cpu') return SHARE_OF_MACHINE * machine;
	const total = memory ?? Math.min(UNTOLD, machine);
	return free === null ? SHARE_OF_DEVICE * total : Math.max(0, free - LEFT_FREE * total);
}

/**
 * Float32 numbers for each token and channel that are there at once while a block runs. On the CPU 13
 * measured in a block of the 19B, most of them in the feed-forward layer and the inputs. On CUDA an
 * arena keeps them in pieces that do not always serve the next tensor. On WebGPU buffers are free for
 * others only after 16 dispatches (ONNX Runtime's buffer_manager.cc).
 */
const ROWS: Readonly<Record<Provider, number>> = {
	cpu: 16,
	cuda: 24,
	webgpu: 28,
};
/** Of those, what a further forward pass has of its own: its tokens before and after the block. */
const ROWS_OF_A_PASS = 2;

/** Bytes of all that flows through a block. */
export function activationBytes(
	device: Pick<MemoryDevice, 'provider'>,
	job: Pick<MemoryJob, 'config' | 'tokens' | 'masked' | 'passes'>,
	queryChunk: number,
): number {
	const { config, tokens, masked, passes } = job;
	const rows = ROWS[device.provider] + ROWS_OF_A_PASS * (passes - 1);
	const flowing = rows * (tokens.video * config.video.width + tokens.audio * config.audio.width);
	// The bias itself, and the part of it that goes with a chunk, once more while it is cast.
	const bias = masked ? tokens.video * (tokens.video + 4 * Math.min(queryChunk, tokens.video)) : 0;
	return 4 * (flowing + bias) + scoreBytes(device, job, queryChunk);
}

/** Bytes of scores: kernels that take a bias hold them, except WebGPU's. */
export function scoreBytes(
	{ provider }: Pick<MemoryDevice, 'provider'>,
	{ config, tokens, masked }: Pick<MemoryJob, 'config' | 'tokens' | 'masked'>,
	queryChunk: number,
): number {
	if (!masked || provider === 'webgpu') return 0;
	return 4 * config.video.heads * Math.min(queryChunk, tokens.video) * tokens.video;
}

/** Bytes of a matrix in 16 bits, the largest: CUDA unpacks 8 bits before it multiplies. */
export function unpackedBytes(
	{ provider }: MemoryDevice,
	{ config }: MemoryJob,
	format: Format,
): number {
	const isPacked = format === 'int8' || format === 'fp8';
	if (!isPacked || provider !== 'cuda') return 0;
	return 2 * 4 * config.video.width ** 2;
}

/** Bytes of two weights on their way to their places: the largest makes six rows of each timestep. */
export function stagingBytes({ config }: Pick<MemoryJob, 'config'>): number {
	return 2 * 4 * 6 * config.video.width ** 2;
}

/** Attention is 4 · queries · keys · width operations. */
export function mostQueries(device: MemoryDevice, job: MemoryJob): number {
	const { config, tokens, masked } = job;
	const longest = Math.max(1, tokens.video, tokens.audio);
	const keys = Math.max(longest, job.contextTokens);
	const buffer = device.largestBuffer ?? Number.POSITIVE_INFINITY;
	const scores = scoreBytes(device, job, 1);
	return chunkOf(longest, [
		device.hasTimeLimit ? dispatchOf(device) / (4 * keys * config.video.width) : longest,
		masked ? buffer / (4 * keys) : longest,
		scores > 0 ? Math.min(SCORES, buffer) / scores : longest,
	]);
}

/** The feed-forward layer's matrices are 8 · rows · width² operations, and its inside 4 · width wide. */
export function mostRows(device: MemoryDevice, { config, tokens }: MemoryJob): number {
	const { width } = config.video;
	const longest = Math.max(1, tokens.video, tokens.audio);
	const buffer = device.largestBuffer ?? Number.POSITIVE_INFINITY;
	return chunkOf(longest, [
		buffer / (4 * 4 * width),
		device.hasTimeLimit ? dispatchOf(device) / (8 * width ** 2) : longest,
	]);
}

/** All of them, or as many eights as the tightest limit allows. */
function chunkOf(count: number, limits: readonly number[]): number {
	const most = Math.min(...limits);
	return most >= count ? count : eights(most);
}

/** At most half a second of a device that tells its speed. */
function dispatchOf({ speeds }: MemoryDevice): number {
	return Math.min(DISPATCH, speeds === null ? DISPATCH : speeds.compute / 2);
}

export function eights(count: number): number {
	return Math.max(EIGHT, Math.floor(count / EIGHT) * EIGHT);
}

/**
 * Operations of a step: two for each weight that a token goes through, and attention. 198 · 10¹² for
 * the 19B's 768 × 512 × 121 in one pass.
 */
export function stepOperations({ config, tokens, contextTokens, passes }: MemoryJob): number {
	const [v, a, c] = [tokens.video, tokens.audio, contextTokens];
	const [w, x, m] = [config.video.width, config.audio.width, config.cross.width];
	const own = (n: number, width: number) =>
		// Self-attention's four matrices, two of the text's, the feed-forward layer's 8 · width²; the text.
		2 * n * 14 * width ** 2 + 2 * c * 2 * width ** 2 + 4 * n * (n + c) * width;
	const meet = 2 * (v * 4 * w * m + a * 4 * x * m) + 2 * 4 * v * a * m;
	return config.blocks * passes * (own(v, w) + own(a, x) + meet);
}

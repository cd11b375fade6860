import { join } from 'node:path';
import { transformerConfig } from '../../inference-daemon/engines/ltx2/networks/transformer-config.ts';
import type {
	ForwardInputs,
	PromptContext,
	Settings,
} from '../../inference-daemon/engines/ltx2/runtime/transformer.ts';
import type { Checkpoint } from '../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { dequantise } from '../../inference-daemon/engines/ltx2/weights/int8.ts';
import { weightArrays } from '../../inference-daemon/engines/ltx2/weights/weight-arrays.ts';
import { WeightReader } from '../../inference-daemon/engines/ltx2/weights/weight-reader.ts';
import { type Release, release19b, startAgain, uniform, writeWeights } from './weights.ts';

const BLOCKS = 8;
/** Of the 19B's widths, all of which are multiples of that. */
const SHARE = 4;
const WIDTHS = 2048;

/** The transformer of the 19B with 8 blocks, 1,024 wide, and random weights, as a file in that folder. */
export async function writeMidSize(folder: string): Promise<string> {
	const path = join(folder, 'mid-size.safetensors');
	await writeWeights(path, await midSize(), 'numbers');
	return path;
}

/**
 * The same with float32 numbers for the blocks' matrices, those that int8 makes of them: what is computed
 * in int8 is compared with that.
 */
export async function writeRounded(folder: string, exact: Checkpoint): Promise<string> {
	const path = join(folder, 'rounded.safetensors');
	const { config, tensors } = await midSize();
	const reader = new WeightReader(2);
	const data: Record<string, Uint8Array> = {};
	const types = new Map(Object.entries(tensors));
	for (const [name, [type, shape]] of Object.entries(tensors)) {
		const tensor = exact.find(name)!;
		const stored = { kind: 'plain', tensor } as const;
		const isMatrix = /transformer_blocks.*weight$/.test(name) && shape.length === 2;
		if (!isMatrix) {
			const like = weightArrays(stored, type === 'F32' ? 'float32' : 'bfloat16');
			await reader.read(stored, type === 'F32' ? 'float32' : 'bfloat16', like);
			data[name] = bytesOf(like.data);
			continue;
		}
		const int8 = weightArrays(stored, 'int8');
		await reader.read(stored, 'int8', int8);
		const numbers = new Float32Array(shape[0]! * shape[1]!);
		dequantise(int8.data as Uint8Array, int8.scales!, shape[1]!, numbers);
		types.set(name, ['F32', shape]);
		data[name] = bytesOf(numbers);
	}
	await reader.close();
	await writeWeights(path, { config, tensors: Object.fromEntries(types) }, 'zeros', data);
	return path;
}

function bytesOf({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Uint8Array {
	return new Uint8Array(buffer, byteOffset, byteLength);
}

async function midSize(): Promise<Release> {
	const { tensors } = await release19b();
	const own = Object.entries(tensors).flatMap(([name, [type, shape]]) => {
		const [, block] = /^model\.diffusion_model\.(?:transformer_blocks\.(\d+)\.)?/.exec(name) ?? [];
		const isOurs = name.startsWith('model.diffusion_model.') && !/embeddings_connector/.test(name);
		if (!isOurs || Number(block ?? 0) >= BLOCKS) return [];
		const smaller = shape.map((n) => (n % WIDTHS === 0 ? n / SHARE : n));
		return [[name, [type, smaller]] as const];
	});
	const transformer = { num_layers: BLOCKS, num_attention_heads: 8, audio_num_attention_heads: 8 };
	return { config: { transformer }, tensors: Object.fromEntries(own) };
}

const TOKENS = { video: 256, audio: 32 };
const CONTEXT = 256;

/** What such a transformer takes at a step, the same each time. */
export function midSizeInputs() {
	startAgain();
	const config = transformerConfig({ num_attention_heads: 8, audio_num_attention_heads: 8 });
	const setting = (axes: number, tokens: number) => ({
		positions: { data: uniform(axes * tokens * 2, 2, 2), shape: [axes, tokens, 2] },
		attentionMask: null,
		keyframes: null,
	});
	const settings: Settings = { video: setting(3, TOKENS.video), audio: setting(1, TOKENS.audio) };
	const text = () => ({
		data: uniform(CONTEXT * config.captionChannels!, 1),
		shape: [CONTEXT, config.captionChannels!],
	});
	const context: PromptContext = { video: text(), audio: text() };
	const latents = {
		video: uniform(TOKENS.video * config.video.inChannels, 1.7),
		audio: uniform(TOKENS.audio * config.audio.inChannels, 1.7),
	};
	const stepAt = (sigma: number): ForwardInputs => {
		const noisy = (tokens: number) => ({ timesteps: new Float32Array(tokens).fill(sigma), sigma });
		const noise = { video: noisy(TOKENS.video), audio: noisy(TOKENS.audio) };
		return { latents, noise, context };
	};
	return { settings, stepAt };
}

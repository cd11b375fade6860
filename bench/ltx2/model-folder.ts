import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TINY } from './tokenizer.ts';
import { readManifest, release19b, writeWeights } from './weights.ts';

/** The public configuration of google/gemma-3-12b-it, its text part. */
const GEMMA_3_12B = {
	architectures: ['Gemma3ForConditionalGeneration'],
	model_type: 'gemma3',
	text_config: {
		model_type: 'gemma3_text',
		hidden_size: 3840,
		intermediate_size: 15_360,
		num_hidden_layers: 48,
		num_attention_heads: 16,
		num_key_value_heads: 8,
		head_dim: 256,
		sliding_window: 1024,
		sliding_window_pattern: 6,
		query_pre_attn_scalar: 256,
		rope_theta: 1e6,
		rope_local_base_freq: 1e4,
		vocab_size: 262_208,
		rms_norm_eps: 1e-6,
		rope_scaling: { factor: 8, rope_type: 'linear' },
		hidden_activation: 'gelu_pytorch_tanh',
		attention_bias: false,
	},
};

/**
 * A folder with LTX-2 19B and Gemma 3 12B as they are published, 43 and 24 GB that take no room on
 * the disk: all weights are zero but the spreads by which latents are divided, which are one, and, if
 * wanted, those of the transformer, which take 38 GB then. The tokenizer is that of a tiny model.
 */
export async function writeModelFolder(
	folder: string,
	contents: 'zeros' | 'transformer' = 'zeros',
): Promise<void> {
	const gemma = join(folder, 'gemma-3-12b');
	await mkdir(gemma, { recursive: true });
	const ones = new Uint8Array(new Uint16Array(128).fill(0x3f80).buffer);
	await writeWeights(
		join(folder, 'ltx-2-19b-distilled.safetensors'),
		await release19b(),
		contents,
		{
			'vae.per_channel_statistics.std-of-means': ones,
			'audio_vae.per_channel_statistics.std-of-means': ones,
		},
	);
	const { files } = await readManifest();
	const release = { config: null, tensors: files['gemma-3-12b (language model)']! };
	await writeWeights(join(gemma, 'model.safetensors'), release, 'zeros');
	await writeFile(join(gemma, 'config.json'), JSON.stringify(GEMMA_3_12B));
	for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
		await copyFile(join(TINY, name), join(gemma, name));
	}
}

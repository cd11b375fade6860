import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Names, types and shapes of every official release; see tests/golden/README.md. */
const MANIFESTS = fileURLToPath(new URL('../../golden/manifests/', import.meta.url));

export const RELEASES = ['ltx-2-19b', 'ltx-2.3-22b', 'ltx-2.5-22b'] as const;
export type Release = (typeof RELEASES)[number];

/** Type and shape by name. */
export type Entries = Readonly<Record<string, readonly [type: string, shape: readonly number[]]>>;

export type Manifest = {
	readonly model_version: string | null;
	readonly config: Readonly<Record<string, unknown>>;
	readonly files: Readonly<Record<string, Entries>>;
};

export async function readManifest(release: Release): Promise<Manifest> {
	return JSON.parse(await readFile(join(MANIFESTS, `${release}.json`), 'utf8')) as Manifest;
}

/** The one file of a release whose label has these words in it. */
export function entriesOf({ files }: Manifest, label: string): Entries {
	const labels = Object.keys(files).filter((one) => one.includes(label));
	if (labels.length !== 1) throw new RangeError(`Expected one file “${label}”, got [${labels}]`);
	return files[labels[0]!]!;
}

/**
 * A file of an official release with its metadata and with every tensor in its place, but all
 * zeros that take no room on the disk. `change` may leave out, rename or reshape tensors. Gives its path.
 */
export async function sparseCheckpoint(
	release: Release,
	label: string,
	folder: string,
	change: (entries: Entries) => Entries = (entries) => entries,
): Promise<string> {
	const manifest = await readManifest(release);
	const entries = entriesOf(manifest, label);
	// Nothing in the name tells what is inside.
	const path = join(folder, `weights ${Math.random().toString(36).slice(2)}.safetensors`);
	await writeWeights(path, change(entries), metadataOf(manifest, label, entries));
	return path;
}

const BYTES: Readonly<Record<string, number>> = {
	F64: 8,
	I64: 8,
	F32: 4,
	I32: 4,
	F16: 2,
	BF16: 2,
	F8_E4M3: 1,
	U8: 1,
	I8: 1,
};

/** A safetensors file of these tensors; where `data` has none a tensor is zeros that take no room. */
export async function writeWeights(
	path: string,
	entries: Entries,
	metadata: Readonly<Record<string, string>> = {},
	data: Readonly<Record<string, Uint8Array>> = {},
): Promise<void> {
	let end = 0;
	const tensors = Object.entries(entries).map(([name, [dtype, shape]]) => {
		const start = end;
		end += shape.reduce((product, n) => product * n, BYTES[dtype]!);
		return [name, { dtype, shape, data_offsets: [start, end] }] as const;
	});
	const header = Buffer.from(
		JSON.stringify(Object.fromEntries([['__metadata__', metadata], ...tensors])),
	);
	const length = Buffer.alloc(8);
	length.writeBigUInt64LE(BigInt(header.length));
	const file = await open(path, 'w');
	try {
		await file.write(Buffer.concat([length, header]));
		await file.truncate(8 + header.length + end);
		for (const [name, { data_offsets }] of tensors) {
			const bytes = data[name];
			if (bytes) await file.write(bytes, 0, bytes.length, 8 + header.length + data_offsets[0]!);
		}
	} finally {
		await file.close();
	}
}

/** As the release's own file has it, as far as that is known. */
function metadataOf(
	{ config, model_version: version }: Manifest,
	label: string,
	entries: Entries,
): Record<string, string> {
	const release = version === null ? {} : { model_version: version };
	if (label.includes('gemma-3')) return { format: 'pt' };
	if (label.includes('gemma4')) return { ...release, gemma_config: JSON.stringify(GEMMA_4) };
	if (label.includes('upscaler')) return { config: JSON.stringify(upsampler(entries)) };
	const sections = sectionsOf(config, label);
	return { ...release, config: JSON.stringify(sections) };
}

function sectionsOf(
	config: Readonly<Record<string, unknown>>,
	label: string,
): Record<string, unknown> {
	const { transformer, audio_vae, vocoder } = config;
	if (label.includes('conv')) return { vae: config['vae (conv file)'] };
	if (label.includes('video-vae')) return { vae: config['vae (diffusion file)'] };
	if (label.includes('audio-vae')) return { audio_vae, vocoder };
	if (label.includes('duration')) return { transformer, duration_head: DURATION_HEAD };
	if (label.includes('transformer')) return { transformer };
	return { ...config };
}

function upsampler(entries: Entries): Record<string, unknown> {
	const [mid, channels] = entries['initial_conv.weight']![1];
	const rational = 'upsampler.conv.weight' in entries;
	const [out, , ...kernel] = (entries['upsampler.conv.weight'] ??
		entries['upsampler.0.weight']!)[1];
	const temporal = kernel.length === 3;
	return {
		in_channels: channels,
		mid_channels: mid,
		num_blocks_per_stage: 4,
		dims: 3,
		spatial_upsample: !temporal,
		temporal_upsample: temporal,
		spatial_scale: out === 9 * mid! ? 1.5 : 2,
		rational_resampler: rational,
	};
}

const DURATION_HEAD = {
	pooler_hidden_dim: 256,
	num_queries: 1,
	num_pooler_heads: 4,
	mlp_hidden: 256,
};

/** Gemma 4 12B, text part: layer 5, 11, 17… looks at all tokens. */
const GEMMA_4 = {
	architectures: ['Gemma4UnifiedForConditionalGeneration'],
	model_type: 'gemma4_unified',
	gemma_version: 'gemma4-12b-ltx-v1',
	text_config: {
		hidden_size: 3840,
		intermediate_size: 15360,
		num_hidden_layers: 48,
		vocab_size: 262144,
		num_attention_heads: 16,
		num_key_value_heads: 8,
		head_dim: 256,
		num_global_key_value_heads: 1,
		global_head_dim: 512,
		sliding_window: 1024,
		rms_norm_eps: 1e-6,
		hidden_activation: 'gelu_pytorch_tanh',
		attention_bias: false,
		attention_k_eq_v: true,
		num_kv_shared_layers: 0,
		use_double_wide_mlp: false,
		layer_types: Array.from({ length: 48 }, (_, i) =>
			i % 6 === 5 ? 'full_attention' : 'sliding_attention',
		),
		rope_parameters: {
			sliding_attention: { rope_type: 'default', rope_theta: 10000 },
			full_attention: { rope_type: 'proportional', partial_rotary_factor: 0.25, rope_theta: 1e6 },
		},
		model_type: 'gemma4_unified_text',
	},
};

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { normalNoise } from '../../../inference-daemon/engines/ltx2/diffusion/noise.ts';
import { type Entries, writeWeights } from './sparse.ts';
import { readTensors, type Tensors } from './tensors.ts';

/** Complete checkpoints of tiny models; see tests/golden/README.md. */
const FOLDER = fileURLToPath(new URL('../../golden/tiny-ltx2/', import.meta.url));

export const TINY_GEMMA = join(FOLDER, 'gemma-3-tiny');
const GEMMA_4 = join(FOLDER, '../networks/gemma4/weights.safetensors');

let derived: Promise<string> | undefined;

/** The path of a tiny checkpoint, by its name without `.safetensors`. */
export function tinyCheckpoint(name: string): Promise<string> {
	if (name !== 'ltx-2-tiny-bf16') return Promise.resolve(join(FOLDER, `${name}.safetensors`));
	derived ??= inBfloat16('ltx-2-tiny');
	return derived;
}

/** A copy with every tensor rounded to bfloat16, except the tables that the releases keep. */
async function inBfloat16(name: string): Promise<string> {
	const source = await tinyCheckpoint(name);
	const { tensors, metadata } = await readTensors(source);
	const entries: Record<string, Entries[string]> = {};
	const data: Record<string, Uint8Array> = {};
	for (const [key, { data: numbers, shape }] of Object.entries(tensors)) {
		const kept = key.includes('scale_shift_table');
		entries[key] = [kept ? 'F32' : 'BF16', shape];
		data[key] = bytesOf(kept ? numbers : rounded(numbers as Float32Array));
	}
	const folder = await mkdtemp(join(tmpdir(), 'pickup-tiny-'));
	afterEverything.push(folder);
	const path = join(folder, `${name}-bf16.safetensors`);
	await writeWeights(path, entries, metadata, data);
	return path;
}

/** The upper 16 bits of each float32, rounded half to even. */
function rounded(numbers: Float32Array): Uint16Array {
	const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
	return Uint16Array.from(bits, (value) => (value + 0x7fff + ((value >>> 16) & 1)) >>> 16);
}

/**
 * LTX-2.5 in a folder, in the files of its release: LTX-2.3 without the biases that it gave up and
 * with the embedding of keyframes (zeros, unless they are `marked`), Gemma 4 in one file with its
 * tokenizer and projections, and a head that tells how long a shot wants to be.
 */
export async function makeTiny25(folder: string, { marked = true } = {}): Promise<string> {
	const { tensors: whole, metadata } = await readTensors(await tinyCheckpoint('ltx-2.3-tiny'));
	const { transformer, vae, audio_vae, vocoder } = JSON.parse(metadata.config!);
	const ofPart = (...prefixes: string[]) =>
		Object.entries(whole).filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix)));
	const write = async (name: string, part: Tensors, config: Record<string, unknown>, more = {}) => {
		const told = { model_version: '2.5.0', config: JSON.stringify(config), ...more };
		await writeTensors(join(folder, `ltx-2.5-22b-${name}.safetensors`), part, told);
	};
	const embedding = random('keyframes', [1, 56], marked ? 1 : 0);
	const changed = { ...transformer, ff_bias: false, use_keyframes_abs_pos_embedding: true };
	await mkdir(folder, { recursive: true });
	await write(
		'distilled-transformer',
		{
			...Object.fromEntries(
				ofPart('model.diffusion_model.').filter(([name]) => !GIVEN_UP.test(name)),
			),
			'model.diffusion_model.keyframes_abs_pos_embedding': embedding,
		},
		{ transformer: changed },
	);
	const bare = ofPart('vae.').map(([name, tensor]) => [name.slice('vae.'.length), tensor]);
	await write('video-vae-conv', Object.fromEntries(bare), { vae });
	const sound = Object.fromEntries(ofPart('audio_vae.', 'vocoder.'));
	await write('audio-vae', sound, { audio_vae, vocoder });
	const head = { pooler_hidden_dim: 16, num_queries: 1, num_pooler_heads: 4, mlp_hidden: 20 };
	await write('duration-head', durationHead(), { transformer: changed, duration_head: head });
	const { gemma_config, tensors } = await tinyGemma4();
	await write('gemma4-with-proj', tensors, {}, { gemma_config });
	return folder;
}

const GIVEN_UP = /\.transformer_blocks\.\d+\.ff\.net\..*bias$/;

function durationHead(): Tensors {
	const shapes = {
		'video_input_proj.weight': [16, 56],
		'video_input_proj.bias': [16],
		'audio_input_proj.weight': [16, 32],
		'audio_input_proj.bias': [16],
		video_modality_emb: [16],
		audio_modality_emb: [16],
		'attention_pooler.query_tokens': [1, 16],
		'attention_pooler.cross_attn.in_proj_weight': [48, 16],
		'attention_pooler.cross_attn.in_proj_bias': [48],
		'attention_pooler.cross_attn.out_proj.weight': [16, 16],
		'attention_pooler.cross_attn.out_proj.bias': [16],
		'mlp_hidden.weight': [20, 16],
		'mlp_hidden.bias': [20],
		'mlp_out.weight': [1, 20],
	};
	const named = Object.entries(shapes).map(([name, shape]) => [
		`duration_head.${name}`,
		random(name, shape, 0.3),
	]);
	// Shots of about 1.6 s.
	const bias = { data: Float32Array.of(-1.5), shape: [1] };
	return { ...Object.fromEntries(named), 'duration_head.mlp_out.bias': bias };
}

/** The tiny Gemma 4 of the golden networks with as many tokens as the tiny Gemma 3 has. */
async function tinyGemma4() {
	const { tensors, metadata } = await readTensors(GEMMA_4);
	const config = JSON.parse(metadata.gemma_config!);
	const [tokens, hidden, layers] = [640, 32, 6];
	config.text_config.vocab_size = tokens;
	const asset = async (file: string) => {
		const data = new Uint8Array(await readFile(join(TINY_GEMMA, file)));
		return { data, shape: [data.length] };
	};
	const projection = (stream: string, width: number) => ({
		[`text_embedding_projection.${stream}_aggregate_embed.weight`]: random(
			stream,
			[width, hidden * (layers + 1)],
			0.05,
		),
		[`text_embedding_projection.${stream}_aggregate_embed.bias`]: random(stream, [width], 0.1),
	});
	return {
		gemma_config: JSON.stringify(config),
		tensors: {
			...tensors,
			'model.embed_tokens.weight': random('tokens', [tokens, hidden], 0.17),
			...projection('video', 56),
			...projection('audio', 32),
			tokenizer_json: await asset('tokenizer.json'),
			'hf_asset__tokenizer_config.json': await asset('tokenizer_config.json'),
		} as Tensors,
	};
}

/** The same for a name every time. */
function random(stream: string, shape: readonly number[], deviation: number): Tensors[string] {
	const length = shape.reduce((product, n) => product * n, 1);
	const data = normalNoise({ seed: 25, stream, draw: shape.length }, length);
	return { data: data.map((value) => value * deviation), shape };
}

/** Tensors as they are read, in float32 or bytes, into a file of their own. */
export async function writeTensors(
	path: string,
	tensors: Tensors,
	metadata: Readonly<Record<string, string>>,
): Promise<void> {
	const named = Object.entries(tensors);
	const typeOf = ({ data }: Tensors[string]) => (data instanceof Uint8Array ? 'U8' : 'F32');
	const entries = named.map(([name, tensor]) => [name, [typeOf(tensor), tensor.shape]] as const);
	const data = named.map(([name, tensor]) => [name, bytesOf(tensor.data)] as const);
	await writeWeights(path, Object.fromEntries(entries), metadata, Object.fromEntries(data));
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
	return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

const afterEverything: string[] = [];

afterAll(() => Promise.all(afterEverything.map((folder) => rm(folder, { recursive: true }))));

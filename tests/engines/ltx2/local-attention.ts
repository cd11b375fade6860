import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeModel } from './shots.ts';
import { readTensors } from './tensors.ts';
import { tinyCheckpoint, writeTensors } from './tiny.ts';

/** Zeros would be taken for what a download has left out. */
const NOTHING = 1e-20;

/** Seconds over which attention falls from its most to its least. */
const REACH = 3;

/** Queries and keys before they are turned: scores reach from −2 · 3² · pairs / √d to as much above. */
const SHARPNESS = 3;

/**
 * The folder of a tiny model whose self-attention is to what is near in time, as that of trained
 * ones does; a tiny model's own random weights attend to all of a shot alike. Queries and keys are the
 * same for all tokens, but for how rotary embedding turns their pairs of the axis of time, at one
 * frequency: what is Δ seconds away is scored by cos(πΔ / REACH). Picture and sound do not attend to
 * each other, so that what is changed in one shows in that one alone.
 */
export async function localAttentionModel(folder: string, name: string): Promise<string> {
	const model = await makeModel(folder, name);
	const path = join(model, 'weights.safetensors');
	await rm(path);
	const { tensors, metadata } = await readTensors(await tinyCheckpoint(name));
	const entries = Object.entries(tensors).map(([key, { data, shape }]) => {
		return [key, { data: changed(key, data as Float32Array), shape }] as const;
	});
	const told = { ...metadata, config: configOf(metadata.config!) };
	await writeTensors(path, Object.fromEntries(entries), told);
	return model;
}

function configOf(text: string): string {
	const { transformer, ...config } = JSON.parse(text);
	const changed = {
		...transformer,
		positional_embedding_theta: 1,
		positional_embedding_max_pos: [REACH, ...transformer.positional_embedding_max_pos.slice(1)],
		audio_positional_embedding_max_pos: [REACH],
	};
	return JSON.stringify({ ...config, transformer: changed });
}

function changed(key: string, numbers: Float32Array): Float32Array {
	if (/(audio_to_video|video_to_audio)_attn\.to_out/.test(key)) return numbers.map(() => NOTHING);
	const [, sound, name = ''] =
		/transformer_blocks\.\d+\.(audio_)?attn1\.([qk]_norm\.weight|to_[qk]\.\w+)$/.exec(key) ?? [];
	if (name === '') return numbers;
	if (name.endsWith('norm.weight')) return normScales(numbers.length, sound ? 1 : 3);
	return numbers.map(() => (name.endsWith('bias') ? 1 : NOTHING));
}

const HEADS = 4;

/** Scales of a query: `SHARPNESS` for pairs that are turned by time, 0 for all others; see `rotaryTable`. */
function normScales(width: number, axes: number): Float32Array {
	const pairs = width / HEADS / 2;
	const padding = (width / 2) % axes;
	return Float32Array.from({ length: width }, (_, i) => {
		const pair = Math.floor(i / (2 * pairs)) * pairs + (i % pairs);
		const turned = pair - padding;
		return turned >= 0 && turned % axes === 0 ? SHARPNESS : 0;
	});
}

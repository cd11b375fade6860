import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PickupError } from '../../../../protocol/errors.ts';
import type { Family, WeightsDescription, WeightsFile } from '../../../../protocol/models.ts';
import { openTextEncoder, type TextEncoder } from '../prompt/encoder.ts';
import { findTokenizer } from '../prompt/tokenizer.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import { type DescribedFile, describe } from '../weights/describe.ts';
import { checkHoles } from '../weights/holes.ts';
import { HOW_TO_GET, isOfCheckpoint, namesIn, readAll } from '../weights/model-files.ts';
import type { Safetensors } from '../weights/safetensors.ts';
import { checkGemma, checkWeights, projectionColumns } from './check-weights.ts';
import { chooseUpsampler, distilledLoraAmong } from './second-stage.ts';
import { variantOfModel } from './variant.ts';

/** A complete LTX-2 on the disk; of its weights nothing is in memory. */
export type Model = {
	readonly checkpoint: Checkpoint;
	readonly encoder: TextEncoder;
	readonly description: WeightsDescription;
	/** 2, 2.3 or 2.5. */
	readonly version: number;
	/** Made with few steps and without guidance. */
	readonly distilled: boolean;
	/** What makes its latents twice as wide and high. */
	readonly upsampler: Checkpoint | null;
	/** What lets a model that is not distilled finish an upsampled latent in few steps. */
	readonly distilledLora: Safetensors | null;
	/** Paths of the other LoRAs that lie beside it: a request may name them. */
	readonly loras: readonly string[];
	/** Tells how long a shot wants to be. */
	readonly durationHead: boolean;
	/** Names of the matrices that a LoRA can change. */
	readonly changeable: ReadonlySet<string>;
	/** What an editor should know of how these files were taken. */
	readonly notes: readonly string[];
};

/** How many numbers its transformer has; a file of 2.5 may hold Gemma beside it. */
export function transformerParameters(model: Pick<Model, 'description'>): number {
	return parametersOf(model, 'transformer');
}

/** How many numbers a part has, by its name in the description. */
export function parametersOf({ description }: Pick<Model, 'description'>, wanted: string): number {
	return description.files
		.flatMap(({ parts }) => parts)
		.filter(({ part }) => part === wanted)
		.reduce((sum, { parameters }) => sum + parameters, 0);
}

/**
 * The model in a folder: checkpoint files beside each other, Gemma in a folder of its own or, for
 * 2.5, in a file. An upsampler and a distilled LoRA that lie there are for a second stage; other
 * LoRAs a request has to name. Reads headers, and a few bytes of each matrix. Throws PickupError
 * `engine-unavailable` that says what is missing, or `bad-weights` that names what cannot be used.
 */
export async function openModel(folder: string): Promise<Model> {
	const { files, folders, others } = await listed(folder);
	const { described, faults } = await readAll(files);
	const holds = (part: string) => (one: DescribedFile) =>
		one.parts.some((found) => found.part === part);
	const base = described.filter(isOfCheckpoint);
	const texts = [...described.filter(holds('text encoder')).map(({ path }) => path), ...folders];
	const description = base.length > 0 ? describe(base.map(({ file }) => file)) : null;
	const missing = description
		? description.missing.filter((part) => !part.startsWith('text encoder'))
		: ['transformer, VAEs and vocoder'];
	if (texts.length === 0) missing.push('text encoder (Gemma)');
	if (description === null || missing.length > 0) {
		throw faults[0] ?? incomplete(folder, missing, others);
	}
	checkFamilies(description.files);
	const checkpoint = new Checkpoint(base.map(({ file }) => file));
	const { unused } = checkWeights(checkpoint);
	checkFormats(checkpoint, unused);
	const encoder = await openEncoder(texts, checkpoint);
	const gemma = describe(encoder.checkpoint.files).files;
	checkFamilies([...description.files, ...gemma]);
	const { families } = description;
	const variant = variantOfModel(
		base.filter(holds('transformer')),
		base.filter(holds('connectors')),
	);
	const fitting = described.filter((one) =>
		one.families.some((family) => families.includes(family)),
	);
	const upsampler = chooseUpsampler(fitting.filter(holds('upsampler')));
	const { changeable } = checkpoint;
	const finishing = variant.distilled
		? { lora: null, notes: [] }
		: distilledLoraAmong(described.filter(holds('lora')), { checkpoint, families });
	const loras = fitting.filter(holds('lora')).map(({ path }) => path);
	const model: Model = {
		checkpoint,
		encoder,
		description,
		version: Math.max(...families.map((family) => VERSIONS[family])),
		distilled: variant.distilled,
		upsampler: upsampler.checkpoint,
		distilledLora: finishing.lora,
		loras: loras.filter((path) => path !== finishing.lora?.path),
		durationHead: described.some(holds('duration head')),
		changeable: new Set(changeable),
		notes: [
			...variant.notes,
			...upsampler.notes,
			...finishing.notes,
			...faults.map(({ message }) => `Left out: ${message}`),
			...strangersNote(unused),
		],
	};
	await checkNumbers(model);
	return model;
}

const VERSIONS: Readonly<Record<Family, number>> = {
	'LTX-2 19B': 2,
	'LTX-2.3 22B': 2.3,
	'LTX-2.5 22B': 2.5,
};

/** Throws where a file is of another family than the one with the transformer. */
function checkFamilies(files: readonly WeightsFile[]): void {
	const main = files.find(({ parts }) => parts.some(({ part }) => part === 'transformer'))!;
	const strangers = files.filter(
		({ families }) => !families.some((family) => main.families.includes(family)),
	);
	if (strangers.length === 0) return;
	const each = strangers.map(({ path, families }) => {
		const parts = files.find((file) => file.path === path)!.parts.map(({ part }) => part);
		return `${path} (${parts.join(', ')}) of ${families.join(' or ') || 'several models'}`;
	});
	const ours = main.families.join(' or ') || 'one model';
	throw new PickupError(
		'bad-weights',
		`Expected all parts to be of ${ours}, as the transformer in ${main.path} is; got ${each.join('; ')}`,
		{ field: strangers[0]!.path, action: 'Put the parts of one model into the folder.' },
	);
}

/** Throws for what is stored beside a matrix and would change it, but is not understood. */
function checkFormats(checkpoint: Checkpoint, unused: readonly string[]): void {
	const strange = unused.filter((name) => {
		const weight = name.replace(/(\.weight)?[._][^.]*$/, '.weight');
		return checkpoint.find(weight) !== null && !unused.includes(weight);
	});
	if (strange.length === 0) return;
	const [first] = strange as [string];
	const more = strange.length > 1 ? ` and ${strange.length - 1} more like it` : '';
	const { path } = checkpoint.find(first)!;
	throw new PickupError(
		'bad-weights',
		`Expected weights in a format that is known here, got ${first}${more} in ${path}`,
		{ field: path, action: 'Take the model in BF16, FP8 or NVFP4.' },
	);
}

/** Of several that could be it the first that is whole. Throws what is wrong with the first. */
async function openEncoder(paths: readonly string[], checkpoint: Checkpoint): Promise<TextEncoder> {
	let first: unknown = null;
	for (const path of paths) {
		try {
			const encoder = await openTextEncoder(path);
			await findTokenizer(encoder.checkpoint);
			checkFormats(encoder.checkpoint, checkGemma(encoder));
			const { hidden, spans } = encoder.gemma.config;
			const [wanted, got] = [projectionColumns(checkpoint), (spans.length + 1) * hidden];
			if (wanted === got) return encoder;
			throw new PickupError(
				'bad-weights',
				`Expected a Gemma 12B, ${wanted} numbers a token for the text projection; got ${path} with ${got}`,
				{ field: path },
			);
		} catch (error) {
			first ??= error;
		}
	}
	throw first;
}

async function checkNumbers({ checkpoint, encoder, upsampler, distilledLora }: Model) {
	await checkHoles(checkpoint.tensors);
	await checkHoles(encoder.checkpoint.tensors);
	if (upsampler) await checkHoles(upsampler.tensors);
	if (distilledLora) await checkHoles(distilledLora.tensors);
}

function strangersNote(unused: readonly string[]): readonly string[] {
	if (unused.length === 0) return [];
	const more = unused.length > 1 ? ` and ${unused.length - 1} more` : '';
	return [`Not used by any network: ${unused[0]}${more}.`];
}

function incomplete(
	folder: string,
	missing: readonly string[],
	others: readonly string[],
): PickupError {
	const found = others.length === 0 ? '' : `. Not read here: ${others.join(', ')}`;
	return new PickupError(
		'engine-unavailable',
		`Expected a complete LTX-2 in ${folder}, missing: ${missing.join(', ')}${found}`,
		{ field: 'settings.model', action: HOW_TO_GET },
	);
}

/** Weights in forms that other programs read. */
const OTHERS = /\.(gguf|ckpt|pt|pth|bin)$/i;

async function listed(folder: string) {
	const { names, files } = await namesIn(folder);
	const folders: string[] = [];
	for (const name of names) {
		const inside: readonly string[] = await readdir(join(folder, name)).catch(() => []);
		if (inside.includes('tokenizer.json')) folders.push(join(folder, name));
	}
	return {
		files,
		folders,
		others: names.filter((name) => OTHERS.test(name)),
	};
}

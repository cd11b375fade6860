import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PickupError } from '../../../../protocol/errors.ts';
import type { WeightsDescription, WeightsFile } from '../../../../protocol/models.ts';
import { openTextEncoder, type TextEncoder } from '../prompt/encoder.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import { describe } from '../weights/describe.ts';
import type { Safetensors } from '../weights/safetensors.ts';
import { readWeights } from '../weights/shards.ts';

/** A complete LTX-2 on the disk; of its weights nothing is in memory. */
export type Model = {
	readonly checkpoint: Checkpoint;
	readonly encoder: TextEncoder;
	readonly description: WeightsDescription;
	/** Made with few steps and without guidance. */
	readonly distilled: boolean;
	/** What makes its latents twice as wide and high. */
	readonly upsampler: Checkpoint | null;
	/** What lets a model that is not distilled finish an upsampled latent in few steps. */
	readonly distilledLora: Safetensors | null;
	/** Tells how long a shot wants to be. */
	readonly durationHead: boolean;
};

/** How many numbers its transformer has; a file of 2.5 may hold Gemma beside it. */
export function transformerParameters({ description }: Model): number {
	return description.files
		.flatMap(({ parts }) => parts)
		.filter(({ part }) => part === 'transformer')
		.reduce((sum, { parameters }) => sum + parameters, 0);
}

const HOW =
	'Put an LTX-2 checkpoint (for example ltx-2-19b-distilled.safetensors, 43.3 GB) and a folder with Gemma 3 12B (25 GB) into one folder and name it.';

/**
 * The model in a folder: checkpoint files beside each other, Gemma in a folder of its own or, for
 * 2.5, in a file. An upsampler and a distilled LoRA that lie there are for a second stage; other
 * LoRAs a request has to name. Reads headers only. Throws PickupError `engine-unavailable` that says what is missing, or `bad-weights`.
 */
export async function openModel(folder: string): Promise<Model> {
	const { files, folders } = await listed(folder);
	const read = await Promise.all(files.map((file) => readWeights(file)));
	const told = read.map((file): Told => ({ file, ...describe([file]).files[0]! }));
	const holds = (part: string) => (one: Told) => one.parts.some((found) => found.part === part);
	const base = told.filter(
		(one) => !holds('lora')(one) && !holds('upsampler')(one) && !onlyText(one.parts),
	);
	const text = told.find(holds('text encoder'))?.file.path ?? folders[0];
	if (base.length === 0) throw incomplete(folder, ['transformer, VAEs and vocoder']);
	const checkpoint = new Checkpoint(base.map(({ file }) => file));
	const description = describe(base.map(({ file }) => file));
	const missing = description.missing.filter((part) => !part.startsWith('text encoder'));
	if (text === undefined) missing.push('text encoder (Gemma)');
	if (missing.length > 0 || text === undefined) throw incomplete(folder, missing);
	const distilled = base.every(isDistilled);
	const fits = ({ families }: Told) =>
		families.some((family) => description.families.includes(family));
	const upsampler = told.find((one) => holds('upsampler')(one) && isTwice(one) && fits(one));
	const lora = told.find((one) => holds('lora')(one) && /distilled/i.test(basename(one.file.path)));
	return {
		...{ checkpoint, encoder: await openTextEncoder(text), description, distilled },
		upsampler: upsampler ? new Checkpoint([upsampler.file]) : null,
		distilledLora: (!distilled && lora?.file) || null,
		durationHead: told.some(holds('duration head')),
	};
}

type Told = Pick<WeightsFile, 'parts' | 'families' | 'variant'> & {
	readonly file: Safetensors;
};

/** Where the metadata does not tell, the name that its makers gave a file has to. */
function isDistilled({ file, variant }: Told): boolean {
	if (variant !== 'unknown') return variant === 'distilled';
	return !/(^|[^a-z])dev([^a-z]|$)/i.test(basename(file.path));
}

function isTwice({ parts }: Told): boolean {
	return parts.some(({ part, kind }) => part === 'upsampler' && kind.startsWith('spatial ×2'));
}

function incomplete(folder: string, missing: readonly string[]): PickupError {
	return new PickupError(
		'engine-unavailable',
		`Expected a complete LTX-2 in ${folder}, missing: ${missing.join(', ')}`,
		{ field: 'settings.model', action: HOW },
	);
}

function onlyText(parts: readonly { readonly part: string }[]): boolean {
	return parts.every(({ part }) => part === 'text encoder' || part === 'tokenizer');
}

async function listed(folder: string): Promise<{ files: string[]; folders: string[] }> {
	const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
		throw new PickupError(
			'engine-unavailable',
			`Expected a folder with LTX-2 at ${folder}, found none`,
			{ field: 'settings.model', action: HOW, cause },
		);
	});
	const names = entries.map(({ name }) => name).sort();
	const files = names.filter((name) => name.endsWith('.safetensors'));
	const folders: string[] = [];
	for (const name of names) {
		const inside = await stat(join(folder, name, 'tokenizer.json')).catch(() => null);
		if (inside?.isFile()) folders.push(join(folder, name));
	}
	return { files: files.map((name) => join(folder, name)), folders };
}

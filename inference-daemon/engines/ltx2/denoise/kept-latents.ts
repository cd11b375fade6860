import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { GenerationRequest } from '../../../../protocol/generation.ts';
import { requestFiles } from '../../../../protocol/request-files.ts';
import { VERSION } from '../../../version.ts';
import type { Latents } from '../diffusion/samplers.ts';
import type { Model } from '../model/open-model.ts';
import type { Device } from '../runtime/device.ts';
import { filesKey } from '../weights/files-key.ts';
import { keepTensors, readKeptTensors } from '../weights/kept-tensors.ts';

/** How many stages of a pass are done, and what the last of them gave. */
export type Finished = { readonly stages: number; readonly latents: Latents };

const NOTHING: Finished = { stages: 0, latents: {} };

type What = {
	/** The job's own; made when there is something to keep. */
	readonly folder: string;
	/** See `latentsKey`. */
	readonly key: string;
	readonly passes: number;
	readonly stages: number;
};

/**
 * What this attempt at a job, and those before it, have finished of its latents: they take nearly all
 * of the time, so that what comes after them may fail, or end the process, without much harm.
 */
export class KeptLatents {
	readonly #what: What;
	readonly #before: readonly Finished[];

	private constructor(what: What, before: readonly Finished[]) {
		this.#what = what;
		this.#before = before;
	}

	/** Reads what earlier attempts have kept; what is damaged, or belongs to something else, is none. */
	static async open(what: What): Promise<KeptLatents> {
		const passes = Array.from({ length: what.passes }, (_, pass) => readPass(what, pass));
		return new KeptLatents(what, await Promise.all(passes));
	}

	/** What earlier attempts have finished of a pass. */
	of(pass: number): Finished {
		return this.#before[pass] ?? NOTHING;
	}

	/** Never throws: what cannot be kept is made again. */
	async keep(pass: number, { stages, latents }: Finished): Promise<void> {
		const { folder, key } = this.#what;
		const shaped = Object.entries(latents).map(([stream, data]) => {
			return [stream, { data, shape: [data.length] }] as const;
		});
		try {
			await mkdir(folder, { recursive: true, mode: 0o700 });
			await keepTensors(fileOf(folder, pass, stages), key, Object.fromEntries(shaped));
		} catch {}
	}
}

/** Changes with all that latents are made from and by. */
export function latentsKey(
	request: GenerationRequest,
	{ checkpoint, encoder, upsampler, distilledLora }: Model,
	{ provider, precision }: Device,
): Promise<string> {
	const weights = [...checkpoint.files, ...(upsampler?.files ?? [])].map(({ path }) => path);
	const lora = distilledLora === null ? [] : [distilledLora.path];
	const named = [...requestFiles(request)].map(([, path]) => path);
	const told = ['latents', VERSION, request, provider, precision];
	return filesKey(told, [...weights, ...encoder.files, ...lora, ...named]);
}

async function readPass({ folder, key, stages }: What, pass: number): Promise<Finished> {
	for (let done = stages; done > 0; done--) {
		const kept = await readKeptTensors(fileOf(folder, pass, done), key);
		if (kept === null) continue;
		const latents = Object.entries(kept).map(([stream, { data }]) => [stream, data] as const);
		return { stages: done, latents: Object.fromEntries(latents) };
	}
	return NOTHING;
}

function fileOf(folder: string, pass: number, stages: number): string {
	return join(folder, `pass ${pass + 1} stage ${stages}.safetensors`);
}

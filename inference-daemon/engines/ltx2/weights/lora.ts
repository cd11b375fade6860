import { PickupError } from '../../../../protocol/errors.ts';
import { listed } from '../../../../protocol/listing.ts';
import { broken, type Safetensors, type Tensor } from './safetensors.ts';

/** A low-rank change of one matrix: W + strength · B · A (LoRA, arXiv 2106.09685; no alpha factor). */
export type LowRank = {
	/** [rank, in] */
	readonly a: Tensor;
	/** [out, rank] */
	readonly b: Tensor;
	readonly strength: number;
};

export type Lora = {
	readonly file: Safetensors;
	/** Any number; 0 leaves the weights as they are. */
	readonly strength: number;
};

const HALVES = /^(?:diffusion_model\.)?(.+)\.lora_([AB])\.weight$/;

export function isLora({ tensors }: Safetensors): boolean {
	return [...tensors.keys()].some((name) => HALVES.test(name));
}

/**
 * How much smaller an IC-LoRA wants its reference: along height and width, and in time. Null where
 * the file is no IC-LoRA. Throws PickupError `bad-weights`.
 */
export function referenceFactors(
	file: Safetensors,
): { readonly space: number; readonly time: number } | null {
	const factor = (key: string) => {
		const text = file.metadata[key];
		const value = text === undefined ? 1 : Number(text);
		if (value > 0 && Number.isSafeInteger(value)) return value;
		throw broken(file.path, `a whole number above 0 as ${key}, got ${JSON.stringify(text)}`);
	};
	const keys = ['reference_downscale_factor', 'reference_temporal_scale_factor'] as const;
	if (!isLora(file) || keys.every((key) => file.metadata[key] === undefined)) return null;
	return { space: factor(keys[0]), time: factor(keys[1]) };
}

/**
 * The changes that LoRAs make, by the name of the matrix in the checkpoint; several add up. `shape`
 * tells a matrix's [out, in], or null where there is none. Throws PickupError `bad-weights` that
 * names what does not fit, of all files at once.
 */
export function lowRanksOf(
	loras: readonly Lora[],
	shape: (name: string) => readonly number[] | null,
): Map<string, LowRank[]> {
	const changes = new Map<string, LowRank[]>();
	const wrong: string[] = [];
	for (const { file, strength } of loras) {
		if (!Number.isFinite(strength)) {
			throw new RangeError(`${file.path}: expected a finite strength, got ${strength}`);
		}
		const pairs = pairsOf(file, shape);
		for (const what of pairs.wrong) wrong.push(`${file.path}: ${what}`);
		for (const { name, a, b } of pairs.found) {
			const others = changes.get(name) ?? [];
			if (strength !== 0) changes.set(name, [...others, { a, b, strength }]);
		}
	}
	if (wrong.length === 0) return changes;
	const message = `Expected LoRAs that fit the checkpoint: ${listed(wrong)}`;
	throw new PickupError('bad-weights', message);
}

type Pair = { readonly name: string; readonly a: Tensor; readonly b: Tensor };

function pairsOf(
	{ tensors }: Safetensors,
	shape: (name: string) => readonly number[] | null,
): { readonly found: readonly Pair[]; readonly wrong: readonly string[] } {
	const modules = new Map<string, { A?: Tensor; B?: Tensor }>();
	const wrong: string[] = [];
	for (const [name, tensor] of tensors) {
		const [, module, half] = HALVES.exec(name) ?? [];
		if (module === undefined) {
			wrong.push(`${name} is no lora_A.weight or lora_B.weight`);
			continue;
		}
		const full = name.startsWith('diffusion_model.') ? `model.diffusion_model.${module}` : module;
		const pair = modules.get(full) ?? {};
		pair[half as 'A' | 'B'] = tensor;
		modules.set(full, pair);
	}
	const found: Pair[] = [];
	for (const [module, { A: a, B: b }] of modules) {
		const name = `${module}.weight`;
		const base = shape(name);
		if (!a || !b) wrong.push(`${module} has a lora_${a ? 'A' : 'B'} alone`);
		else if (base === null) wrong.push(`the checkpoint has no ${name} for ${a.name}`);
		else if (!fits(a, b, base)) {
			wrong.push(`${a.name} [${a.shape}] and ${b.name} [${b.shape}] do not fit ${name} [${base}]`);
		} else found.push({ name, a, b });
	}
	return { found, wrong };
}

function fits(a: Tensor, b: Tensor, [out, inner, ...more]: readonly number[]): boolean {
	const [rank] = a.shape;
	const shapes = `${a.shape};${b.shape}`;
	return more.length === 0 && rank !== 0 && shapes === `${rank},${inner};${out},${rank}`;
}

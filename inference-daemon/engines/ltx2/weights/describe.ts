import { PickupError, problemOf } from '../../../../protocol/errors.ts';
import type { Family, WeightsDescription, WeightsFile } from '../../../../protocol/models.ts';
import { Checkpoint } from './checkpoint.ts';
import { familiesOf, variantOf } from './family.ts';
import { checkHoles } from './holes.ts';
import { isLora } from './lora.ts';
import { wholeName } from './names.ts';
import { DIFFUSION_DECODER, GEMMA, kindOf, type Names, type Part, partOf } from './parts.ts';
import { isScale, shapeOf, storedAs } from './quantise.ts';
import type { Safetensors, Tensor } from './safetensors.ts';
import { readWeights } from './shards.ts';

type Sums = Pick<WeightsFile, 'tensors' | 'parameters' | 'bytes'>;

/** A file and what it is. */
export type DescribedFile = WeightsFile & { readonly file: Safetensors };

/** What files hold, each alone and all of them together as one engine. Throws `bad-weights`. */
export async function inspectWeights(paths: readonly string[]): Promise<WeightsDescription> {
	const files = await Promise.all(paths.map((path) => readWeights(path)));
	const description = describe(files);
	const looks = await Promise.allSettled(files.map(({ tensors }) => checkHoles(tensors)));
	const holes = looks.flatMap((look) =>
		look.status === 'rejected' ? [problemOf(look.reason).message] : [],
	);
	return { ...description, problems: [...description.problems, ...holes] };
}

/** Each file alone, and all of them together as one engine. */
export function describe(files: readonly Safetensors[]): WeightsDescription {
	const described = files.map(describeFile);
	const families = described
		.map((file) => file.families)
		.reduce((all, some) => all.filter((family) => some.includes(family)));
	return {
		files: described,
		families,
		missing: missingParts(described, families),
		problems: [...mixture(described, families), ...conflicts(files)],
		...total(described),
	};
}

function describeFile(file: Safetensors): WeightsFile {
	const whole = wholeName(file.tensors);
	const names: Names = new Map([...file.tensors].map(([name, tensor]) => [whole(name), tensor]));
	const groups = new Map<Part, [string, Tensor][]>();
	for (const entry of names) {
		const part = partOf(entry[0]);
		const group = groups.get(part);
		if (group) group.push(entry);
		else groups.set(part, [entry]);
	}
	const parts = [...groups].map(([part, entries]) => ({
		part,
		kind: kindOf(part, names, file),
		...sums(part, entries, names),
	}));
	const families = familiesOf(names, file);
	return {
		path: file.path,
		families,
		variant: variantOf(names, file, families),
		version: file.metadata.model_version || null,
		licence: file.metadata.license ?? file.metadata.licence ?? null,
		parts,
		...total(parts),
	};
}

function sums(part: Part, entries: readonly (readonly [string, Tensor])[], names: Names): Sums {
	const bytes: Record<string, number> = {};
	let parameters = 0;
	for (const [name, tensor] of entries) {
		bytes[tensor.type] = (bytes[tensor.type] ?? 0) + tensor.bytes;
		if (isScale(name) || part === 'tokenizer') continue;
		const stored = storedAs(tensor, name, (other) => names.get(other) ?? null);
		const shape = stored ? shapeOf(stored) : tensor.shape;
		parameters += shape.reduce((product, n) => product * n, 1);
	}
	return { tensors: entries.length, parameters, bytes };
}

function total(all: readonly Sums[]): Sums {
	const bytes: Record<string, number> = {};
	for (const [type, count] of all.flatMap((one) => Object.entries(one.bytes))) {
		bytes[type] = (bytes[type] ?? 0) + count;
	}
	return {
		tensors: all.reduce((sum, { tensors }) => sum + tensors, 0),
		parameters: all.reduce((sum, { parameters }) => sum + parameters, 0),
		bytes,
	};
}

const REQUIRED: readonly Part[] = [
	...(['transformer', 'connectors', 'text projection', 'text encoder'] as const),
	...(['video encoder', 'video decoder', 'video statistics'] as const),
	...(['audio encoder', 'audio decoder', 'audio statistics', 'vocoder'] as const),
];

function missingParts(
	files: readonly WeightsFile[],
	families: readonly Family[],
): readonly string[] {
	const parts = files.flatMap((file) => file.parts);
	const kinds = (wanted: Part) =>
		parts.flatMap(({ part, kind }) => (part === wanted ? [kind] : []));
	return REQUIRED.flatMap((part) => {
		const found = kinds(part);
		if (part === 'text encoder')
			return found.length > 0 ? [] : [`text encoder${gemmaOf(families)}`];
		if (part === 'connectors' && !found.includes('video and audio')) return ['connectors'];
		if (part !== 'video decoder') return found.length > 0 ? [] : [part];
		if (found.some((kind) => kind !== DIFFUSION_DECODER)) return [];
		const instead =
			found.length > 0 ? ' (the conv VAE; the diffusion decoder is not supported yet)' : '';
		return [`video decoder${instead}`];
	});
}

function gemmaOf(families: readonly Family[]): string {
	const later = families.includes('LTX-2.5 22B');
	if (later && families.length > 1) return '';
	return families.length === 0 ? '' : ` (${later ? GEMMA[4] : GEMMA[3]} 12B)`;
}

function mixture(files: readonly WeightsFile[], families: readonly Family[]): string[] {
	if (families.length > 0) return [];
	const each = files.map((file) => `${file.path} is of ${file.families.join(' or ') || 'several'}`);
	return [`the files are of different models: ${each.join('; ')}`];
}

/** Opens everything as the engine would. Upsamplers are checkpoints of their own. */
function conflicts(files: readonly Safetensors[]): string[] {
	const isUpsampler = ({ tensors }: Safetensors) =>
		tensors.has('post_upsample_res_blocks.0.conv1.weight');
	const bases = files.filter((file) => !isLora(file) && !isUpsampler(file));
	const loras = files.filter(isLora).map((file) => ({ file, strength: 1 }));
	try {
		const checkpoint = new Checkpoint(bases);
		const holds = [...checkpoint.names()].some((name) => partOf(name) === 'transformer');
		// A LoRA by itself is described, not judged.
		if (holds) checkpoint.withLoras(loras);
		return [];
	} catch (error) {
		if (error instanceof PickupError) return [error.message];
		throw error;
	}
}

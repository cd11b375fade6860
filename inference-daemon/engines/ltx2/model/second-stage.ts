import { basename } from 'node:path';
import { PickupError } from '../../../../protocol/errors.ts';
import type { Family } from '../../../../protocol/models.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import type { DescribedFile } from '../weights/describe.ts';
import { referenceFactors } from '../weights/lora.ts';
import { partOf } from '../weights/parts.ts';
import type { Safetensors } from '../weights/safetensors.ts';

/** What makes latents twice as wide and high, of those in the folder that fit. */
export function chooseUpsampler(fitting: readonly DescribedFile[]): {
	readonly checkpoint: Checkpoint | null;
	readonly notes: readonly string[];
} {
	const twice = fitting.filter(({ parts }) =>
		parts.some(({ part, kind }) => part === 'upsampler' && kind.startsWith('spatial ×2')),
	);
	const [first, ...others] = twice;
	if (first === undefined) return { checkpoint: null, notes: [] };
	const rest = others.map(({ path }) => basename(path)).join(', ');
	return {
		checkpoint: new Checkpoint([first.file]),
		notes: rest === '' ? [] : [`Enlarged with ${basename(first.path)}, not with ${rest}.`],
	};
}

type Of = { readonly checkpoint: Checkpoint; readonly families: readonly Family[] };

/**
 * The LoRA that makes a dev model finish in few steps. That it is called so, by its metadata or
 * by its own name, is not enough: it changes the matrices of all blocks, where a style changes
 * some, and goes by no reference. Of several none is taken; notes say why.
 */
export function distilledLoraAmong(
	loras: readonly DescribedFile[],
	of: Of,
): { readonly lora: Safetensors | null; readonly notes: readonly string[] } {
	const called = loras.filter(isCalledDistilled);
	const judged = called.map((one) => ({ one, why: whyNot(one, of) }));
	const fit = judged.filter(({ why }) => why === null).map(({ one }) => one);
	if (fit.length === 1) return { lora: fit[0]!.file, notes: [] };
	if (fit.length > 1) {
		const names = fit.map(({ path }) => basename(path)).join(', ');
		const note = `No second stage: each of ${names} could be the distilled LoRA. Leave one of them in the folder.`;
		return { lora: null, notes: [note] };
	}
	const notes = judged.map(
		({ one, why }) => `${basename(one.path)} is not taken for the distilled LoRA: ${why}.`,
	);
	return { lora: null, notes };
}

function isCalledDistilled({ path, variant }: DescribedFile): boolean {
	if (variant !== 'unknown') return variant === 'distilled';
	return /distilled/i.test(basename(path));
}

/** Of the matrices in a transformer's blocks; gates are small, and not every trainer takes them. */
const NEARLY_ALL = 0.9;

function whyNot({ file, families }: DescribedFile, of: Of): string | null {
	const theirs = families.join(' or ');
	if (!families.some((family) => of.families.includes(family))) return `it is for ${theirs}`;
	try {
		if (referenceFactors(file) !== null) return 'it goes by a reference clip';
		const { changed } = of.checkpoint.withLoras([{ file, strength: 1 }]);
		const outside = changed.find((name) => partOf(name) !== 'transformer');
		if (outside) return `it changes ${outside}, which a second stage does not make anew`;
		const all = [...of.checkpoint.changeable].filter(isInBlock);
		const share = changed.filter(isInBlock).length / all.length;
		const percent = Math.floor(100 * share);
		return share >= NEARLY_ALL ? null : `it changes ${percent} % of the blocks’ matrices`;
	} catch (error) {
		if (error instanceof PickupError) return error.message;
		throw error;
	}
}

function isInBlock(name: string): boolean {
	return /^model\.diffusion_model\.transformer_blocks\./.test(name) && !/gate_logits/.test(name);
}

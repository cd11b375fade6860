import { FAMILIES, type Family } from '../../../../protocol/models.ts';
import { GEMMA, kindOf, type Names, partOf } from './parts.ts';
import { isScale } from './quantise.ts';
import type { Safetensors } from './safetensors.ts';

const [FIRST, SECOND, THIRD] = FAMILIES;
const LATER = [SECOND, THIRD];

/**
 * The families that a file may belong to: those that its metadata and every one of its parts
 * allow. All where nothing tells, none where they contradict each other.
 */
export function familiesOf(names: Names, file: Safetensors): readonly Family[] {
	const transformer = 'model.diffusion_model.';
	const has = (name: string) => names.has(name);
	const evidence: (readonly Family[] | false)[] = [
		byVersion(file.metadata.model_version),
		has(`${transformer}caption_projection.linear_1.weight`) && [FIRST],
		has(`${transformer}prompt_adaln_single.linear.weight`) && LATER,
		has(`${transformer}patchify_proj.weight`) &&
			(has(`${transformer}keyframes_abs_pos_embedding`) ? [THIRD] : [FIRST, SECOND]),
		has('text_embedding_projection.aggregate_embed.weight') && [FIRST],
		has('text_embedding_projection.video_aggregate_embed.weight') && LATER,
		encoderFamilies(names),
		has('vae.decoder.conv_out.conv.weight') &&
			(has('vae.decoder.up_blocks.7.conv.conv.weight') ? LATER : [FIRST]),
		has('vae.decoder.conv_in_x_t.weight') && [THIRD],
		has('vocoder.conv_pre.weight') && [FIRST],
		has('vocoder.vocoder.conv_pre.weight') && LATER,
		has('duration_head.mlp_out.weight') && [THIRD],
		textEncoderFamilies(names, file),
		loraFamilies(names),
		upsamplerFamilies(names, file),
	];
	return FAMILIES.filter((family) => evidence.every((some) => !some || some.includes(family)));
}

/** Attention has gates from the second family on, and only the first projects captions by itself. */
function loraFamilies(names: Names): readonly Family[] | false {
	const modules = [...names.keys()].flatMap((name) => /^(.*)\.lora_[AB]\./.exec(name)?.[1] ?? []);
	if (modules.some((module) => module.endsWith('.to_gate_logits'))) return LATER;
	return modules.some((module) => /(^|\.)(audio_)?caption_projection\./.test(module)) && [FIRST];
}

function byVersion(version: string | undefined): readonly Family[] | false {
	const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? '') ?? [];
	if (major !== '2') return false;
	if (Number(minor) >= 5) return [THIRD];
	return Number(minor) >= 3 ? [SECOND] : [FIRST];
}

/** The encoder's last step down, C → C' channels with eight positions each: C' = 2C in the first family. */
function encoderFamilies(names: Names): readonly Family[] | false {
	const shape = names.get('vae.encoder.down_blocks.7.conv.conv.weight')?.shape;
	return shape !== undefined && (shape[0]! * 8 === shape[1]! * 2 ? [FIRST] : LATER);
}

function textEncoderFamilies(names: Names, file: Safetensors): readonly Family[] | false {
	const first = [...names.keys()].find((name) => partOf(name) === 'text encoder');
	if (first === undefined) return false;
	return kindOf('text encoder', names, file) === GEMMA[4] ? [THIRD] : [FIRST, SECOND];
}

/** Latents of the first family are others than those of later ones; upsamplers in time do not tell. */
function upsamplerFamilies(names: Names, file: Safetensors): readonly Family[] | false {
	if (!names.has('upsampler.conv.weight') && !names.has('upsampler.0.weight')) return false;
	const kind = kindOf('upsampler', names, file);
	if (kind === 'spatial ×2, rational') return [FIRST];
	return kind.startsWith('spatial') && LATER;
}

/** Scales in the FP8 files of LTX-2.3: fewer matrices of the dev model are quantised. */
const SCALES_OF_FP8: Readonly<Record<number, 'dev' | 'distilled'>> = {
	2924: 'dev',
	2992: 'distilled',
};

/**
 * Distilled weights have the names and shapes of those they were distilled from: only a title in
 * the metadata, or the choice of matrices that were quantised, can tell.
 */
export function variantOf(
	names: Names,
	file: Safetensors,
	families: readonly Family[],
): 'dev' | 'distilled' | 'unknown' {
	const titles = Object.entries(file.metadata)
		.filter(([key]) => /(^|[._])(title|name|variant)$/.test(key))
		.map(([, text]) => text.toLowerCase());
	for (const variant of ['distilled', 'dev'] as const) {
		if (titles.some((title) => title.split(/[^a-z]+/).includes(variant))) return variant;
	}
	if (families.join() !== SECOND) return 'unknown';
	const scales = [...names.keys()].filter(
		(name) => isScale(name) && partOf(name) === 'transformer',
	);
	return SCALES_OF_FP8[scales.length] ?? 'unknown';
}

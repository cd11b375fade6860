import { isLora, referenceFactors } from './lora.ts';
import type { Safetensors, Tensor } from './safetensors.ts';

/** Tensors by their names in a whole checkpoint. */
export type Names = ReadonlyMap<string, Tensor>;

/** Parts of the model, each with the names that belong to it; the first that fits counts. */
const PARTS = {
	lora: /\.lora_[AB]\.weight$/,
	connectors: /^model\.diffusion_model\.(video|audio)_embeddings_connector\./,
	transformer:
		/^model\.diffusion_model\.(transformer_blocks|(audio_)?(adaln_single|caption_projection|patchify_proj|proj_out|prompt_adaln_single|scale_shift_table)|av_ca_\w+|keyframes_abs_pos_embedding)(\.|$)/,
	'text projection': /^text_embedding_projection\./,
	'video encoder': /^vae\.encoder\./,
	'video decoder': /^vae\.decoder\./,
	'video statistics': /^vae\.per_channel_statistics\./,
	'audio encoder': /^audio_vae\.encoder\./,
	'audio decoder': /^audio_vae\.decoder\./,
	'audio statistics': /^audio_vae\.per_channel_statistics\./,
	vocoder: /^vocoder\./,
	'duration head': /^duration_head\./,
	upsampler:
		/^(initial_conv|initial_norm|res_blocks|upsampler|post_upsample_res_blocks|final_conv)\./,
	tokenizer: /^(tokenizer_json|spiece_model|hf_asset__.*)$/,
	'text encoder':
		/^(language_model|model\.(layers|embed_tokens|norm|vision|audio|embed)|vision_|multi_modal_|audio_tower|lm_head)/,
	'not recognised': /^/,
} as const;

export type Part = keyof typeof PARTS;

export function partOf(name: string): Part {
	return PATTERNS.find(([, pattern]) => pattern.test(name))![0];
}

const PATTERNS = Object.entries(PARTS) as readonly (readonly [Part, RegExp])[];

/** Which of its kinds a part is, in words; '' where there is but one. */
export function kindOf(part: Part, names: Names, file: Safetensors): string {
	switch (part) {
		case 'lora':
			return loraKind(file);
		case 'connectors':
			return ['video', 'audio']
				.filter((stream) =>
					names.has(`model.diffusion_model.${stream}_embeddings_connector.learnable_registers`),
				)
				.join(' and ');
		case 'text projection':
			return names.has('text_embedding_projection.aggregate_embed.weight')
				? 'one for both connectors'
				: 'one for each connector';
		case 'video decoder':
			return videoDecoderKind(names);
		case 'vocoder':
			return names.has('vocoder.conv_pre.weight') ? '24 kHz' : 'bandwidth extension to 48 kHz';
		case 'upsampler':
			return upsamplerKind(names);
		case 'text encoder':
			return names.has('model.layers.0.layer_scalar') ? GEMMA[4] : GEMMA[3];
		default:
			return '';
	}
}

export const GEMMA = { 3: 'Gemma 3', 4: 'Gemma 4' } as const;
export const DIFFUSION_DECODER = 'diffusion decoder, not supported yet';

function videoDecoderKind(names: Names): string {
	if (names.has('vae.decoder.conv_in_x_t.weight')) return DIFFUSION_DECODER;
	return names.has('vae.decoder.timestep_scale_multiplier') ? 'timestep-conditioned' : 'plain';
}

/** The channels before pixels or frames are shuffled tell how much larger a latent becomes. */
function upsamplerKind(names: Names): string {
	const rational = names.has('upsampler.conv.weight');
	const weight = names.get(rational ? 'upsampler.conv.weight' : 'upsampler.0.weight');
	const [out = 0, channels = 1, ...kernel] = weight?.shape ?? [];
	if (kernel.length === 3) return 'temporal ×2';
	const scale = { 4: 'spatial ×2', 9: 'spatial ×1.5' }[out / channels] ?? 'unknown';
	return `${scale}${rational ? ', rational' : ''}`;
}

function loraKind(file: Safetensors): string {
	const halves = [...file.tensors].filter(([name]) => name.endsWith('.lora_A.weight'));
	const ranks = [...new Set(halves.map(([, { shape }]) => shape[0]))];
	const what = `${halves.length} ${halves.length === 1 ? 'matrix' : 'matrices'}, rank ${ranks.join(', ')}`;
	const factors = isLora(file) ? referenceFactors(file) : null;
	if (factors === null) return what;
	const { space, time } = factors;
	return `IC-LoRA, ${what}, reference 1/${space} the size${time === 1 ? '' : `, 1/${time} the frames`}`;
}

import type { Tensor } from './safetensors.ts';

/**
 * Files that hold one part of the model may leave out the part's prefix: the video VAE of LTX-2.5
 * calls `encoder.` what a whole checkpoint calls `vae.encoder.`. Which part a file is, its tensors
 * tell. Gives the name in a whole checkpoint for a name in this file.
 */
export function wholeName(tensors: ReadonlyMap<string, Tensor>): (name: string) => string {
	const rules = RULES.filter(({ applies }) => applies(tensors));
	return (name) => {
		for (const { from, to } of rules) {
			const prefix = from.find((prefix) => name.startsWith(prefix));
			if (prefix !== undefined) return to + name.slice(prefix.length);
		}
		return name;
	};
}

type Rule = {
	readonly applies: (tensors: ReadonlyMap<string, Tensor>) => boolean;
	readonly from: readonly string[];
	readonly to: string;
};

const VAE = ['encoder.', 'decoder.', 'per_channel_statistics.'];

const RULES: readonly Rule[] = [
	...VAE.map((from) => ({ applies: isVideoVae, from: [from], to: `vae.${from}` })),
	...VAE.map((from) => ({ applies: isAudioVae, from: [from], to: `audio_vae.${from}` })),
	{
		applies: (tensors) => tensors.has('transformer_blocks.0.attn1.to_q.weight'),
		from: [''],
		to: 'model.diffusion_model.',
	},
	{ applies: isGemma3, from: ['model.language_model.', 'model.'], to: 'language_model.model.' },
	{ applies: isGemma4, from: ['model.language_model.'], to: 'model.' },
];

/** Convolutions over time, height and width, or the linear layers of LTX-2.5's diffusion decoder. */
function isVideoVae(tensors: ReadonlyMap<string, Tensor>): boolean {
	return vaeRank(tensors) === 5 || tensors.has('decoder.conv_in_x_t.weight');
}

/** Convolutions over time and frequency. */
function isAudioVae(tensors: ReadonlyMap<string, Tensor>): boolean {
	return vaeRank(tensors) === 4;
}

function vaeRank(tensors: ReadonlyMap<string, Tensor>): number | undefined {
	const first = tensors.get('encoder.conv_in.conv.weight');
	return (first ?? tensors.get('decoder.conv_in.conv.weight'))?.shape.length;
}

const GEMMA_LAYERS = ['model.layers.', 'model.language_model.layers.'];

/** Only Gemma 4 scales the output of each layer. */
function isGemma4(tensors: ReadonlyMap<string, Tensor>): boolean {
	return GEMMA_LAYERS.some((layers) => tensors.has(`${layers}0.layer_scalar`));
}

function isGemma3(tensors: ReadonlyMap<string, Tensor>): boolean {
	const found = GEMMA_LAYERS.some((layers) => tensors.has(`${layers}0.self_attn.q_proj.weight`));
	return found && !isGemma4(tensors);
}

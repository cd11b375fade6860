/** Tensors of official files that no graph reads, and why. Names as in a whole checkpoint. */
export const KNOWN_UNUSED: readonly { readonly names: RegExp; readonly reason: string }[] = [
	{
		names:
			/^vae\.decoder\.(det_stages|diff_blocks|upsamples|t_embedder|conv_in_x_t|shared_adaln|norm_out|conv_in\.(weight|bias)$|conv_out\.(weight|bias)$)/,
		reason: 'the diffusion decoder of LTX-2.5, not supported yet: use the conv VAE',
	},
	{
		names: /^vae\.per_channel_statistics\.(channel|mean-of-stds|mean-of-stds_over_std-of-means)$/,
		reason: 'statistics of the training data; latents are scaled by mean-of-means and std-of-means',
	},
	{
		names: /^vocoder\.mel_stft\.stft_fn\.inverse_basis$/,
		reason: 'the way back from the spectrum, which bandwidth extension never goes',
	},
	{
		names:
			/^(language_model\.)?(model\.)?(vision_tower|vision_model|vision_embedder|embed_vision|multi_modal_projector|audio_tower|embed_audio)\./,
		reason: 'Gemma’s eyes and ears; prompts are text',
	},
	{
		names: /^(language_model\.)?lm_head\./,
		reason: 'Gemma’s next word; only its hidden states are used',
	},
	{
		names: /^(tokenizer_json|spiece_model|hf_asset__.*)$/,
		reason: 'files of the tokenizer, not weights',
	},
	{
		names: /(^|\.)scaled_fp8$|\.comfy_quant$/,
		reason: 'marks of a format that is told by the scales themselves',
	},
];

/** Why nothing reads the tensor; null where something should. */
export function reasonUnused(name: string): string | null {
	return KNOWN_UNUSED.find(({ names }) => names.test(name))?.reason ?? null;
}

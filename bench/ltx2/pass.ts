import { checkWeights } from '../../inference-daemon/engines/ltx2/model/check-weights.ts';
import { transformerConfig } from '../../inference-daemon/engines/ltx2/networks/transformer-config.ts';
import {
	type PromptContext,
	type Settings,
	TransformerRunner,
} from '../../inference-daemon/engines/ltx2/runtime/transformer.ts';
import { Checkpoint } from '../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { timed } from '../measure.ts';
import { uniform } from './weights.ts';

const TOKENS = { video: 256, audio: 126 };
const CONTEXT = 1024;

/** Opens a file as the engine does and runs its transformer once, block after block; says when. */
export async function pass(path: string): Promise<void> {
	let runner: TransformerRunner | null = null;
	const opening = await timed(async () => {
		const checkpoint = await Checkpoint.open(path);
		checkWeights(checkpoint);
		const { blocks } = transformerConfig(checkpoint.config.transformer);
		const streamed = Array.from({ length: blocks }, (_, block) => block);
		const layout = { weights: 'float', streamed, slots: 1 } as const;
		runner = new TransformerRunner(checkpoint, settings(), { layout });
	});
	await say('opened', opening);
	const { config } = runner!;
	const caption = config.captionChannels!;
	const context: PromptContext = { video: text(caption), audio: text(caption) };
	const latents = {
		video: uniform(TOKENS.video * config.video.inChannels, 1),
		audio: uniform(TOKENS.audio * config.audio.inChannels, 1),
	};
	const noise = { video: noisy(TOKENS.video), audio: noisy(TOKENS.audio) };
	await say('ran', await timed(() => runner!.velocities([{ latents, noise, context }])));
	process.disconnect();
}

function settings(): Settings {
	const setting = (axes: number, tokens: number) => ({
		positions: { data: uniform(axes * tokens * 2, 2, 2), shape: [axes, tokens, 2] },
		attentionMask: null,
		keyframes: null,
	});
	return { video: setting(3, TOKENS.video), audio: setting(1, TOKENS.audio) };
}

function text(channels: number) {
	return { data: uniform(CONTEXT * channels, 1), shape: [CONTEXT, channels] };
}

function noisy(tokens: number) {
	return { timesteps: new Float32Array(tokens).fill(0.5), sigma: 0.5 };
}

/** Tells the parent, and waits until it has looked at this process' memory. */
async function say(what: string, milliseconds: number): Promise<void> {
	const heard = new Promise((resolve) => process.once('message', resolve));
	process.send!({ what, milliseconds });
	await heard;
}

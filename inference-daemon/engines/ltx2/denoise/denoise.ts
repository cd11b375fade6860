import { noisyStreams } from '../condition/condition.ts';
import type { Conditioned } from '../diffusion/conditioning.ts';
import type { Guidance } from '../diffusion/guidance.ts';
import { videoShape } from '../diffusion/latent.ts';
import { normalisedNoise, normalNoise } from '../diffusion/noise.ts';
import { type Denoise, evaluationsOf, type Latents, sampleBy } from '../diffusion/samplers.ts';
import { inLessMemory } from '../less-memory.ts';
import { transformerConfig } from '../networks/transformer-config.ts';
import { type MemoryPlan, smaller } from '../plan/memory.ts';
import { weightsLine } from '../plan/memory-line.ts';
import { layoutOf, memoryPlanFor } from '../plan/memory-of-job.ts';
import { type PreviewFit, StagePreviews } from '../preview/stage-previews.ts';
import type { PassRun } from '../run.ts';
import { TransformerRunner } from '../runtime/transformer.ts';
import { denoiser, forwardsPerStep, settingsOf } from './predict.ts';

/**
 * One stage of a pass, from noise to clean latents as tokens, without the guides that were appended; a
 * preview after every step.
 */
export async function denoise(
	run: PassRun,
	stage: number,
	conditioned: Conditioned,
	fit: PreviewFit | null,
): Promise<Latents> {
	const { request, contexts, device, signal, gate, meter, tell, memory } = run;
	const { checkpoint, sampler, sigmas, guidance } = run.stages[stage]!;
	const { provider, precision } = device;
	const draw = 2 * run.pass.index + stage;
	const settings = settingsOf(conditioned, keyframesFor(run, stage, conditioned));
	let plan = planFor(run, conditioned, guidance);
	const open = () => {
		const layout = layoutOf(plan);
		return new TransformerRunner(checkpoint, settings, { provider, precision, layout });
	};
	let runner = open();
	const takeLess = async () => {
		await runner.release();
		const less = smaller(plan);
		if (less === null) return null;
		plan = less;
		memory.lost += 1;
		runner = open();
		return `in less: ${weightsLine(device, plan)}`;
	};
	const total = evaluationsOf(sampler, sigmas) * runner.config.blocks;
	let blocks = 0;
	const onBlock = () => {
		blocks += 1;
		tell(meter.at('denoise', Math.min(1, blocks / total)));
	};
	const predict: Denoise = (latents, sigma) => {
		const before = blocks;
		const evaluate = async () => {
			blocks = before;
			return denoiser(runner, conditioned, contexts, guidance, { signal, onBlock, gate })(
				latents,
				sigma,
			);
		};
		return inLessMemory(run, 'making the shot', evaluate, takeLess);
	};
	let fresh = 0;
	const drawFresh = (stream: string, length: number) => {
		const key = { seed: request.seed, stream: `${stream} ${draw}`, draw: fresh++ };
		if (sampler !== 'res_2s') return normalNoise(key, length);
		return normalisedNoise(key, length, conditioned[stream as keyof Conditioned]!.channels);
	};
	const streams = noisyStreams(conditioned, sigmas[0]!, { seed: request.seed, draw });
	const previews = new StagePreviews(run, stage, fit);
	let latents: Latents = {};
	tell(meter.at('denoise', 0));
	try {
		for await (const step of sampleBy(sampler, streams, sigmas, predict, drawFresh)) {
			latents = step.latents;
			await previews.next(step.clean);
		}
		await previews.end();
	} finally {
		await previews.abandon();
		await runner.release();
	}
	const wanted = Object.entries(latents).map(([stream, tokens]) => {
		const { count, channels } = conditioned[stream as keyof Conditioned]!;
		return [stream, tokens.slice(0, count * channels)];
	});
	return Object.fromEntries(wanted);
}

/** 2.5 marks the tokens of the first cell, which is a frame of its own, and no appended still. */
function keyframesFor(
	{ model, work }: PassRun,
	stage: number,
	{ video }: Conditioned,
): Float32Array | null {
	if (video === null) return null;
	const config = transformerConfig(model.checkpoint.config.transformer);
	if (!config.video.keyframeEmbedding) return null;
	const { width, height } = work.sizes[stage]!;
	const first = videoShape(1, width, height);
	return new Float32Array(video.mask.length).fill(1, 0, first.height * first.width);
}

/** With as much less as memory has run out before in this job. */
function planFor(
	{ device, model, memory }: PassRun,
	conditioned: Conditioned,
	guided: Guidance | null,
): MemoryPlan {
	const { video, audio } = conditioned;
	const tokens = { video: video?.mask.length ?? 0, audio: audio?.mask.length ?? 0 };
	const masked = video?.attentionMask != null;
	let plan = memoryPlanFor(device, model, { tokens, masked, passes: forwardsPerStep(guided) });
	for (let i = 0; i < memory.lost; i++) plan = smaller(plan) ?? plan;
	return plan;
}

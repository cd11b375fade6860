import type { GenerationRequest } from '../../../protocol/generation.ts';
import type { Clip } from '../../../protocol/jobs.ts';
import type { Reporting, Workplace } from '../engine.ts';
import { mediaNotes } from '../neighbour-media.ts';
import { conditionOnNeighbours } from './condition/condition.ts';
import { decodePass, openClipWriter } from './decode/decode.ts';
import { denoise } from './denoise/denoise.ts';
import type { Latents } from './diffusion/samplers.ts';
import { inLessMemory, smallerTiles } from './less-memory.ts';
import { phasesOf } from './plan/phases.ts';
import { preparePreview } from './preview/stage-previews.ts';
import { framesWanted, readPrompts, readStills } from './prompt/read-prompt.ts';
import { enlarged, openJob, openVae, type PassRun, type Run } from './run.ts';
import { isOutOfMemory, runtimeFailure } from './runtime/failures.ts';

/** A clip from a request: reads the prompts, then makes and writes one pass after the other. */
export async function generate(
	request: GenerationRequest,
	workplace: Workplace,
	{ report: tell, signal }: Reporting,
): Promise<Clip> {
	const { job, planned, prefetch, close } = await openJob(request, workplace, signal, tell);
	const { meter } = job;
	try {
		tell(meter.at('prompt', 0));
		const contexts = await readPrompts(job, planned().stages[0]!.checkpoint);
		const frames = await framesWanted(job, contexts);
		tell(meter.at('prompt', 1));
		const stills = await readStills(job);
		const { work, stages } = planned({ frames });
		meter.again(phasesOf(job.model, work, stages));
		return await makePasses({ ...job, contexts, stills, work, stages, prefetch });
	} catch (error) {
		throw isOutOfMemory(error) ? runtimeFailure('Expected to make the shot', error) : error;
	} finally {
		await close();
	}
}

/** All passes into one clip. */
async function makePasses(prepared: Omit<Run, 'vae' | 'writer'>): Promise<Clip> {
	const { request, work, tell, meter, workplace, signal, notes } = prepared;
	const beside = [work.left, work.right];
	const { sound: heard, sequence } = request.context;
	const neighbours = { beside, heard, codec: request.output.codec, rate: sequence.rate };
	const ofMedia = await mediaNotes(workplace.ffmpeg, neighbours, signal);
	const writer = await openClipWriter(prepared);
	const run: Run = { ...prepared, vae: openVae(prepared), writer };
	try {
		for (const note of notes) tell(meter.with(note));
		let previous: PassRun['previous'] = null;
		for (const pass of work.passes) {
			const passRun: PassRun = { ...run, pass, previous };
			previous = await decodePass(passRun, await makeLatents(passRun));
		}
		const { path, frames, rate, size, samples, codec } = await run.writer.finish();
		tell({ kind: 'progress', progress: 1, phase: 'Done' });
		const file = { path, frames, rate, size, samples, codec };
		const clip: Clip = { ...file, draft: false, engine: 'ltx2', seed: request.seed };
		const told = [...notes, ...ofMedia];
		return told.length > 0 ? { ...clip, notes: told } : clip;
	} finally {
		await run.writer.abandon();
		await run.vae.release();
	}
}

/** Conditions on the neighbours and denoises; a second stage goes on from the first, enlarged. */
async function makeLatents(run: PassRun): Promise<Latents> {
	const { stages, work, pass, model, meter, tell } = run;
	const [ffmpeg, checkpoint] = [run.workplace.ffmpeg, model.checkpoint];
	let latents: Latents = {};
	let earlier: Latents | null = null;
	for (const [index, stage] of stages.entries()) {
		tell(meter.at('condition', 0));
		const size = work.sizes[index]!;
		const inputs = { ...run, ffmpeg, checkpoint, stage, size, earlier };
		const { conditioned, seen } = await inLessMemory(
			run,
			'looking at the neighbours',
			() => conditionOnNeighbours(inputs),
			() => smallerTiles(run.vae),
		);
		const isFirst = index === 0 && pass.index === 0;
		const fit = isFirst ? await preparePreview(run, seen) : null;
		tell(meter.at('condition', 1));
		const made = await denoise(run, index, conditioned, fit);
		latents = stage.makesSound ? made : { ...made, audio: latents.audio! };
		if (index + 1 < stages.length) earlier = await enlarged(run, index, latents);
	}
	return latents;
}

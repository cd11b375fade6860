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
	{ report: tell, signal, gate }: Reporting,
): Promise<Clip> {
	const { job, planned, prefetch, close } = await openJob(request, workplace, {
		signal,
		tell,
		gate,
	});
	const { meter } = job;
	try {
		tell(meter.at('prompt', 0));
		const contexts = await readPrompts(job, planned().stages[0]!.checkpoint);
		const frames = await framesWanted(job, contexts);
		tell(meter.at('prompt', 1));
		const stills = await readStills(job);
		const { work, stages } = planned({ frames });
		meter.again(phasesOf(job.model, work, stages, (pass) => job.kept.of(pass)));
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

/** A pass's latents, stage by stage, from where an earlier attempt at the job has come. */
async function makeLatents(run: PassRun): Promise<Latents> {
	const { pass, kept } = run;
	let { stages: done, latents } = kept.of(pass.index);
	while (done < run.stages.length) {
		latents = await makeStage(run, done, latents);
		done += 1;
		await kept.keep(pass.index, { stages: done, latents });
	}
	return latents;
}

/** Conditions on the neighbours and denoises; a second stage goes on from the first, enlarged. */
async function makeStage(run: PassRun, index: number, before: Latents): Promise<Latents> {
	const { work, pass, model, meter, tell, workplace } = run;
	const stage = run.stages[index]!;
	const earlier = index > 0 ? await enlarged(run, index - 1, before) : null;
	tell(meter.at('condition', 0));
	const files = { ffmpeg: workplace.ffmpeg, checkpoint: model.checkpoint };
	const inputs = { ...run, ...files, stage, size: work.sizes[index]!, earlier };
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
	return stage.makesSound ? made : { ...made, audio: before.audio! };
}

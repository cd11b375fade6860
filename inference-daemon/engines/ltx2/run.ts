import type { GenerationRequest } from '../../../protocol/generation.ts';
import type { Reporting, Workplace } from '../engine.ts';
import type { Gate } from '../gate.ts';
import type { Still } from './condition/condition.ts';
import { Prefetch } from './condition/prefetch.ts';
import type { PreviousPass } from './condition/read-window.ts';
import type { ClipWriter } from './decode/clip-writer.ts';
import { KeptLatents, latentsKey } from './denoise/kept-latents.ts';
import { fromTokens, toTokens, videoShape } from './diffusion/latent.ts';
import type { Latents } from './diffusion/samplers.ts';
import { inLessMemory } from './less-memory.ts';
import type { Model } from './model/open-model.ts';
import { videoVaeConfig } from './networks/video-vae.ts';
import { vaeLimits } from './plan/memory-of-job.ts';
import type { Pass } from './plan/passes.ts';
import { phasesOf, READING } from './plan/phases.ts';
import type { Work } from './plan/plan.ts';
import { type Prepared, prepare } from './plan/prepare.ts';
import { type Meter, openMeter } from './plan/progress.ts';
import type { Stage } from './plan/stages.ts';
import { checkpointKey, openPreviews, type Previews } from './preview/preview.ts';
import { chooseDevice, type Device, probeProgram } from './runtime/device.ts';
import { useLibraryOf } from './runtime/onnxruntime.ts';
import type { Contexts } from './runtime/transformer.ts';
import type { NdArray } from './runtime/values.ts';
import { Vae } from './vae/vae.ts';

/** One request on its way, and what it needs however it is made. */
export type Job = {
	readonly request: GenerationRequest;
	readonly model: Model;
	readonly device: Device;
	readonly workplace: Workplace;
	readonly signal: AbortSignal;
	/** To be awaited between pieces of work that take a second or so: an editor may need the machine. */
	readonly gate: Gate;
	readonly meter: Meter;
	readonly previews: Previews;
	readonly tell: Reporting['report'];
	/** What the editor should know of how the clip was made; told at once, and with the clip. */
	readonly notes: readonly string[];
	readonly note: (text: string) => void;
	/** How often it has run out while the shot was made; what is still to be done takes that much less. */
	readonly memory: { lost: number };
	readonly kept: KeptLatents;
};

/** What a plan says, and what was read for it. */
export type Run = Job & {
	readonly work: Work;
	readonly stages: readonly Stage[];
	readonly contexts: Contexts;
	readonly stills: readonly Still[];
	/** Of the first pass; null where an earlier attempt has made it. */
	readonly prefetch: Prefetch | null;
	readonly vae: Vae;
	readonly writer: ClipWriter;
};

/** A run at one of its passes. */
export type PassRun = Run & {
	readonly pass: Pass;
	/** The pass before, whose end this one begins with; null for the first. */
	readonly previous: PreviousPass | null;
};

export type OpenJob = {
	readonly job: Job;
	readonly planned: Prepared['planned'];
	readonly prefetch: Prefetch | null;
	readonly close: () => Promise<void>;
};

/** Chooses what computes, and begins to read the neighbours. */
export async function openJob(
	request: GenerationRequest,
	workplace: Workplace,
	{ signal: outer, tell, gate }: Pick<Job, 'signal' | 'tell' | 'gate'>,
): Promise<OpenJob> {
	const { cache: folder, ffmpeg } = workplace;
	const { settings, model, planned } = await prepare(request, folder);
	const wanted = settings.provider;
	const program = probeProgram();
	const device = await chooseDevice({ wanted, program, folder, signal: outer });
	useLibraryOf(device.provider);
	const key = await checkpointKey(model.checkpoint);
	const { work, stages } = planned();
	const passes = work.passes.length;
	const what = { folder: workplace.unfinished, passes, stages: stages.length };
	const kept = await KeptLatents.open({ ...what, key: await latentsKey(request, model, device) });
	const timesKey = `${key} ${device.provider} ${device.precision}`;
	const phases = [READING, ...phasesOf(model, work, stages, (pass) => kept.of(pass))];
	const clock = () => (performance.now() - gate.stood()) / 1000;
	const meter = await openMeter({ folder, key: timesKey, clock }, phases);
	const channels = videoVaeConfig(model.checkpoint).latent_channels;
	const previews = await openPreviews({ folder, key, channels });
	const source = { ffmpeg, request, work, pass: work.passes[0]!, previous: null, signal: outer };
	const isBegun = kept.of(0).stages > 0;
	const prefetch = isBegun ? null : new Prefetch(source, work.sizes[0]!);
	prefetch?.begin();
	const signal = prefetch ? AbortSignal.any([outer, prefetch.failed]) : outer;
	const close = async () => {
		await prefetch?.close();
		await meter.close();
	};
	const notes = device.note === null ? [] : [device.note];
	const note = (text: string) => {
		if (notes.includes(text)) return;
		notes.push(text);
		tell(meter.with(text));
	};
	const memory = { lost: 0 };
	const told = { gate, meter, previews, tell, notes, note, memory, kept };
	return { job: { request, model, device, workplace, signal, ...told }, planned, prefetch, close };
}

/** In tiles that the device has room for, and time. */
export function openVae({ model, device }: Pick<Run, 'model' | 'device'>): Vae {
	const { provider, precision } = device;
	return new Vae(model.checkpoint, { provider, precision, ...vaeLimits(device, model) });
}

/**
 * The picture among a pass's tokens, [1, channels, frames, height, width]; of all frames, or one cell
 * in time.
 */
export function pictureLatent(
	{ model, work, pass }: Pick<PassRun, 'model' | 'work' | 'pass'>,
	stage: number,
	{ video }: Latents,
	cell?: number,
): NdArray {
	const { latent_channels: channels } = videoVaeConfig(model.checkpoint);
	const { width, height } = work.sizes[stage]!;
	const size = videoShape(pass.window.frames, width, height);
	const frame = size.height * size.width * channels;
	const frames = cell === undefined ? size.frames : 1;
	const first = cell ?? 0;
	const data = fromTokens(video!.slice(first * frame, (first + frames) * frame), channels);
	return { data, shape: [1, channels, frames, size.height, size.width] };
}

/** A stage's latents with the picture twice as wide and high. */
export async function enlarged(run: PassRun, stage: number, latents: Latents): Promise<Latents> {
	const latent = pictureLatent(run, stage, latents);
	const enlarge = () => run.vae.upsample(latent, run.model.upsampler!, run.signal);
	const larger = await inLessMemory(run, 'enlarging the picture', enlarge);
	return { ...latents, video: toTokens(larger.data as Float32Array, latent.shape[1]!) };
}

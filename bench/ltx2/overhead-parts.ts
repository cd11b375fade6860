import { join } from 'node:path';
import {
	conditionOnNeighbours,
	noisyStreams,
} from '../../inference-daemon/engines/ltx2/condition/condition.ts';
import { frameMaker } from '../../inference-daemon/engines/ltx2/condition/picture.ts';
import { denoiser, settingsOf } from '../../inference-daemon/engines/ltx2/denoise/predict.ts';
import { normalNoise } from '../../inference-daemon/engines/ltx2/diffusion/noise.ts';
import { sampleEuler } from '../../inference-daemon/engines/ltx2/diffusion/samplers.ts';
import { openModel } from '../../inference-daemon/engines/ltx2/model/open-model.ts';
import { prepare } from '../../inference-daemon/engines/ltx2/plan/prepare.ts';
import {
	checkpointKey,
	openPreviews,
} from '../../inference-daemon/engines/ltx2/preview/preview.ts';
import { cellOf } from '../../inference-daemon/engines/ltx2/preview/preview-map.ts';
import { pictureLatent } from '../../inference-daemon/engines/ltx2/run.ts';
import type { NdArray } from '../../inference-daemon/engines/ltx2/runtime/resident.ts';
import {
	type PromptContext,
	TransformerRunner,
} from '../../inference-daemon/engines/ltx2/runtime/transformer.ts';
import type { Vae } from '../../inference-daemon/engines/ltx2/vae/vae.ts';
import { encodeClip } from '../../inference-daemon/media/encode.ts';
import { resample } from '../../inference-daemon/media/resample.ts';
import type { Ffmpeg, Frame, Sound } from '../../inference-daemon/media/types.ts';
import { samplesForFrames } from '../../protocol/time.ts';
import { picture } from './picture.ts';
import { processorTime } from './processor.ts';
import { requestFor, type Wanted } from './shots.ts';
import { uniform } from './weights.ts';

export type Part = {
	readonly name: string;
	/** Of processor, child processes among it. */
	readonly milliseconds: number;
};

type Job = Omit<Wanted, 'settings'> & { readonly ffmpeg: Ffmpeg; readonly cache: string };

const CHANNELS = 128;

/** Of the 19B's dev checkpoint. */
const GUIDED_STEPS = 40;
const LED = {
	video: { cfg: 3, stg: 1, modality: 3, rescale: 0.7 },
	audio: { cfg: 7, stg: 1, modality: 3, rescale: 0.7 },
	stgBlocks: [29],
};

/** What a job does beside its networks, in its order. */
export async function partsOf(job: Job): Promise<Part[]> {
	const parts: Part[] = [];
	const { ffmpeg, folder, cache } = job;
	const measure = async <T>(name: string, work: () => T | Promise<T>) => {
		let result: T | undefined;
		const milliseconds = await processorTime(async () => {
			result = await work();
		});
		parts.push({ name, milliseconds });
		return result as T;
	};
	const request = requestFor(ffmpeg.path, { ...job, settings: { stages: 1 } });
	const { signal } = new AbortController();

	const model = await measure('headers of model and Gemma', () => openModel(join(folder, 'model')));
	const { planned } = await prepare(request);
	const { work, stages } = planned();
	const [pass, size, stage] = [work.passes[0]!, work.sizes[0]!, stages[0]!];
	const tokenizer = await measure('opening a tokenizer of 262,144 pieces', () =>
		model.encoder.tokenizer(),
	);
	const cut = () => tokenizer.encode(LONG);
	await measure('cutting a prompt of 300 words into tokens', cut);
	const key = await measure('naming the checkpoint, for what is kept', () =>
		checkpointKey(model.checkpoint),
	);

	const vae = { encodePicture, encodeSound } as unknown as Vae;
	const looking = { ffmpeg, request, work, pass, carried: null, signal };
	const { conditioned: shot, seen } = await measure('neighbours, canvases, mel, conditioning', () =>
		conditionOnNeighbours({
			...{ ...looking, checkpoint: stage.checkpoint, vae, stage, size },
			...{ stills: [], earlier: null, prefetch: null },
		}),
	);
	const previews = await openPreviews({ folder: cache, key, channels: CHANNELS });
	if (seen)
		await measure('a map for previews from the neighbours', () =>
			previews.fit(seen.latent, seen.pixels),
		);
	else await measure('a map for previews from random latents', () => previews.fitOnce(decoded));
	const streams = await measure('noise', () =>
		noisyStreams(shot, 1, { seed: request.seed, draw: 0 }),
	);
	await measure('places of tokens as the transformer takes them', () => {
		new TransformerRunner(stage.checkpoint, settingsOf(shot), { hold: 'one' });
	});

	const velocities = Object.fromEntries(
		Object.entries(streams).map(([stream, { latent }]) => [stream, uniform(latent.length, 1)]),
	);
	const hold = async () => ({ values: {}, release: async () => {} });
	const runner = { velocities: async () => velocities, hold } as unknown as TransformerRunner;
	const steps = async (count: number, guidance: typeof stage.guidance) => {
		const denoise = denoiser(runner, shot, { positive: CONTEXT, negative: CONTEXT }, guidance, {
			signal,
		});
		const sigmas = Array.from({ length: count + 1 }, (_, i) => 1 - i / count);
		let clean = streams.video!.latent;
		for await (const made of sampleEuler(streams, sigmas, denoise)) clean = made.clean.video!;
		return clean;
	};
	const clean = await measure(`${stage.sigmas.length - 1} steps`, () =>
		steps(stage.sigmas.length - 1, null),
	);
	await measure(`${GUIDED_STEPS} guided steps instead`, () => steps(GUIDED_STEPS, LED));
	const cell = cellOf((pass.window.gap.start + pass.window.gap.end) >> 1);
	await measure('a preview after each of them', () => {
		for (let step = 1; step < stage.sigmas.length; step++) {
			previews.jpeg(pictureLatent({ model, work, pass }, 0, { video: clean }, cell), {
				crop: size,
			});
		}
	});

	const { rate, size: whole } = request.context.sequence;
	const count = pass.range.end - pass.range.start;
	const colours = picture(size);
	const area = size.width * size.height;
	const planes = [0, 1, 2].map((c) => colours.subarray(c * area, (c + 1) * area));
	const canvas = { width: size.width, height: size.height, planes };
	const draw = await measure('frames for the encoder', async () => {
		const draw = await frameMaker(size, whole, 'yuv420p');
		for (let frame = 0; frame < count; frame++) draw(canvas);
		return draw;
	});
	const sound = await measure('sound to 48 kHz', () => soundOf(samplesForFrames(count, rate)));
	await measure('encoding and muxing, by ffmpeg', () =>
		encodeClip(ffmpeg, {
			...{ path: join(cache, 'clip.mov'), size: whole, pixelAspect: { num: 1, den: 1 }, rate },
			...{ codec: 'h264-intra', frameCount: count, sound, tags: {} },
			frames: repeated(draw(canvas), count),
		}),
	);
	return parts;
}

const LONG = 'a red kite over a bay, wind in the dry grass, gulls and surf; '.repeat(23);
const CONTEXT: PromptContext = {
	video: { data: new Float32Array(0), shape: [0, 0] },
	audio: { data: new Float32Array(0), shape: [0, 0] },
};

async function encodePicture({ shape }: NdArray): Promise<NdArray> {
	const [, , frames = 1, height = 1, width = 1] = shape;
	const size = [(frames - 1) / 8 + 1, height / 32, width / 32];
	const data = uniform(
		size.reduce((product, n) => product * n, CHANNELS),
		1.7,
	);
	return { data, shape: [1, CHANNELS, ...size] };
}

async function encodeSound({ shape }: NdArray): Promise<NdArray> {
	const tokens = Math.ceil(shape[2]! / 4);
	return { data: uniform(8 * tokens * 16, 1), shape: [1, 8, tokens, 16] };
}

async function decoded({ shape }: NdArray): Promise<NdArray> {
	const [, , f = 1, h = 1, w = 1] = shape;
	const size = [3, 8 * (f - 1) + 1, 32 * h, 32 * w];
	return {
		data: uniform(
			size.reduce((product, n) => product * n, 1),
			1,
		),
		shape: [1, ...size],
	};
}

/** The 19B vocoder's sound, at 24 kHz, as the clip has it. */
function soundOf(samples: number): Sound {
	const voice = normalNoise({ seed: 1, stream: 'voice', draw: 0 }, samples / 2 + 100);
	return { left: resample(voice, 0, 0.5, samples), right: resample(voice, 0, 0.5, samples) };
}

async function* repeated(frame: Frame, count: number): AsyncGenerator<Frame, void, void> {
	for (let i = 0; i < count; i++) yield frame;
}

import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { denoiser, settingsOf } from '../../../inference-daemon/engines/ltx2/denoise/predict.ts';
import {
	type Conditioned,
	startFrom,
} from '../../../inference-daemon/engines/ltx2/diffusion/conditioning.ts';
import {
	type Latents,
	sampleEuler,
} from '../../../inference-daemon/engines/ltx2/diffusion/samplers.ts';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { promptContext } from '../../../inference-daemon/engines/ltx2/prompt/context.ts';
import { openTextEncoder } from '../../../inference-daemon/engines/ltx2/prompt/encoder.ts';
import { liveSessions, onSessions } from '../../../inference-daemon/engines/ltx2/runtime/live.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import {
	type Layout,
	type PromptContext,
	type RunnerOptions,
	TransformerRunner,
} from '../../../inference-daemon/engines/ltx2/runtime/transformer.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { prepare, survey } from '../../../inference-daemon/engines/ltx2/weights/prepare.ts';
import { openPrepared } from '../../../inference-daemon/engines/ltx2/weights/prepared.ts';
import { readWeights } from '../../../inference-daemon/engines/ltx2/weights/shards.ts';
import { audioOf, type Run, readRun, type Stage, videoOf } from './run-case.ts';
import { scratchFolder } from './scratch.ts';
import { useSwiftShader } from './swiftshader.ts';
import type { Tensors } from './tensors.ts';
import { TINY_GEMMA, tinyCheckpoint } from './tiny.ts';

useSwiftShader();

/** The golden runs' tolerance of latents, largest absolute difference. */
const TOLERANCE = 1.5e-4;

/** The three blocks of the tiny model. */
const STREAMED: Layout = { weights: 'float', streamed: [0, 1, 2], slots: 2 };
const MIXED: Layout = { ...STREAMED, streamed: [0, 2] };

let kept: Session;
// The device forgets its compiled kernels when its last session goes.
beforeAll(async () => {
	const graph = new Graph('kept open');
	graph.output('y', graph.input('x', [1]));
	kept = await Session.open(graph, { provider: 'webgpu' });
});
afterEach(() => expect(liveSessions()).toEqual(['kept open']));
afterAll(() => kept.release());

type Case = {
	conditioned: Conditioned;
	stage: Stage;
	run: Run;
	tensors: Tensors;
	checkpoint: Checkpoint;
};

async function readCase(name: string): Promise<Case> {
	const { run, tensors } = await readRun(name);
	const stage = run.stages[0]!;
	const conditioned = { video: videoOf(run, stage, tensors), audio: audioOf(run, stage, tensors) };
	const file = run.checkpoint.replace(/\.safetensors$/, '');
	const checkpoint = await Checkpoint.open(await tinyCheckpoint(file));
	return { conditioned, stage, run, tensors, checkpoint };
}

/** Goes through the run's schedule and compares every estimate; gives how many there were. */
async function compareSteps(runner: TransformerRunner, given: Case, steps: number) {
	const { conditioned, stage, tensors } = given;
	const of = (what: string) => tensors[`${stage.tag}.${what}`]!;
	const predict = denoiser(
		runner,
		conditioned,
		{ positive: contextOf(tensors), negative: null },
		null,
	);
	const sigmas = [...(of('sigmas').data as Float32Array)];
	const streams = (['video', 'audio'] as const).map((stream) => {
		const { clean, mask } = conditioned[stream]!;
		const noise = of(`${stream}.noise`).data as Float32Array;
		const latent = startFrom(conditioned[stream]!, noise, stage[stream]!.noise_scale);
		return [stream, { latent, clean, mask }] as const;
	});
	let estimates = 0;
	const denoise = async (latents: Latents, sigma: number) => {
		const x0 = await predict(latents, sigma);
		for (const [stream, data] of Object.entries(x0)) {
			const expected = row(of(`${stream}.x0`), estimates);
			expect(apart(data, expected), `${stream} ${estimates}`).toBeLessThanOrEqual(TOLERANCE);
		}
		estimates += 1;
		return x0;
	};
	const first = sigmas.slice(0, steps + 1);
	for await (const _ of sampleEuler(Object.fromEntries(streams), first, denoise));
	return { estimates, whole: sigmas.length - 1 };
}

describe('A golden run gives the reference’s estimates', () => {
	it('at every step where hidden states stay on the device', async () => {
		const given = await readCase('gap_retake_mask');
		const runner = runnerOf(given, { provider: 'webgpu' });
		try {
			const { estimates, whole } = await compareSteps(runner, given, Number.POSITIVE_INFINITY);
			expect(estimates).toBe(whole);
		} finally {
			await runner.release();
		}
	});

	it.each([
		['as they are stored', { ...STREAMED, weights: 'stored' }],
		['as floats, in chunks', { ...MIXED, queryChunk: 16, rowChunk: 24 }],
	] as const)('with weights that come %s', async (_, layout) => {
		const given = await readCase('gap_retake_mask');
		const runner = runnerOf(given, { layout });
		try {
			expect((await compareSteps(runner, given, 1)).estimates).toBe(1);
		} finally {
			await runner.release();
		}
	});

	it.each(['cpu', 'webgpu'] as const)('or nearly so in int8 on %s', async (provider) => {
		const given = await readCase('gap_retake_mask');
		const looks = [];
		for (const weights of ['float', 'int8'] as const) {
			const runner = runnerOf(given, { provider, layout: { ...MIXED, weights } });
			looks.push(...(await lookOnce(runner, given)));
			await runner.release();
		}
		for (const stream of ['video', 'audio'] as const) {
			const [exact, near] = looks.map((look) => look[stream]!) as [Float32Array, Float32Array];
			const error = apart(near, exact) / apart(exact, new Float32Array(exact.length));
			expect(error).toBeGreaterThan(1e-6);
			expect(error).toBeLessThan(2e-2);
		}
	});

	it('in int8 with what a LoRA changes beside it', async () => {
		const given = await readCase('lora_0.5');
		const [lora] = given.stage.loras;
		const stem = lora!.file.replace(/\.safetensors$/, '');
		const file = await readWeights(await tinyCheckpoint(stem));
		const changed = given.checkpoint.withLoras([{ file, strength: lora!.strength }]);
		const looks = [];
		for (const [checkpoint, weights] of [
			[given.checkpoint, 'float'],
			[changed, 'float'],
			[changed, 'int8'],
		] as const) {
			const runner = runnerOf({ ...given, checkpoint }, { layout: { ...MIXED, weights } });
			looks.push(...(await lookOnce(runner, given)));
			await runner.release();
		}
		const [plain, exact, near] = looks.map(({ video }) => video!);
		const change = apart(exact!, plain!);
		expect(change).toBeGreaterThan(1e-4);
		expect(apart(near!, exact!)).toBeLessThan(
			2e-2 * apart(exact!, new Float32Array(exact!.length)),
		);
	});

	it('as in int8, from what was prepared of it', async () => {
		const given = await readCase('gap_retake_mask');
		const cache = scratchFolder('prepared');
		const { signal } = new AbortController();
		const looks = [];
		for (const isPrepared of [false, true]) {
			const { checkpoint } = given;
			if (isPrepared) {
				const found = await survey(checkpoint, cache, () => {}, signal);
				await prepare(checkpoint, found, () => {}, signal);
				checkpoint.prepared = await openPrepared(checkpoint, cache);
				expect(checkpoint.prepared).not.toBeNull();
			}
			const runner = runnerOf(given, { layout: { ...MIXED, weights: 'int8' } });
			looks.push(await lookOnce(runner, given));
			await runner.release();
		}
		expect(looks[1]).toEqual(looks[0]);
		await rm(cache, { recursive: true });
	});

	it('block after block through two places of a device, in one session', async () => {
		const given = await readCase('gap_retake_mask');
		const runner = runnerOf(given, { provider: 'webgpu', layout: STREAMED });
		const { seen, stop } = watch();
		try {
			expect((await compareSteps(runner, given, 1)).estimates).toBe(1);
		} finally {
			await runner.release();
			stop();
		}
		const parts = seen.map((names) => names.filter((name) => name.includes('transformer')));
		const last = parts.reduce((most, names) => (names.length > most.length ? names : most));
		expect(last).toEqual(['transformer head', 'transformer block', 'transformer tail']);
	});
});

describe.each([
	{ name: 'all blocks', provider: 'cpu' },
	{ name: 'one block at a time', provider: 'cpu', layout: { ...STREAMED, slots: 1 } },
	{ name: 'one block and two places for the others', provider: 'cpu', layout: MIXED },
	{ name: 'all blocks', provider: 'webgpu' },
	{ name: 'one block and two places for the others', provider: 'webgpu', layout: MIXED },
] as const)('With $name on $provider', (options) => {
	it('a shot that is cancelled within a block ends before the next and leaves nothing open', async () => {
		const given = await readCase('gap_retake_mask');
		const runner = runnerOf(given, options);
		const controller = new AbortController();
		const reason = new Error('cancelled');
		let blocks = 0;
		const onBlock = () => {
			blocks += 1;
			if (blocks === 2) controller.abort(reason);
		};
		const look = () => lookOnce(runner, given, controller.signal, undefined, onBlock);
		await expect(look()).rejects.toBe(reason);
		await expect(look()).rejects.toBe(reason);
		expect(blocks).toBe(2);
		expect(liveSessions()).toEqual(['kept open']);
	});

	it('every look tells of each block once, also one that is asked for in one message', async () => {
		const given = await readCase('gap_retake_mask');
		const runner = runnerOf(given, options);
		const looks: Awaited<ReturnType<typeof lookOnce>>[] = [];
		try {
			for (let look = 0; look < 3; look++) {
				let blocks = 0;
				const onBlock = () => {
					blocks += 1;
				};
				looks.push(await lookOnce(runner, given, undefined, undefined, onBlock));
				expect(blocks, `look ${look}`).toBe(runner.config.blocks);
			}
		} finally {
			await runner.release();
		}
		expect(looks[1]).toEqual(looks[0]);
		expect(looks[2]).toEqual(looks[0]);
	});

	it('a look that fails in the middle leaves nothing open, and the next one succeeds', async () => {
		const given = await readCase('gap_retake_mask');
		const runner = runnerOf(given, options);
		const { video, audio } = contextOf(given.tensors);
		const wrong = {
			video: { ...video, data: new Float32Array(video.data.length).fill(Number.NaN) },
			audio,
		};
		try {
			await expect(lookOnce(runner, given, undefined, wrong)).rejects.toMatchObject({
				code: 'engine-failed',
				message: expect.stringContaining('NaN'),
			});
			const [{ video: velocity } = {}] = await lookOnce(runner, given);
			expect(velocity!.every(Number.isFinite)).toBe(true);
		} finally {
			await runner.release();
		}
	});
});

test('a prompt that is cancelled within Gemma leaves nothing open', async () => {
	const { checkpoint } = await readCase('gap_retake_mask');
	const encoder = await openTextEncoder(TINY_GEMMA);
	const controller = new AbortController();
	const reason = new Error('cancelled');
	const { seen, stop } = watch((names) => {
		if (names.includes('gemma layer 1')) controller.abort(reason);
	});
	const { signal } = controller;
	const context = promptContext('a kite over the bay', encoder, checkpoint, {
		length: 128,
		signal,
	});
	await expect(context).rejects.toBe(reason);
	stop();
	expect(seen.flat()).not.toContain('gemma layer 2');
	expect(Math.max(...seen.map(({ length }) => length))).toBe(2);
});

function runnerOf({ checkpoint, conditioned }: Case, options: RunnerOptions): TransformerRunner {
	return new TransformerRunner(checkpoint, settingsOf(conditioned), options);
}

function lookOnce(
	runner: TransformerRunner,
	{ conditioned, stage, tensors }: Case,
	signal?: AbortSignal,
	context: PromptContext = contextOf(tensors),
	onBlock: () => void = () => {},
) {
	const of = (stream: 'video' | 'audio') => ({
		latent: tensors[`${stage.tag}.${stream}.noise`]!.data as Float32Array,
		noise: { timesteps: conditioned[stream]!.mask.map((share) => share * 0.5), sigma: 0.5 },
	});
	const [video, audio] = [of('video'), of('audio')];
	const inputs = {
		latents: { video: video.latent, audio: audio.latent },
		noise: { video: video.noise, audio: audio.noise },
		context,
	};
	return runner.velocities([inputs], { signal, onBlock });
}

/** All that was ever open at once, until it is stopped. */
function watch(each: (names: readonly string[]) => void = () => {}) {
	const seen: (readonly string[])[] = [];
	const stop = onSessions((names) => {
		seen.push(names);
		each(names);
	});
	return { seen, stop };
}

function contextOf(tensors: Tensors): PromptContext {
	const of = (stream: string) => {
		const { data, shape } = tensors[`text.${stream}_context`]!;
		return { data: data as Float32Array, shape: shape.slice(1) };
	};
	return { video: of('video'), audio: of('audio') };
}

function row({ data, shape }: Tensors[string], index: number): Float32Array {
	const length = data.length / shape[0]!;
	return (data as Float32Array).slice(index * length, (index + 1) * length);
}

/** NaN where one of them holds it. */
function apart(got: Float32Array, expected: Float32Array): number {
	expect(got.length).toBe(expected.length);
	return got.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
}

import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
	blocksGraph,
	headGraph,
	TRANSFORMER,
	type Transformer,
	tailGraph,
} from '../inference-daemon/engines/ltx2/networks/transformer.ts';
import { transformerConfig } from '../inference-daemon/engines/ltx2/networks/transformer-config.ts';
import { DeviceMemory } from '../inference-daemon/engines/ltx2/runtime/device-memory.ts';
import { precisionFor } from '../inference-daemon/engines/ltx2/runtime/precision.ts';
import type { Provider } from '../inference-daemon/engines/ltx2/runtime/provider.ts';
import {
	type ProviderReport,
	tryProvider,
} from '../inference-daemon/engines/ltx2/runtime/providers.ts';
import { Session } from '../inference-daemon/engines/ltx2/runtime/session.ts';
import {
	DeviceValue,
	type NdArray,
	type Values,
} from '../inference-daemon/engines/ltx2/runtime/values.ts';
import { Checkpoint } from '../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import {
	readSafetensors,
	type Tensor,
} from '../inference-daemon/engines/ltx2/weights/safetensors.ts';
import { errorOf, runGraph } from '../tests/engines/ltx2/golden.ts';
import { readCase } from '../tests/engines/ltx2/transformer-case.ts';
import { release19b, uniform, writeWeights } from './ltx2/weights.ts';
import { median, timed } from './measure.ts';

/**
 * LTX-2 on an NVIDIA GPU: how far each type is from the reference in a golden case, then all blocks of
 * the 19B transformer at full size against PyTorch in bfloat16, eager, with the same shapes and
 * weights of no meaning.
 */
const VIDEO = { tokens: 6144, timesteps: 1, contextTokens: 1024 };
const AUDIO = { tokens: 126, timesteps: 1, contextTokens: 1024 };
const ROUNDS = 5;
const LARGEST_ERROR = 2e-2;
const BLOCK = `${TRANSFORMER}.transformer_blocks.0.`;

const run = promisify(execFile);
const gpu = await smi('name');
if (gpu === null) {
	console.log('ltx2-gpu needs an NVIDIA GPU with 48 GB or more. nvidia-smi finds none here:');
	console.log('nothing is measured.');
} else {
	const program = fileURLToPath(new URL('./provider-probe.mjs', import.meta.url));
	const reports = [await tryProvider(program, 'cuda'), await tryProvider(program, 'webgpu')];
	for (const { provider, adapter, reason } of reports) {
		const found = reason ?? `works on ${adapter.name}, ${adapter.precisions.join(', ')}`;
		console.log(`${provider}: ${found}`);
	}
	const usable = reports.filter(({ reason }) => reason === null);
	for (const report of usable) await accuracy(report);
	if (usable[0]) await speed(usable[0], gpu);
	else process.exitCode = 1;
}

/** The largest error of a golden case's velocities, in the reference's standard deviations. */
async function accuracy({ provider, adapter }: ProviderReport): Promise<void> {
	const { model, given, tensors } = await readCase('dit-2.3', 'first-frame');
	for (const precision of adapter.precisions) {
		const found: Record<string, NdArray> = { ...given };
		const graphs = [
			headGraph({ ...model, precision }),
			blocksGraph({ ...model, precision }, 0, model.config.blocks - 1),
			tailGraph({ ...model, precision }),
		];
		for (const graph of graphs) {
			const inputs = graph.inputs.map(({ name }) => [name, found[name]!]);
			Object.assign(found, await runGraph(graph, Object.fromEntries(inputs), provider));
			for (const stream of ['video', 'audio']) {
				if (found[`${stream}.next`]) found[`${stream}.hidden`] = found[`${stream}.next`]!;
			}
		}
		const errors = ['video', 'audio'].map((stream) =>
			errorOf(found[`${stream}.velocity`]!, tensors[`out.${stream}_velocity`]!),
		);
		const error = Math.max(...errors);
		// bfloat16 has three bits fewer, in PyTorch too.
		const bar = precision === 'bfloat16' ? null : LARGEST_ERROR;
		const said = bar === null ? '' : ` (bar ${bar})`;
		console.log(`${provider}, ${precision}: error ${error.toExponential(1)}${said}`);
		if (bar !== null && !(error <= bar)) process.exitCode = 1;
	}
}

async function speed({ provider, adapter }: ProviderReport, name: string): Promise<void> {
	const precision = precisionFor(provider, adapter);
	const folder = await mkdtemp(join(tmpdir(), 'pickup-bench-'));
	try {
		const path = join(folder, 'block.safetensors');
		const { config, tensors } = await release19b();
		const block = Object.entries(tensors).filter(([key]) => key.startsWith(BLOCK));
		await writeWeights(path, { config, tensors: Object.fromEntries(block) }, 'numbers');
		const model: Transformer = {
			weights: (await blocksLike(path)).at(TRANSFORMER),
			config: transformerConfig((config as { transformer?: unknown }).transformer),
			work: { video: VIDEO, audio: AUDIO },
			precision,
		};
		const { inputs } = blocksGraph(model, 0);
		const given = Object.fromEntries(
			inputs.map(({ name: key, shape }) => {
				const length = shape.reduce((product, n) => product * n, 1);
				return [key, { data: uniform(length, 1), shape }];
			}),
		);
		console.log(
			`48 blocks of 19B, ${VIDEO.tokens} video and ${AUDIO.tokens} audio tokens, ${name}:`,
		);
		say('PyTorch, bfloat16, eager', await torch(folder, path, given));
		say(`ONNX Runtime, ${provider}, ${precision}`, await own(model, provider, given));
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

type Measured = { readonly times: readonly number[]; readonly megabytes: number };

function say(what: string, measured: Measured | null): void {
	if (measured === null) return;
	const { times, megabytes } = measured;
	const milliseconds = median(times);
	const speed = teraflop() / (milliseconds / 1000);
	const figures = `${milliseconds.toFixed(0)} ms, ${speed.toFixed(0)} TFLOP/s, ${megabytes} MB`;
	console.log(`  ${what}: ${figures}, median of ${times.length}`);
}

async function own(
	model: Transformer,
	provider: Provider,
	given: Readonly<Record<string, NdArray>>,
): Promise<Measured> {
	const before = Number(await smi('memory.used'));
	const last = model.config.blocks - 1;
	// CUDA gives nothing from one session to the next but through memory.
	const graphs =
		provider === 'webgpu'
			? Array.from({ length: model.config.blocks }, (_, i) => blocksGraph(model, i))
			: [blocksGraph(model, 0, last)];
	model.weights.checkpoint.check();
	const memory = await DeviceMemory.open(provider);
	const sessions: Session[] = [];
	for (const graph of graphs) sessions.push(await Session.open(graph, { provider }));
	const inputs = await memory.hold(given);
	const rooms = [await memory.room(graphs[0]!.outputs), await memory.room(graphs[0]!.outputs)];
	for (let i = 0; i < 2; i++) await forward(sessions, inputs, rooms);
	const times: number[] = [];
	for (let i = 0; i < ROUNDS; i++) times.push(await timed(() => forward(sessions, inputs, rooms)));
	const megabytes = Number(await smi('memory.used')) - before;
	for (const session of sessions) await session.release();
	await memory.release();
	return { times, megabytes };
}

async function forward(
	sessions: readonly Session[],
	given: Values,
	rooms: readonly Values[],
): Promise<void> {
	let inputs = given;
	let made: Values = {};
	for (const [i, session] of sessions.entries()) {
		made = await session.run(inputs, { into: rooms[i % 2]! });
		inputs = { ...given, 'video.hidden': made['video.next']!, 'audio.hidden': made['audio.next']! };
	}
	for (const output of Object.values(made)) {
		if (output instanceof DeviceValue) await output.read();
	}
}

/** 48 blocks out of a file with one: each begins 4 bytes later, so that none shares a copy. */
async function blocksLike(path: string): Promise<Checkpoint> {
	const file = await readSafetensors(path);
	const tensors = new Map<string, Tensor>();
	for (let block = 0; block < 48; block++) {
		for (const [key, tensor] of file.tensors) {
			const name = key.replace('blocks.0.', `blocks.${block}.`);
			tensors.set(name, { ...tensor, name, offset: tensor.offset + 4 * block });
		}
	}
	await truncate(path, file.bytes + 4 * 48);
	return new Checkpoint([{ ...file, tensors }]);
}

async function torch(
	folder: string,
	weights: string,
	given: Readonly<Record<string, NdArray>>,
): Promise<Measured | null> {
	const python = process.env.PICKUP_PYTHON ?? 'python3';
	const before = Number(await smi('memory.used'));
	const entries: Record<string, unknown> = {};
	for (const [i, [name, { data, shape }]] of Object.entries(given).entries()) {
		const file = join(folder, `input-${i}.bin`);
		await writeFile(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
		entries[name] = { shape, file };
	}
	const inputs = join(folder, 'inputs.json');
	await writeFile(inputs, JSON.stringify(entries));
	const script = fileURLToPath(new URL('./ltx2/gpu.py', import.meta.url));
	const child = spawn(python, [script, weights, inputs, folder], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	let said = '';
	child.stdout.setEncoding('utf8').on('data', (text: string) => {
		said += text;
	});
	const code = await new Promise((resolve) => child.on('close', resolve).on('error', resolve));
	if (code !== 0) {
		console.log(
			`  PyTorch is left out: ${python} ended with ${code} (PICKUP_PYTHON names another)`,
		);
		return null;
	}
	const { times, used } = JSON.parse(said.trim().split('\n').at(-1)!);
	return { times, megabytes: used - before };
}

/** Multiplications and additions of one forward pass, in 10¹²: matrices, then attention. */
function teraflop(): number {
	const [t, a, c] = [VIDEO.tokens, AUDIO.tokens, VIDEO.contextTokens];
	const [v, s] = [4096, 2048];
	const matrices = t * (14 * v * v + 4 * v * s) + a * 18 * s * s + c * 2 * (v * v + s * s);
	const scores = v * t * (t + c) + s * a * (a + c) + 2 * s * t * a;
	return (2 * 48 * (matrices + 2 * scores)) / 1e12;
}

/** The first GPU's answer; null where there is none. */
async function smi(field: string): Promise<string | null> {
	const query = [`--query-gpu=${field}`, '--format=csv,noheader,nounits'];
	const answer = await run('nvidia-smi', query).catch(() => null);
	return answer?.stdout.split('\n')[0]?.trim() || null;
}

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { rotaryGraph } from '../../inference-daemon/engines/ltx2/networks/rotary-graph.ts';
import {
	blocksGraph,
	TRANSFORMER,
	type Transformer,
} from '../../inference-daemon/engines/ltx2/networks/transformer.ts';
import { transformerConfig } from '../../inference-daemon/engines/ltx2/networks/transformer-config.ts';
import { Session } from '../../inference-daemon/engines/ltx2/runtime/session.ts';
import type { NdArray } from '../../inference-daemon/engines/ltx2/runtime/values.ts';
import { Checkpoint } from '../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { median, timed } from '../measure.ts';
import { release19b, uniform, writeWeights } from './weights.ts';

const VIDEO = { tokens: 1536, timesteps: 1, contextTokens: 1024 };
const AUDIO = { tokens: 126, timesteps: 1, contextTokens: 1024 };
const ROUNDS = 7;

/**
 * One block at full width on the CPU in float32 against the same block in PyTorch, weights cast
 * before both; in turn. Apart: the same with weights that are cast in each run.
 */
export async function benchBlock(folder: string): Promise<void> {
	const path = join(folder, 'block.safetensors');
	const { config, tensors } = await release19b();
	const block = Object.entries(tensors).filter(([name]) =>
		name.startsWith(`${TRANSFORMER}.transformer_blocks.0.`),
	);
	await writeWeights(path, { config, tensors: Object.fromEntries(block) }, 'numbers');
	const checkpoint = await Checkpoint.open(path);
	const model: Transformer = {
		weights: checkpoint.at(TRANSFORMER),
		config: transformerConfig(checkpoint.config.transformer),
		work: { video: VIDEO, audio: AUDIO },
	};
	const graph = blocksGraph(model, 0);
	checkpoint.check();
	const inputs = await inputsOf(model);
	const given = Object.fromEntries(
		graph.inputs.map(({ name, shape }) => {
			const data = uniform(
				shape.reduce((product, n) => product * n, 1),
				1,
			);
			return [name, inputs[name] ?? { data, shape }];
		}),
	);
	const session = await Session.open(graph);
	const torch = await startTorch(folder, path, given);
	const times = { own: [] as number[], torch: [] as number[] };
	let found = await session.run(given);
	if (torch)
		console.log(`  outputs apart at most ${(await torch.compare(found)).toExponential(1)}`);
	for (let round = 0; round < ROUNDS; round++) {
		times.own.push(
			await timed(async () => {
				found = await session.run(given);
			}),
		);
		// Idle threads of one side spin a while.
		await wait(300);
		if (torch) times.torch.push(await torch.run());
	}
	torch?.stop();
	await session.release();
	const own = median(times.own);
	console.log(
		`one 19B block, ${VIDEO.tokens} video and ${AUDIO.tokens} audio tokens, CPU, float32:`,
	);
	console.log(`  ONNX Runtime   ${own.toFixed(0)} ms, median of ${ROUNDS}`);
	if (torch) {
		const other = median(times.torch);
		const ratio = (own / other).toFixed(2);
		console.log(`  PyTorch        ${other.toFixed(0)} ms; ratio ${ratio} (bar 1.15)`);
	}
	const mapped = await Session.open(graph, { weights: 'mapped' });
	await mapped.run(given);
	const streamed: number[] = [];
	for (let round = 0; round < 3; round++) streamed.push(await timed(() => mapped.run(given)));
	await mapped.release();
	const cast = median(streamed) - own;
	console.log(`  with weights cast in each run: ${cast.toFixed(0)} ms more, median of 3`);
}

async function inputsOf({ config }: Transformer): Promise<Record<string, NdArray>> {
	const seconds = VIDEO.tokens / 96;
	const bounds = (axes: number, tokens: number) => ({
		data: uniform(axes * tokens * 2, seconds, seconds),
		shape: [axes, tokens, 2],
	});
	const { graph, inputs } = rotaryGraph(config, [
		{ stream: config.video, bounds: bounds(3, VIDEO.tokens) },
		{ stream: config.audio, bounds: bounds(1, AUDIO.tokens) },
	]);
	return Session.once(graph, inputs);
}

type Torch = {
	/** Milliseconds of one run. */
	readonly run: () => Promise<number>;
	/** The largest difference between its outputs and these. */
	readonly compare: (found: Readonly<Record<string, NdArray>>) => Promise<number>;
	readonly stop: () => void;
};

/** null, with a sentence, where there is no PyTorch. */
async function startTorch(
	folder: string,
	weights: string,
	given: Readonly<Record<string, NdArray>>,
): Promise<Torch | null> {
	const python = process.env.PICKUP_PYTHON ?? 'python3';
	try {
		execFileSync(python, ['-c', 'import torch'], { stdio: 'ignore' });
	} catch {
		console.log(`PyTorch is left out: ${python} cannot import torch (PICKUP_PYTHON names another)`);
		return null;
	}
	const list: Record<string, { readonly shape: readonly number[]; readonly file: string }> = {};
	for (const [i, [name, { data, shape }]] of Object.entries(given).entries()) {
		const file = join(folder, `input-${i}.bin`);
		await writeFile(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
		list[name] = { shape, file };
	}
	const inputs = join(folder, 'inputs.json');
	await writeFile(inputs, JSON.stringify(list));
	const script = fileURLToPath(new URL('../bench/ltx2/block.py', import.meta.url));
	const child = spawn(python, [script, weights, inputs, folder], {
		stdio: ['pipe', 'pipe', 'inherit'],
	});
	const said = linesOf(child);
	const run = async () => {
		child.stdin.write('run\n');
		return Number(await said());
	};
	await said();
	return {
		run,
		stop: () => child.kill(),
		compare: async (found) => {
			await run();
			const apart = ['video', 'audio'].map(async (name) => {
				const bytes = await readFile(join(folder, `${name}.bin`));
				const theirs = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
				const ours = found[`${name}.next`]!.data as Float32Array;
				return ours.reduce((most, x, i) => Math.max(most, Math.abs(x - theirs[i]!)), 0);
			});
			return Math.max(...(await Promise.all(apart)));
		},
	};
}

function linesOf(child: ChildProcess): () => Promise<string> {
	const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
	return async () => {
		const { value, done } = await lines.next();
		if (done) throw new Error('Expected PyTorch to go on, but it has ended');
		return value;
	};
}

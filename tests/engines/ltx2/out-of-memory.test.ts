import { execFile } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { normalNoise } from '../../../inference-daemon/engines/ltx2/diffusion/noise.ts';
import { countClip } from '../../../inference-daemon/media/verify.ts';
import type { GenerationRequest } from '../../../protocol/generation.ts';
import type { Clip } from '../../../protocol/jobs.ts';
import { ffmpeg } from '../../media/media-files.ts';
import { bundle, scratchFolder } from './scratch.ts';
import {
	GAP,
	makeCut,
	makeModel,
	openStudio,
	requestFor,
	type Sequence,
	SMALL,
	type Studio,
} from './shots.ts';
import { type Entries, writeWeights } from './sparse.ts';
import { readTensors } from './tensors.ts';
import { tinyCheckpoint } from './tiny.ts';

let studio: Studio;
let scratch = '';
let program = '';
beforeAll(async () => {
	studio = await openStudio();
	scratch = scratchFolder('memory');
	program = join(scratch, 'make.mjs');
	await bundle(program, { contents: MAKE });
});
afterAll(async () => {
	await studio.close();
	await rm(scratch, { recursive: true });
});

/** Makes a shot and says the most addresses that it took, in kB, and what came of it. */
const MAKE = `
	import { readFileSync } from 'node:fs';
	import { OPEN_GATE } from '../../../inference-daemon/engines/gate.ts';
	import { ltx2 } from '../../../inference-daemon/engines/ltx2/engine.ts';
	const { request, workplace, machine } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
	if (machine) process.constrainedMemory = () => machine;
	const plan = await ltx2.plan(request);
	const outputs = [];
	const signal = new AbortController().signal;
	const report = (output) => outputs.push(output);
	const clip = await ltx2.generate(request, workplace, { report, signal, gate: OPEN_GATE });
	const status = readFileSync('/proc/self/status', 'utf8');
	console.log(JSON.stringify({
		peak: Number(/VmPeak:\\s+(\\d+)/.exec(status)[1]),
		plan,
		clip,
		previews: outputs.filter(({ kind }) => kind === 'preview').length,
		progress: outputs.filter(({ kind }) => kind === 'progress'),
	}));
`;

type Made = {
	readonly peak: number;
	readonly plan: { readonly workSize: { readonly width: number; readonly height: number } };
	readonly clip: Clip;
	/** One after each step. */
	readonly previews: number;
	readonly progress: readonly { readonly progress: number; readonly phase: string }[];
};

type Limits = {
	/** Kilobytes of addresses that the process may take; default: as many as it likes. */
	readonly most?: number;
	/** Bytes of memory that the machine says it has. */
	readonly machine?: number;
	readonly sequence?: Sequence;
};

const LARGE = { num: 24, den: 1, width: 1536, height: 832 };

/** Makes a shot in a process of its own. */
async function made(
	name: string,
	settings: GenerationRequest['settings'],
	{ most, machine, sequence = LARGE }: Limits = {},
): Promise<Made> {
	const cut = await makeCut(studio, sequence);
	const usual = { model: studio.model, steps: 1, stages: 1, provider: 'cpu' };
	const request = requestFor('insert', cut, { settings: { ...usual, ...settings } });
	const clipPath = join(studio.clips, `${name}.mov`);
	const { folder } = studio;
	// Each reads its prompt, whose thread takes addresses too.
	const cache = join(folder, `${name} cache`);
	const workplace = { ffmpeg, folder, cache, unfinished: join(cache, 'job'), clipPath };
	const asked = join(folder, `${name}.json`);
	await writeFile(asked, JSON.stringify({ request, workplace, machine }));
	const limit = most ?? 'unlimited';
	const command = `ulimit -v ${limit} && exec "$0" --max-old-space-size=512 "$1" "$2"`;
	const args = ['-c', command, process.execPath, program, asked];
	// Else how many addresses are taken depends on which threads ask for memory at once.
	const env = { ...process.env, MALLOC_ARENA_MAX: '1' };
	const { stdout } = await promisify(execFile)('sh', args, { env, maxBuffer: 1 << 26 });
	return JSON.parse(stdout.trim().split('\n').at(-1)!) as Made;
}

it.runIf(process.platform === 'linux')(
	'a shot for which memory runs out as it is drawn goes on in smaller tiles, as large as it was, and says so',
	async () => {
		const pixels = LARGE.width * LARGE.height;
		const full = await made('full', { pixels });
		const half = await made('half', { pixels: pixels / 2 });
		expect(full.peak).toBeGreaterThan(half.peak + 150_000);
		const most = Math.round((full.peak + half.peak) / 2);
		const limited = await made('limited', { pixels }, { most });
		const { clip, progress } = limited;
		expect(await countClip(clip.path)).toEqual({ frames: GAP, samples: 20_000 });
		const note = 'Memory ran out while drawing the picture, so it went on in smaller tiles.';
		expect(clip.notes).toEqual([note]);
		expect(clip.size).toEqual(full.clip.size);
		const shares = progress.map((one) => one.progress);
		expect(shares).toEqual([...shares].sort((a, b) => a - b));
		expect(progress.some(({ phase }) => phase === note)).toBe(true);
		// Nothing but the drawing was done again.
		expect(limited.previews).toBe(full.previews);
		// Of a network of random numbers, whose tiles know nothing of each other beyond their edges.
		expect(await apart(clip.path, full.clip.path)).toBeLessThan(8);
		expect(await readdir(studio.clips)).toEqual(['full.mov', 'half.mov', 'limited.mov']);
	},
);

it.runIf(process.platform === 'linux')(
	'a shot for which memory runs out as the transformer opens goes on block by block, to the same clip',
	async () => {
		const settings = { model: await wideModel(), pixels: 64 * 64, steps: 2 };
		const all = await made('all', settings, { sequence: SMALL });
		const one = await made('one', settings, { machine: 256 * 2 ** 20, sequence: SMALL });
		expect(all.peak).toBeGreaterThan(one.peak + 150_000);
		const most = Math.round((all.peak + one.peak) / 2);
		const { clip, progress, previews } = await made('in blocks', settings, {
			most,
			sequence: SMALL,
		});
		const note =
			'Memory ran out while making the shot, so it went on in less: one of 4 blocks at a time; 32-bit weights.';
		expect([all.clip.notes, one.clip.notes]).toEqual([undefined, undefined]);
		expect(clip.notes).toEqual([note]);
		// Graphs of the two plans round a little otherwise, and each may have made some of the steps.
		for (const other of [one, all]) {
			expect(await apart(clip.path, other.clip.path)).toBeLessThan(1);
		}
		expect(previews).toBe(all.previews);
		const shares = progress.map((share) => share.progress);
		expect(shares).toEqual([...shares].sort((a, b) => a - b));
	},
);

/** How much wider than the tiny model's the blocks of the picture are, and how many there are. */
const WIDER = 20;
const BLOCKS = 4;

/** The tiny model with wide blocks of numbers that mean nothing, in bfloat16: 160 MB, twice that in float32. */
async function wideModel(): Promise<string> {
	const { tensors, metadata } = await readTensors(await tinyCheckpoint('ltx-2-tiny'));
	const { transformer, ...others } = JSON.parse(metadata.config!);
	const numbers = new Uint16Array(
		normalNoise({ seed: 1, stream: 'weights', draw: 0 }, 2 ** 20).map((x) => x * 0.02).buffer,
	).filter((_, i) => i % 2 === 1);
	const entries: Record<string, Entries[string]> = {};
	const data: Record<string, Uint8Array> = {};
	const add = (name: string, type: string, shape: readonly number[], bytes: Uint8Array) => {
		entries[name] = [type, shape];
		data[name] = bytes;
	};
	for (const [name, { data: own, shape }] of Object.entries(tensors)) {
		const isWide = name.startsWith('model.diffusion_model.') && shape.some((n) => WIDE.has(n));
		const [, before, block, after] = /^(.*transformer_blocks\.)(\d+)(\..*)$/.exec(name) ?? [];
		const names = before
			? Array.from({ length: BLOCKS }, (_, i) => `${before}${i}${after}`)
			: [name];
		if (block !== undefined && block !== '0') continue;
		const wide = shape.map((n) => (isWide && WIDE.has(n) ? n * WIDER : n));
		const count = wide.reduce((product, n) => product * n, 1);
		for (const each of names) {
			if (!isWide)
				add(each, 'F32', shape, new Uint8Array(own.buffer, own.byteOffset, own.byteLength));
			else
				add(
					each,
					'BF16',
					wide,
					new Uint8Array(
						Uint16Array.from({ length: count }, (_, i) => numbers[i % numbers.length]!).buffer,
					),
				);
		}
	}
	const config = {
		...others,
		transformer: {
			...transformer,
			num_layers: BLOCKS,
			attention_head_dim: transformer.attention_head_dim * WIDER,
			cross_attention_dim: transformer.cross_attention_dim * WIDER,
		},
	};
	const folder = await makeModel(join(studio.folder, 'wide model'), 'ltx-2-tiny');
	const path = join(folder, 'weights.safetensors');
	await rm(path);
	await writeWeights(path, entries, { ...metadata, config: JSON.stringify(config) }, data);
	return folder;
}

/** What the width of the picture's stream makes in the tiny model. */
const WIDE: ReadonlySet<number> = new Set([56, 4 * 56, 6 * 56]);

/** Mean distance of two clips' pictures, in levels of 255. */
async function apart(one: string, other: string): Promise<number> {
	const [a, b] = await Promise.all([one, other].map((path) => pictures(path)));
	let sum = 0;
	for (let i = 0; i < a!.length; i++) sum += Math.abs(a![i]! - b![i]!);
	expect(b).toHaveLength(a!.length);
	return sum / a!.length;
}

async function pictures(path: string): Promise<Uint8Array> {
	const args = ['-v', 'error', '-i', path, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
	const options = { encoding: 'buffer', maxBuffer: 1 << 28 } as const;
	const { stdout } = await promisify(execFile)(ffmpeg.path, args, options);
	return stdout;
}

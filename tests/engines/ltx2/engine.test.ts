import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EngineOutput } from '../../../inference-daemon/engines/engine.ts';
import { ltx2 } from '../../../inference-daemon/engines/ltx2/engine.ts';
import { countClip } from '../../../inference-daemon/media/verify.ts';
import { type GenerationRequest, generationRequestSchema } from '../../../protocol/generation.ts';
import { type FrameRate, samplesForFrames } from '../../../protocol/time.ts';
import { ffmpeg, run } from '../../media/media-files.ts';
import { TINY_GEMMA, tinyCheckpoint } from './tiny.ts';

const ONE = { num: 1, den: 1 };
const SHOT = 24;
const GAP = 10;

let folder = '';
let model = '';
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-ltx2-'));
	model = join(folder, 'model');
	await mkdir(model);
	await symlink(await tinyCheckpoint('ltx-2-tiny'), join(model, 'weights.safetensors'));
	await symlink(TINY_GEMMA, join(model, 'gemma'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A shot of moving bars with a tone, at the rate and size. */
async function makeShot(name: string, rate: FrameRate, size: string, hue: number): Promise<string> {
	const path = join(folder, `${name}.mov`);
	const speed = `${rate.num}/${rate.den}`;
	const seconds = (SHOT * rate.den) / rate.num;
	await run(ffmpeg.path, [
		...[
			'-y',
			'-loglevel',
			'error',
			'-f',
			'lavfi',
			'-i',
			`testsrc2=s=${size}:r=${speed},hue=h=${hue}`,
		],
		...['-f', 'lavfi', '-i', `sine=frequency=${300 + hue}:r=48000:d=${seconds}`],
		...['-frames:v', String(SHOT), '-c:v', 'libx264', '-crf', '12', '-pix_fmt', 'yuv420p'],
		...['-c:a', 'pcm_s16le', '-ac', '2', path],
	]);
	return path;
}

type Sequence = { rate: FrameRate; width: number; height: number };
const PLAIN: Sequence = { rate: { num: 24, den: 1 }, width: 96, height: 64 };

async function requestFor(
	kind: GenerationRequest['kind'],
	{ rate, width, height }: Sequence = PLAIN,
	extra: Record<string, unknown> = {},
): Promise<GenerationRequest> {
	const name = `${rate.num}-${width}x${height}`;
	const paths = await Promise.all([
		makeShot(`left ${name}`, rate, `${width}x${height}`, 0),
		makeShot(`right ${name}`, rate, `${width}x${height}`, 180),
	]);
	const span = (side: 0 | 1, start: number) => ({
		...{ name: 'shot', track: 'V1', range: { start, end: start + SHOT } },
		source: { kind: 'file', path: paths[side] },
		...{ sourceIn: { num: 0, den: 1 }, speed: ONE, enabled: true },
	});
	const isOwn = kind === 'retake' || kind === 'soundtrack' || kind === 'animate';
	const [left, right] = [span(0, 0), span(1, SHOT + GAP)];
	const range = isOwn ? { start: 6, end: 6 + GAP } : { start: SHOT, end: SHOT + GAP };
	const parts: Record<string, unknown> = {
		fill: {},
		extend: { side: 'tail' },
		insert: { images: [] },
		retake: { clip: left, replace: 'both' },
		soundtrack: { clip: left },
		animate: { clip: left },
	};
	return generationRequestSchema.parse({
		...{ kind, id: randomUUID(), engine: 'ltx2', prompt: 'a red kite over a bay', seed: 7 },
		context: {
			sequence: {
				...{ name: 'cut', rate, size: { width, height }, pixelAspect: ONE, duration: 100 },
				...{ startFrame: 0, dropFrame: false, sampleRate: 48_000 },
			},
			...{ track: 'V1', range, left: isOwn ? null : left, right: isOwn ? null : right },
			sound: [left, right],
		},
		output: { folder, name: 'shot', codec: 'h264-intra' },
		settings: { model, context: 0.3, pixels: 96 * 64, steps: 3 },
		...(parts[kind] as object),
		...extra,
	});
}

async function make(
	request: GenerationRequest,
	name: string,
	signal = new AbortController().signal,
) {
	const clipPath = join(folder, `${name}.mov`);
	const plan = await ltx2.plan(request);
	const workplace = { ffmpeg, folder, cache: join(folder, 'cache'), clipPath };
	const outputs: EngineOutput[] = [];
	for await (const output of ltx2.generate(request, plan, workplace, signal)) outputs.push(output);
	const last = outputs.at(-1);
	if (last?.kind !== 'clip') throw new Error('Expected a clip');
	return { clip: last.clip, plan, outputs };
}

const RATES = [
	...[
		[24, 1],
		[24_000, 1001],
		[30_000, 1001],
		[60_000, 1001],
	],
] as [number, number][];
const KINDS = ['fill', 'extend', 'insert', 'retake', 'soundtrack', 'animate'] as const;

describe.each(KINDS)('%s', (kind) => {
	it.each([
		...RATES.map(([num, den]) => [{ rate: { num, den }, width: 96, height: 64 }] as const),
		[{ rate: { num: 24, den: 1 }, width: 64, height: 96 }] as const,
	])('at %o is exactly as long as asked for, picture and sound', async (sequence) => {
		const request = await requestFor(kind, sequence);
		const { clip, outputs } = await make(request, `${kind} made`);
		const samples = samplesForFrames(GAP, sequence.rate);
		expect(clip).toMatchObject({ frames: GAP, samples, draft: false, engine: 'ltx2' });
		expect(await countClip(clip.path)).toEqual({ frames: GAP, samples });
		const shares = outputs.flatMap((output) => (output.kind === 'progress' ? output.progress : []));
		expect(shares).toEqual([...shares].sort((a, b) => a - b));
	});
});

it('the same request makes the same file, another seed another', async () => {
	const request = await requestFor('fill');
	const files = [];
	for (const [name, seed] of [
		['a', 7],
		['b', 7],
		['c', 8],
	] as const) {
		const { clip } = await make({ ...request, seed }, name);
		files.push(await readFile(clip.path));
	}
	expect(files[0]!.equals(files[1]!)).toBe(true);
	expect(files[0]!.equals(files[2]!)).toBe(false);
});

describe('is refused or told before it runs', () => {
	it('a gap beyond what the model was trained for, with the limit', async () => {
		const request = await requestFor('fill');
		const range = { start: SHOT, end: SHOT + 2400 };
		const context = { ...request.context, range, right: null };
		await expect(ltx2.plan({ ...request, context } as GenerationRequest)).rejects.toMatchObject({
			code: 'too-long',
			message: expect.stringMatching(/at most 1[5-9]\d\d frames at 24 .* got 2400/),
		});
	});

	it('half a checkpoint, by what it lacks', async () => {
		const half = await mkdtemp(join(folder, 'half '));
		await symlink(TINY_GEMMA, join(half, 'gemma'));
		const request = await requestFor('fill', PLAIN, { settings: { model: half } });
		await expect(ltx2.plan(request)).rejects.toMatchObject({
			code: 'engine-unavailable',
			message: expect.stringContaining('transformer'),
		});
	});

	it('a negative prompt that a distilled model does not heed', async () => {
		const request = await requestFor('fill', PLAIN, { negativePrompt: 'rain' });
		expect((await ltx2.plan(request)).notes.join(' ')).toContain('negative prompt has no effect');
	});

	it('a prompt of more tokens than the model reads, with the count', async () => {
		const request = await requestFor('fill', PLAIN, { prompt: 'kite '.repeat(1200) });
		await expect(make(request, 'long')).rejects.toMatchObject({
			code: 'bad-request',
			field: 'prompt',
			message: expect.stringMatching(/at most 1024 tokens, got \d{4}/),
		});
		expect(await readdir(folder)).not.toContain('long.mov.part');
	});
});

it('a gap of one frame, and one with a single neighbour of one frame', async () => {
	const request = await requestFor('fill');
	const { context } = request;
	const range = { start: SHOT, end: SHOT + 1 };
	const right = { ...context.right!, range: { start: SHOT + 1, end: SHOT + 2 } };
	const tight = { ...request, context: { ...context, range, right } } as GenerationRequest;
	expect((await make(tight, 'one')).clip).toMatchObject({ frames: 1, samples: 2000 });
	const alone = { ...tight, context: { ...tight.context, left: null } } as GenerationRequest;
	expect((await make(alone, 'alone')).clip).toMatchObject({ frames: 1, samples: 2000 });
});

it('stops when told to and leaves nothing', async () => {
	const settings = { model, context: 0.3, pixels: 96 * 64, steps: 200 };
	const request = await requestFor('fill', PLAIN, { settings });
	const before = await readdir(folder);
	for (const wait of [30, 700, 1500]) {
		const signal = AbortSignal.timeout(wait);
		const failure = await make(request, 'stopped', signal).catch((error: unknown) => error);
		expect(failure).toBe(signal.reason);
	}
	const kept = [...before, 'cache'];
	expect((await readdir(folder)).filter((name) => !kept.includes(name))).toEqual([]);
});

import { readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ltx2 } from '../../../inference-daemon/engines/ltx2/engine.ts';
import { liveSessions } from '../../../inference-daemon/engines/ltx2/runtime/live.ts';
import { readFrames } from '../../../inference-daemon/media/frames.ts';
import { countClip } from '../../../inference-daemon/media/verify.ts';
import type { GenerationRequest } from '../../../protocol/generation.ts';
import { samplesForFrames } from '../../../protocol/time.ts';
import { ffmpeg } from '../../media/media-files.ts';
import {
	type Cut,
	GAP,
	make,
	makeCut,
	makeModel,
	makeShot,
	openStudio,
	requestFor,
	type Sequence,
	type Studio,
} from './shots.ts';
import { writeWeights } from './sparse.ts';
import { readTensors } from './tensors.ts';
import { tinyCheckpoint, writeTensors } from './tiny.ts';

const WIDE: Sequence = { num: 24, den: 1, width: 128, height: 64 };

let studio: Studio;
let cut: Cut;
let dev = '';
beforeAll(async () => {
	studio = await openStudio();
	cut = await makeCut(studio, WIDE);
	for (const part of ['spatial-upscaler-x2', 'ic-lora', 'distilled-lora']) {
		await symlink(
			await tinyCheckpoint(`ltx-2-tiny-${part}`),
			join(studio.folder, `${part}.safetensors`),
		);
	}
	await symlink(
		await tinyCheckpoint('ltx-2-tiny-spatial-upscaler-x2'),
		join(studio.model, 'up.safetensors'),
	);
	dev = await makeModel(join(studio.folder, 'dev model'), 'ltx-2-tiny');
	await rename(join(dev, 'weights.safetensors'), join(dev, 'ltx-2-19b-dev.safetensors'));
});
afterAll(() => studio.close());

const settings = (more: GenerationRequest['settings'] = {}) => ({
	model: studio.model,
	context: 0.3,
	pixels: 128 * 64,
	steps: 2,
	...more,
});
const file = (part: string) => join(studio.folder, `${part}.safetensors`);

async function picturesOf(path: string, { width, height }: Sequence = WIDE): Promise<Uint8Array> {
	const at = Array.from({ length: GAP }, (_, i) => ({ num: i, den: 24 }));
	const wanted = { path, at, size: { width, height }, pixelAspect: { num: 1, den: 1 } };
	const frames = await readFrames(ffmpeg, { ...wanted, format: 'rgb24' });
	return Buffer.concat(frames.map(({ data }) => data));
}

/** Mean difference of two clips' pixels, in levels of 0…255. */
async function apart(a: string, b: string): Promise<number> {
	const [one, other] = await Promise.all([picturesOf(a), picturesOf(b)]);
	return one.reduce((sum, value, i) => sum + Math.abs(value - other[i]!), 0) / one.length;
}

describe('two stages', () => {
	it('make the shot small, enlarge it and finish it, as the plan says', async () => {
		const request = requestFor('fill', cut, { settings: settings({ stages: 2 }) });
		const { clip, plan, outputs } = await make(request, studio, 'two');
		expect(plan).toMatchObject({ stages: 2, steps: 5, workSize: { width: 128, height: 64 } });
		expect(await countClip(clip.path)).toEqual({ frames: GAP, samples: clip.samples });
		const phases = outputs.flatMap((output) => (output.kind === 'progress' ? output.phase : []));
		expect(phases).toContain('Finishing the shot');
		// Told after each of the two blocks of each of the two steps, and before the first.
		expect(phases.filter((phase) => phase === 'Making the shot').length).toBeGreaterThanOrEqual(5);
		expect(outputs.filter(({ kind }) => kind === 'preview')).toHaveLength(5);
		const one = await make(requestFor('fill', cut, { settings: settings() }), studio, 'one');
		expect(one.plan.stages).toBe(1);
		expect(await apart(clip.path, one.clip.path)).toBeGreaterThan(1);
	});

	it('of a model that is not distilled need its distilled LoRA', async () => {
		const wanted = { settings: settings({ model: dev, stages: 2 }) };
		await symlink(file('spatial-upscaler-x2'), join(dev, 'up.safetensors'));
		await expect(ltx2.plan(requestFor('fill', cut, wanted))).rejects.toMatchObject({
			code: 'engine-cannot',
			field: 'settings.stages',
		});
		await symlink(file('distilled-lora'), join(dev, 'ltx-2-19b-distilled-lora.safetensors'));
		const { clip, plan } = await make(requestFor('fill', cut, wanted), studio, 'dev two');
		expect(plan).toMatchObject({ stages: 2, steps: 5 });
		expect(clip.frames).toBe(GAP);
	});
});

it('a model that is not distilled is guided by the negative prompt', async () => {
	const wanted = (negativePrompt: string) =>
		requestFor('insert', cut, { settings: settings({ model: dev, stages: 1 }), negativePrompt });
	const plain = await make(wanted(''), studio, 'plain');
	const other = await make(wanted('rain'), studio, 'other');
	expect(plain.plan.notes.join(' ')).not.toContain('no effect');
	expect(await apart(plain.clip.path, other.clip.path)).toBeGreaterThan(0.5);
});

it('each sampler makes a shot of its own', async () => {
	const paths = [];
	for (const sampler of ['euler', 'ancestral', 'res_2s']) {
		const request = requestFor('insert', cut, { settings: settings({ sampler, steps: 3 }) });
		paths.push((await make(request, studio, sampler)).clip.path);
	}
	expect(await apart(paths[0]!, paths[1]!)).toBeGreaterThan(1);
	expect(await apart(paths[0]!, paths[2]!)).toBeGreaterThan(1);
	expect(await apart(paths[1]!, paths[2]!)).toBeGreaterThan(1);
});

describe('LoRAs', () => {
	it('change the shot by their strength', async () => {
		const made = async (strength: number | null, name: string) => {
			const loras = strength === null ? [] : [{ path: file('distilled-lora'), strength }];
			return (await make(requestFor('fill', cut, { settings: settings(), loras }), studio, name))
				.clip;
		};
		const [without, none, half, full] = [
			await made(null, 'without'),
			await made(0, 'none'),
			await made(0.5, 'half'),
			await made(1, 'full'),
		];
		expect(await readFile(none.path)).toEqual(await readFile(without.path));
		const [byHalf, byFull] = [
			await apart(without.path, half.path),
			await apart(without.path, full.path),
		];
		expect(byHalf).toBeGreaterThan(0);
		expect(byFull).toBeGreaterThan(byHalf);
	});

	it('for another family, or of other shapes, are refused by name', async () => {
		const names = ['attn1.to_q', 'attn1.to_gate_logits'];
		for (const [name, rows, told] of [
			[names[0]!, 7, /other\.safetensors: .*to_q.* do not fit/],
			[names[1]!, 2, /for LTX-2\.3 22B or LTX-2\.5 22B/],
		] as const) {
			const path = file('other');
			const module = `diffusion_model.transformer_blocks.0.${name}`;
			const entries = {
				[`${module}.lora_A.weight`]: ['F32', [2, 32]],
				[`${module}.lora_B.weight`]: ['F32', [rows, 2]],
			} as const;
			await writeWeights(path, entries, {});
			const request = requestFor('fill', cut, {
				settings: settings(),
				loras: [{ path, strength: 1 }],
			});
			await expect(ltx2.plan(request)).rejects.toMatchObject({
				code: 'bad-weights',
				field: 'loras.0.path',
				message: expect.stringMatching(told),
			});
		}
	});

	it('and what is none', async () => {
		const loras = [{ path: file('spatial-upscaler-x2'), strength: 1 }];
		const request = requestFor('fill', cut, { settings: settings(), loras });
		await expect(ltx2.plan(request)).rejects.toMatchObject({
			code: 'bad-weights',
			message: expect.stringContaining('Expected a LoRA'),
		});
	});
});

describe('a reference clip', () => {
	it('leads an IC-LoRA', async () => {
		const made = async (picture: string, name: string) => {
			const path = await makeShot(join(studio.folder, `${name}.mov`), WIDE, { picture });
			const request = requestFor('insert', cut, {
				settings: settings(),
				loras: [{ path: file('ic-lora'), strength: 1 }],
				reference: { path, strength: 1, attention: 1 },
			});
			return (await make(request, studio, `${name} made`)).clip.path;
		};
		const [bars, same, life] = [
			await made('smptebars', 'a'),
			await made('smptebars', 'b'),
			await made('life', 'c'),
		];
		expect(await apart(bars, same)).toBe(0);
		expect(await apart(bars, life)).toBeGreaterThan(0.1);
	});

	it('without an IC-LoRA is refused', async () => {
		const reference = { path: cut.left.source.kind === 'file' ? cut.left.source.path : '' };
		const request = requestFor('insert', cut, { settings: settings(), reference });
		await expect(ltx2.plan(request)).rejects.toMatchObject({
			code: 'bad-request',
			field: 'reference',
		});
	});
});

it('a retake in part stays nearer to what was there', async () => {
	const made = async (strength: number, seed: number) => {
		const request = requestFor('retake', cut, { settings: settings({ steps: 8 }), strength, seed });
		return (await make(request, studio, `retake ${strength} ${seed}`)).clip.path;
	};
	const little = await apart(await made(0.1, 1), await made(0.1, 2));
	const whole = await apart(await made(1, 1), await made(1, 2));
	expect(little).toBeLessThan(whole / 2);
});

it('sound that cannot be made ends the shot before its picture is drawn', async () => {
	const broken = await makeModel(join(studio.folder, 'broken'), 'ltx-2-tiny');
	const path = join(broken, 'weights.safetensors');
	const { tensors, metadata } = await readTensors(path);
	(tensors['vocoder.conv_post.bias']!.data as Float32Array).fill(Number.NaN);
	await rm(path);
	await writeTensors(path, tensors, metadata);
	const long = await makeCut(studio, WIDE, { gap: 60 });
	const request = requestFor('fill', long, { settings: settings({ model: broken, steps: 1 }) });
	await expect(make(request, studio, 'without sound')).rejects.toMatchObject({
		code: 'bad-weights',
		message: expect.stringContaining('vocoder.conv_post.bias'),
	});
	expect(await readdir(studio.folder)).not.toContain('without sound.mov.part');
	expect(liveSessions()).toEqual([]);
});

it('an open length is for models with a duration head', async () => {
	const request = requestFor('insert', cut, { settings: settings(), length: 'model' });
	await expect(ltx2.plan(request)).rejects.toMatchObject({
		code: 'engine-cannot',
		field: 'length',
	});
});

it('a clip longer than the model’s horizon is made in passes that go on from each other', async () => {
	const small: Sequence = { num: 60_000, den: 1001, width: 64, height: 64 };
	const gap = 540;
	const long = await makeCut(studio, small, { gap });
	const request = requestFor('fill', long, { settings: settings({ pixels: 64 * 64, steps: 1 }) });
	const { clip, plan, outputs } = await make(request, studio, 'long');
	expect(plan.passes).toBe(2);
	expect(plan.workFrames).toBeGreaterThan(gap);
	const samples = samplesForFrames(gap, long.sequence);
	expect(await countClip(clip.path)).toEqual({ frames: gap, samples });
	const phases = outputs.flatMap((output) => (output.kind === 'progress' ? output.phase : []));
	expect(phases).toContain('Making the shot (part 2 of 2)');
	const shares = outputs.flatMap((output) => (output.kind === 'progress' ? output.progress : []));
	expect(shares).toEqual([...shares].sort((a, b) => a - b));
});

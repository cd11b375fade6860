import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
	DISTILLED,
	DISTILLED_STAGE_2,
	devSchedule,
} from '../../../inference-daemon/engines/ltx2/diffusion/schedule.ts';
import type { Model } from '../../../inference-daemon/engines/ltx2/model/open-model.ts';
import { phasesOf } from '../../../inference-daemon/engines/ltx2/plan/phases.ts';
import type { Work } from '../../../inference-daemon/engines/ltx2/plan/plan.ts';
import { settingsIn } from '../../../inference-daemon/engines/ltx2/plan/settings.ts';
import {
	type Loras,
	lorasOf,
	type Stage,
	stagesFor,
} from '../../../inference-daemon/engines/ltx2/plan/stages.ts';
import type { Lora } from '../../../inference-daemon/engines/ltx2/weights/lora.ts';
import { readSafetensors } from '../../../inference-daemon/engines/ltx2/weights/safetensors.ts';
import type { GenerationRequest } from '../../../protocol/generation.ts';
import { writeWeights } from './sparse.ts';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup stage '));
});
afterAll(() => rm(folder, { recursive: true }));

const DISTILLED_LORA = { path: 'distilled-lora' } as unknown as Lora['file'];

type Kind = { readonly version: string | null; readonly distilled: boolean };

/** As a file of 2.5 has them. */
const PARTS = [
	{ part: 'transformer', parameters: 1e9 },
	{ part: 'text encoder', parameters: 12e9 },
];

/** A model of which a stage depends on the version, and which LoRAs are put to it. */
function modelOf({ version, distilled }: Kind): Model {
	const checkpoint = { withLoras: (loras: readonly Lora[]) => ({ loras, changed: [] }) };
	return {
		version: Number.parseFloat(version ?? '2.0'),
		checkpoint,
		distilled,
		distilledLora: distilled ? null : DISTILLED_LORA,
		description: { families: ['LTX-2 19B'], files: [{ parts: PARTS }] },
	} as unknown as Model;
}

const WINDOW = { left: 0, right: 0, spare: 0, gap: { start: 0, end: 121 }, frames: 121 };

function workOf(stages: 1 | 2): Work {
	const sizes = [
		{ width: 960, height: 544 },
		{ width: 1920, height: 1088 },
	].map((size) => ({ ...size, inner: size }));
	const passes = [{ index: 0, range: { start: 0, end: 121 }, window: WINDOW }];
	return { passes, sizes: sizes.slice(0, stages) } as unknown as Work;
}

const NO_LORAS: Loras = { loras: [], withoutReference: [], reference: null };

type Wanted = {
	readonly stages?: 1 | 2;
	readonly settings?: GenerationRequest['settings'];
	/** Of a retake. */
	readonly strength?: number;
	readonly loras?: Loras;
};

function stagesOf(kind: Kind, wanted: Wanted = {}): readonly Stage[] {
	const { stages = 1, settings = {}, strength, loras = NO_LORAS } = wanted;
	const request = (
		strength === undefined ? { kind: 'fill', settings } : { kind: 'retake', strength, settings }
	) as GenerationRequest;
	return stagesFor(request, settingsIn(request), modelOf(kind), workOf(stages), loras);
}

const KINDS = [
	{ name: '19B distilled', version: null, distilled: true, sampler: 'euler' },
	{ name: '2.3 distilled', version: '2.3.0', distilled: true, sampler: 'euler' },
	{ name: '2.5 distilled', version: '2.5.0', distilled: true, sampler: 'ancestral' },
	{ name: '19B dev', version: null, distilled: false, steps: 40, block: 29 },
	{
		name: '19B dev that tells its version',
		version: '2.0.0',
		distilled: false,
		steps: 40,
		block: 29,
	},
	{ name: '2.3 dev', version: '2.3.0', distilled: false, steps: 30, block: 28 },
	{ name: '2.5 dev', version: '2.5.0', distilled: false, steps: 30, block: 28 },
] as const;

const SIDES = {
	video: { cfg: 3, stg: 1, modality: 3, rescale: 0.7 },
	audio: { cfg: 7, stg: 1, modality: 3, rescale: 0.7 },
};

describe.each(KINDS)('$name', (kind) => {
	const first = kind.distilled ? DISTILLED : devSchedule(kind.steps);

	it('in one stage', () => {
		const [stage, more] = stagesOf(kind);
		expect(more).toBeUndefined();
		expect(stage).toMatchObject({ sigmas: first, reference: null, makesSound: true });
		expect(stage!.sampler).toBe(kind.distilled ? kind.sampler : 'euler');
		expect(stage!.guidance).toEqual(kind.distilled ? null : { ...SIDES, stgBlocks: [kind.block] });
		expect(stage!.checkpoint).toMatchObject({ loras: [] });
	});

	it('in two: the second without guidance, with the distilled LoRA, and sound by the distilled alone', () => {
		const [one, two] = stagesOf(kind, { stages: 2 });
		expect(one).toEqual(stagesOf(kind)[0]);
		expect(two).toMatchObject({ sigmas: DISTILLED_STAGE_2, sampler: 'euler', guidance: null });
		expect(two!.makesSound).toBe(kind.distilled);
		const loras = kind.distilled ? [] : [{ file: DISTILLED_LORA, strength: 1 }];
		expect(two!.checkpoint).toMatchObject({ loras });
	});

	it('in as many steps as are asked for, from all noise to none', () => {
		for (const steps of [1, 2, 3, 8, 50, 200]) {
			for (const sampler of ['auto', 'euler', 'ancestral', 'res_2s'] as const) {
				const [{ sigmas }, second] = stagesOf(kind, {
					stages: 2,
					settings: { steps, sampler },
				}) as [Stage, Stage];
				expect(sigmas).toHaveLength(steps + 1);
				expect(sigmas[0]).toBeCloseTo(1, 5);
				expect(sigmas.at(-1)).toBe(0);
				expectFalling(sigmas);
				expect(second.sigmas).toEqual(DISTILLED_STAGE_2);
			}
		}
	});

	it('by another sampler in the first stage; res_2s in both', () => {
		for (const [sampler, second] of [
			['euler', 'euler'],
			['ancestral', 'euler'],
			['res_2s', 'res_2s'],
		] as const) {
			const made = stagesOf(kind, { stages: 2, settings: { sampler } });
			expect(made.map((stage) => stage.sampler)).toEqual([sampler, second]);
		}
	});

	it('of less strength begins with less noise in both stages, and always takes a step', () => {
		for (const strength of [0, 1e-9, 0.0011, 0.05, 0.1, 0.421875, 0.5, 0.95, 0.999]) {
			for (const sampler of ['auto', 'res_2s']) {
				const made = stagesOf(kind, { stages: 2, settings: { sampler }, strength });
				for (const [stage, { sigmas }] of made.entries()) {
					const usual =
						stage === 0 ? stagesOf(kind, { settings: { sampler } })[0]!.sigmas : DISTILLED_STAGE_2;
					const start = Math.min(Math.max(strength, 0.002), usual[0]!);
					expect(sigmas).toEqual([start, ...usual.filter((sigma) => sigma < start)]);
					expect(sigmas.length).toBeGreaterThan(1);
					expectFalling(sigmas);
					// Where res_2s goes on from at the end.
					expect(sigmas[0]).toBeGreaterThan(0.0011);
				}
			}
		}
		expect(stagesOf(kind, { strength: 1 })).toEqual(stagesOf(kind));
	});
});

it('res_2s takes 15 steps that depend on the size, and other guidance scales', () => {
	const [stage] = stagesOf(
		{ version: '2.3.0', distilled: false },
		{ settings: { sampler: 'res_2s' } },
	);
	// 17 × 30 cells of 16 moments; sigmas as published for the model's high quality.
	const published = [
		...[1, 0.993491, 0.986015, 0.97734, 0.967151, 0.955015, 0.940314, 0.92214],
		...[0.899096, 0.868923, 0.827707, 0.768028, 0.673897, 0.503378, 0.1, 0],
	];
	expect(stage!.sigmas).toHaveLength(16);
	stage!.sigmas.forEach((sigma, i) => {
		expect(sigma).toBeCloseTo(published[i]!, 5);
	});
	expect(stage!.guidance).toMatchObject({
		video: { cfg: 3, stg: 0, modality: 3, rescale: 0.45 },
		audio: { cfg: 7, stg: 0, modality: 3, rescale: 1 },
	});
});

describe('LoRAs', () => {
	const module = 'diffusion_model.transformer_blocks.0.attn1.to_q';
	const pair = {
		[`${module}.lora_A.weight`]: ['F32', [2, 8]],
		[`${module}.lora_B.weight`]: ['F32', [8, 2]],
	} as const;

	async function written(name: string, metadata: Record<string, string> = {}) {
		const path = join(folder, `${name}.safetensors`);
		await writeWeights(path, pair, metadata);
		return path;
	}

	function request(paths: readonly string[], reference?: object): GenerationRequest {
		const loras = paths.map((path, i) => ({ path, strength: 1 - i / 4 }));
		return { kind: 'insert', settings: {}, loras, reference } as unknown as GenerationRequest;
	}

	const dev = modelOf({ version: null, distilled: false });

	it('are for both stages, but for an IC-LoRA', async () => {
		const style = await written('style');
		const control = await written('control', {
			reference_downscale_factor: '2',
			reference_temporal_scale_factor: '4',
		});
		const loras = await lorasOf(request([style, control], { path: '/led.mov' }), dev);
		expect(loras.reference).toEqual({ scale: 2, pace: 4 });
		const made = stagesOf({ version: null, distilled: false }, { stages: 2, loras });
		const applied = made.map(({ checkpoint }) =>
			(checkpoint as unknown as { loras: Lora[] }).loras.map(({ file, strength }) => [
				file.path,
				strength,
			]),
		);
		expect(applied).toEqual([
			[
				[style, 1],
				[control, 0.75],
			],
			[
				[style, 1],
				['distilled-lora', 1],
			],
		]);
		expect(made.map(({ reference }) => reference)).toEqual([{ scale: 2, pace: 4 }, null]);
	});

	it('use no reference where the request has none, and a reference needs an IC-LoRA', async () => {
		const control = await written('control 2', { reference_downscale_factor: '2' });
		expect((await lorasOf(request([control]), dev)).reference).toBeNull();
		const style = await written('style 2');
		await expect(lorasOf(request([style], { path: '/led.mov' }), dev)).rejects.toMatchObject({
			code: 'bad-request',
			field: 'reference',
		});
	});

	it('whose reference would fall between pixels are refused', async () => {
		const odd = await written('odd', { reference_downscale_factor: '1.5' });
		expect((await readSafetensors(odd)).metadata.reference_downscale_factor).toBe('1.5');
		await expect(lorasOf(request([odd], { path: '/led.mov' }), dev)).rejects.toThrow(
			/a whole number above 0 as reference_downscale_factor, got "1\.5"/,
		);
	});
});

it('phases weigh as many forward passes as the sampler and the guidance take', () => {
	const denoisingOf = (distilled: boolean, settings: GenerationRequest['settings']) => {
		const kind = { version: null, distilled };
		const phases = phasesOf(modelOf(kind), workOf(1), stagesOf(kind, { settings }));
		return phases.find(({ name }) => name === 'denoise')!.work;
	};
	const one = denoisingOf(true, { steps: 1 });
	// Every token goes through the transformer's numbers, and no other ones.
	expect(one).toBeCloseTo((2 * 1e9 * 960 * 544 * 121) / 32 ** 2 / 8);
	expect(denoisingOf(true, { steps: 8 }) / one).toBeCloseTo(8);
	expect(denoisingOf(true, { steps: 4, sampler: 'res_2s' }) / one).toBeCloseTo(9);
	expect(denoisingOf(false, { steps: 5 }) / one).toBeCloseTo(20);
	expect(denoisingOf(false, { steps: 4, sampler: 'res_2s' }) / one).toBeCloseTo(27);
});

function expectFalling(sigmas: readonly number[]): void {
	expect(sigmas.every((sigma, i) => i === 0 || sigma < sigmas[i - 1]!)).toBe(true);
}

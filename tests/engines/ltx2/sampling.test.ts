import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
	GuidanceSum,
	guidancePasses,
} from '../../../inference-daemon/engines/ltx2/diffusion/guidance.ts';
import {
	type Denoise,
	type Step,
	type Stream,
	sampleAncestral,
	sampleEuler,
	sampleRes2s,
} from '../../../inference-daemon/engines/ltx2/diffusion/samplers.ts';
import {
	DISTILLED,
	DISTILLED_STAGE_2,
	devSchedule,
} from '../../../inference-daemon/engines/ltx2/diffusion/schedule.ts';
import {
	ancestralEuler,
	euler,
	renewNoise,
	res2sCoefficients,
} from '../../../inference-daemon/engines/ltx2/diffusion/steps.ts';
import { type Case, errorOf, goldenCase, goldenPath } from './golden.ts';

async function golden<T>(file: string): Promise<T> {
	return JSON.parse(await readFile(goldenPath('sampling', file), 'utf8')) as T;
}

function expectClose(got: readonly number[], expected: readonly number[], tolerance: number): void {
	expect(got).toHaveLength(expected.length);
	got.forEach((value, i) => {
		expect(Math.abs(value - expected[i]!), `${value} ~ ${expected[i]}`).toBeLessThan(tolerance);
	});
}

type Schedules = {
	dev: { steps: number; tokens: number | null; sigmas: number[] }[];
	distilled: number[];
	distilled_stage_2: number[];
	distilled_stage_2_tiled: number[];
};

describe('schedules', async () => {
	const expected = await golden<Schedules>('schedules.json');

	it.each(expected.dev)('dev, $steps steps, $tokens tokens', ({ steps, tokens, sigmas }) => {
		expectClose(devSchedule(steps, tokens), sigmas, 1e-6);
	});

	it('distilled', () => {
		expectClose(DISTILLED, expected.distilled, 1e-6);
		expectClose(DISTILLED_STAGE_2, expected.distilled_stage_2, 1e-6);
	});
});

it('coefficients of res_2s', async () => {
	const { rows } = await golden<{ rows: number[][] }>('res2s-coefficients.json');
	for (const [h, ...expected] of rows) {
		const { a21, b1, b2 } = res2sCoefficients(h!);
		expectClose([a21, b1, b2], expected, 1e-9);
	}
});

function stepsOf({ tensors }: Case) {
	const sigmas = tensors['in.sigmas']!.data;
	return [0, 1, 2, 3, 4, 5, 6, 7].flatMap((i) => {
		const read = (name: string) => tensors[`in.step${i}.${name}`]?.data as Float32Array;
		const out = tensors[`out.step${i}`];
		if (!out) return [];
		const [sigma, next] = [sigmas[i]!, sigmas[i + 1]!];
		return [{ x: read('sample'), x0: read('denoised'), noise: read('noise'), sigma, next, out }];
	});
}

describe('single steps', () => {
	it('Euler', async () => {
		const steps = stepsOf(await goldenCase('sampling', 'step-euler'));
		expect(steps).toHaveLength(4);
		for (const { x, x0, sigma, next, out } of steps) {
			const data = euler(x, x0, sigma, next);
			expect(errorOf({ data, shape: out.shape }, out)).toBeLessThan(2e-5);
		}
	});

	it.each(['step-euler-ancestral', 'step-euler-ancestral-eta'])('%s', async (name) => {
		const found = await goldenCase('sampling', name);
		const { eta, s_noise: scale } = found.parameters as { eta: number; s_noise: number };
		const steps = stepsOf(found);
		expect(steps).toHaveLength(4);
		for (const { x, x0, noise, sigma, next, out } of steps) {
			const data = ancestralEuler(x, x0, noise, sigma, next, { eta, scale });
			expect(errorOf({ data, shape: out.shape }, out)).toBeLessThan(2e-5);
		}
	});

	it('noise of res_2s', async () => {
		const found = await goldenCase('sampling', 'step-res2s-sde');
		const steps = stepsOf(found);
		expect(steps).toHaveLength(3);
		for (const { x, x0, noise, sigma, next, out } of steps) {
			const data = Float32Array.from(renewNoise(x, x0, noise, sigma, next, 0.5));
			expect(errorOf({ data, shape: out.shape }, out)).toBeLessThan(2e-5);
		}
	});
});

it('guidance', async () => {
	const { tensors, parameters } = await goldenCase('sampling', 'guidance');
	const read = (name: string) => tensors[`in.${name}`]!.data;
	const sets = parameters.sets as Record<string, number | string>[];
	expect(sets).toHaveLength(7);
	const predictions = {
		cond: read('cond'),
		uncond: read('uncond'),
		perturbed: read('perturbed'),
		isolated: read('isolated'),
	};
	for (const set of sets) {
		const guidance = {
			cfg: Number(set.cfg_scale),
			stg: Number(set.stg_scale),
			modality: Number(set.modality_scale),
			rescale: Number(set.rescale_scale),
		};
		const out = tensors[String(set.out)]!;
		const { length } = predictions.cond;
		// Velocities that are predictions by themselves: 0 − v · −1.
		const guiding = new GuidanceSum(guidance);
		const noisy = {
			latent: new Float32Array(length),
			timesteps: new Float32Array(length / 3).fill(-1),
		};
		// One serves step after step.
		for (let step = 0; step < 2; step++) {
			guiding.begin(noisy, predictions.cond);
			for (const name of guidancePasses(guidance)) guiding.add(name, predictions[name]);
			const data = guiding.result();
			expect(errorOf({ data, shape: out.shape }, out)).toBeLessThan(2e-5);
		}
	}
});

const SAMPLERS = {
	'loop-euler': sampleEuler,
	'loop-euler-ancestral': sampleAncestral,
	'loop-res2s': sampleRes2s,
	'loop-res2s-stage2': sampleRes2s,
} as const;

describe.each(Object.entries(SAMPLERS))('%s', (name, sample) => {
	it('shows the model the reference’s latents and ends where it does', async () => {
		const { tensors, parameters } = await goldenCase('sampling', name);
		const streamOf = (kind: string): Stream => ({
			latent: tensors[`in.${kind}_latent`]!.data,
			clean: tensors[`in.${kind}_clean_latent`]!.data,
			mask: tensors[`in.${kind}_denoise_mask`]!.data,
		});
		let evaluations = 0;
		const denoise: Denoise = async (latents, sigma) => {
			const at = `mid.eval${evaluations}`;
			expect(Math.abs(sigma - tensors[`${at}.sigma`]!.data[0]!)).toBeLessThan(1e-6);
			evaluations += 1;
			// The stand-in for a model that the data was made with.
			const answers = Object.entries(latents).map(([kind, data]) => {
				const expected = tensors[`${at}.${kind}_latent`]!;
				expect(errorOf({ data, shape: expected.shape }, expected), at).toBeLessThan(2e-5);
				const target = tensors[`in.${kind}_target`]!.data;
				return [kind, data.map((x, i) => 0.4 * x + 0.5 * (1 - sigma) * target[i]!)];
			});
			return Object.fromEntries(answers);
		};
		let draws = 0;
		const draw = () => tensors[`in.noise${draws++}`]!.data;
		const sigmas = [...tensors['in.sigmas']!.data];
		let last: Step | null = null;
		const streams = { video: streamOf('video'), audio: streamOf('audio') };
		for await (const step of sample(streams, sigmas, denoise, draw)) last = step;
		expect(evaluations).toBe(parameters.evaluations);
		expect(draws).toBe(parameters.noises);
		for (const kind of ['video', 'audio']) {
			const out = tensors[`out.${kind}_latent`]!;
			const data = last!.latents[kind]!;
			expect(errorOf({ data, shape: out.shape }, out)).toBeLessThan(2e-5);
		}
	});
});

import { describe, expect, it } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import {
	vocoder,
	vocoderConfig,
	vocoderSampleRate,
} from '../../../inference-daemon/engines/ltx2/networks/vocoder.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { tries } from '../../tries.ts';
import { errorOf, goldenCase, goldenWeights, PROVIDERS } from './golden.ts';

const UNUSED = 'vocoder.mel_stft.stft_fn.inverse_basis';

describe.each(PROVIDERS)('on %s', (provider) => {
	it.each([
		{ network: 'vocoder-2.0', cases: ['mel'], unused: [], tolerance: 2e-5 },
		{ network: 'vocoder-2.3', cases: ['mel', 'clipped'], unused: [UNUSED], tolerance: 5e-5 },
	])('$network gives the reference’s sound', async ({ network, cases, unused, tolerance }) => {
		const checkpoint = await goldenWeights(network);
		const { graph, m } = scopeOf(checkpoint);
		const mel = graph.input('mel', [1, 2, 9, 64]);
		const watch = graph.output.bind(graph);
		graph.output('waveform', vocoder(m, mel, vocoderConfig(checkpoint), watch));
		checkpoint.check();
		expect(checkpoint.unused()).toEqual(unused);
		const session = await Session.open(graph, { provider });
		// A graphics device in software takes half a minute for each.
		const tried = provider === 'cpu' ? cases : cases.slice(0, tries(1, cases.length));
		for (const name of tried) {
			const { tensors, parameters } = await goldenCase(network, name);
			expect(vocoderSampleRate(vocoderConfig(checkpoint))).toBe(parameters.sampling_rate);
			const found = await session.run({ mel: tensors['in.mel']! });
			const wanted = Object.entries(tensors).filter(([key]) => !key.startsWith('in.'));
			expect(wanted.length).toBeGreaterThan(4);
			for (const [key, reference] of wanted) {
				const got = found[key.replace(/^(mid|out)\./, '')]!;
				expect(errorOf(got, reference), `${name} ${key}`).toBeLessThan(tolerance);
			}
		}
		await session.release();
	});
});

describe('a vocoder’s configuration', () => {
	it('is the shipped one where the file does not tell', () => {
		const plain = vocoderConfig(configured({}));
		expect(plain).toMatchObject({ resblock: '1', upsample_initial_channel: 1024 });
		expect(vocoderSampleRate(plain)).toBe(24_000);
		const extended = vocoderConfig(configured({ vocoder: {}, bwe: {} }));
		expect(extended).toMatchObject({
			vocoder: { resblock: 'AMP1', upsample_rates: [5, 2, 2, 2, 2, 2], use_bias_at_final: false },
			bwe: { upsample_kernel_sizes: [12, 11, 4, 4, 4], hop_length: 80, n_fft: 512 },
		});
		expect(vocoderSampleRate(extended)).toBe(48_000);
	});

	it('is refused where these equations are not for it', () => {
		expect(() => vocoderConfig(configured({ stereo: false }))).toThrow(/vocoder\.stereo: .*false/);
		expect(() => vocoderConfig(configured(undefined))).toThrow(/vocoder: .*nothing/);
	});

	it('gives one kernel for each rate', async () => {
		const checkpoint = await goldenWeights('vocoder-2.0');
		const { graph, m } = scopeOf(checkpoint);
		const config = { ...vocoderConfig(checkpoint), upsample_rates: [6, 5] };
		expect(() => vocoder(m, graph.input('mel', [1, 2, 9, 64]), config)).toThrow(
			'vocoder: expected a kernel for each rate, dilations for each kernel, got 2,5,3,3 of them',
		);
	});
});

it('a vocoder is not made in 16 bits', async () => {
	const checkpoint = await goldenWeights('vocoder-2.0');
	const graph = new Graph('vocoder', { precision: 'float16' });
	const m = new Scope(graph, checkpoint.at('vocoder'));
	const mel = graph.input('mel', [1, 2, 9, 64]);
	expect(() => vocoder(m, mel, vocoderConfig(checkpoint))).toThrow(
		'vocoder: expected a graph in float32, got float16',
	);
});

function scopeOf(checkpoint: Checkpoint) {
	const graph = new Graph('vocoder');
	return { graph, m: new Scope(graph, checkpoint.at('vocoder')) };
}

/** A checkpoint of nothing but that configuration. */
function configured(vocoder: unknown): Checkpoint {
	const metadata = { config: JSON.stringify({ vocoder }) };
	return new Checkpoint([{ path: 'test.safetensors', bytes: 0, metadata, tensors: new Map() }]);
}

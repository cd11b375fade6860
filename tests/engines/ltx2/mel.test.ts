import { expect, it } from 'vitest';
import { FILTERS, logMel } from '../../../inference-daemon/engines/ltx2/sound/mel.ts';
import { resample } from '../../../inference-daemon/engines/ltx2/sound/resample.ts';
import { errorOf, goldenCase } from './golden.ts';

const TOLERANCE = 2e-4;

it.each(['waveform-16k', 'waveform-44100', 'waveform-48000'])(
	'%s gives the reference’s log mel spectrogram',
	async (name) => {
		const { tensors, parameters } = await goldenCase('audio-mel', name);
		const sampleRate = parameters.sampling_rate as number;
		const channels = halves(tensors['in.waveform']!.data);
		expect(errorOf(logMel({ channels, sampleRate }), tensors['out.mel']!)).toBeLessThan(TOLERANCE);
	},
);

it.each(['waveform-44100', 'waveform-48000'])(
	'%s is resampled as the reference does',
	async (name) => {
		const { tensors, parameters } = await goldenCase('audio-mel', name);
		const reference = tensors['mid.resampled_16k']!;
		for (const [i, channel] of halves(tensors['in.waveform']!.data).entries()) {
			const data = resample(channel, parameters.sampling_rate as number, 16_000);
			const wanted = halves(reference.data)[i]!;
			const shape = [wanted.length];
			expect(errorOf({ data, shape }, { data: wanted, shape })).toBeLessThan(TOLERANCE);
		}
	},
);

it('the filters are the reference’s', async () => {
	const { tensors } = await goldenCase('audio-mel', 'waveform-16k');
	const reference = tensors['mid.filter_bank']!;
	const data = reference.data.map((_, i) => FILTERS[i % 64]![Math.floor(i / 64)]!);
	expect(errorOf({ data, shape: reference.shape }, reference)).toBeLessThan(1e-6);
});

it('sound keeps its pitch and level at a lower and at a higher rate', () => {
	for (const [from, to] of [
		[44_100, 16_000],
		[8000, 48_000],
	] as const) {
		const sine = (rate: number) =>
			Float32Array.from({ length: rate / 10 }, (_, i) => Math.sin((880 * Math.PI * i) / rate));
		const data = resample(sine(from), from, to);
		const wanted = sine(to);
		expect(data.length).toBe(wanted.length);
		const inside = (samples: Float32Array) => samples.subarray(to / 100, -to / 100);
		const shape = [inside(wanted).length];
		const error = errorOf({ data: inside(data), shape }, { data: inside(wanted), shape });
		expect(error).toBeLessThan(1e-3);
	}
});

it('silence is at the floor', () => {
	const channels = [new Float32Array(1600), new Float32Array(1600)];
	const { data, shape } = logMel({ channels, sampleRate: 16_000 });
	expect(shape).toEqual([1, 2, 11, 64]);
	expect(new Set(data)).toEqual(new Set([Math.fround(Math.log(1e-5))]));
});

it('sound that is not stereo, too short or at no rate is told', () => {
	const sound = (...lengths: number[]) => lengths.map((length) => new Float32Array(length));
	const mel = (channels: Float32Array[], sampleRate = 16_000) => logMel({ channels, sampleRate });
	expect(() => mel(sound(1600))).toThrow('Expected two channels of one length, got lengths [1600]');
	expect(() => mel(sound(1600, 1599))).toThrow('got lengths [1600,1599]');
	expect(() => mel(sound(512, 512))).toThrow('Expected more than 512 samples at 16 kHz, got 512');
	expect(() => mel(sound(1600, 1600), 0)).toThrow(RangeError);
	expect(() => mel(sound(1600, 1600), 22_050.5)).toThrow(RangeError);
});

function halves(data: Float32Array): [Float32Array, Float32Array] {
	return [data.subarray(0, data.length / 2), data.subarray(data.length / 2)];
}

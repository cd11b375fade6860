import { samplesForFrames } from '../../../protocol/time.ts';
import { resample } from '../../media/resample.ts';
import { readSound } from '../../media/sound.ts';
import type { Sound } from '../../media/types.ts';
import { sourceTime } from '../cut-picture.ts';
import { distinct, readMix } from '../cut-sound.ts';
import type { Codec } from './codec.ts';
import { audioFromTokens, audioTokens } from './diffusion/latent.ts';
import type { Material } from './material.ts';
import { audioVaeConfig } from './networks/audio-vae.ts';
import { meetNeighbours } from './sound/joins.ts';
import type { Checkpoint } from './weights/checkpoint.ts';

/** What a pass has made of the sound, at 48 kHz, exactly as long as its frames. */
export async function soundOfPass(
	{ request, pass, signal }: Material,
	tokens: Float32Array,
	codec: Codec,
	checkpoint: Checkpoint,
): Promise<Sound> {
	const { rate } = request.context.sequence;
	const { z_channels: channels, mel_bins } = audioVaeConfig(checkpoint);
	const bands = mel_bins / 4;
	const count = audioTokens(pass.window.frames, rate);
	const data = audioFromTokens(tokens.slice(0, count * channels * bands), channels, bands);
	const mel = await codec.decodeSound({ data, shape: [1, channels, count, bands] }, signal);
	const waveform = await codec.voice(mel, signal);
	const samples = waveform.shape[2]!;
	const { start, end } = pass.range;
	const at = (frame: number) => samplesForFrames(frame, rate);
	const from = at(start) - at(start - pass.window.left);
	const step = codec.sampleRate / 48_000;
	const [left, right] = [0, 1].map((channel) => {
		const voice = (waveform.data as Float32Array).subarray(
			channel * samples,
			(channel + 1) * samples,
		);
		return resample(voice, from * step, step, at(end) - at(start));
	});
	return { left: left!, right: right! };
}

/** The passes' sound as one that meets what the cut has beside it; or the clip's own, where given. */
export async function soundOfClip(
	material: Omit<Material, 'pass' | 'carried'>,
	sounds: readonly Sound[],
): Promise<Sound> {
	const { ffmpeg, request, work, signal } = material;
	const { rate } = request.context.sequence;
	const at = (frame: number) => samplesForFrames(frame, rate);
	const [start, end] = [at(work.range.start), at(work.range.end)];
	const { own } = work;
	if (work.sound === 'given' && own !== null) {
		const from = sourceTime(own, { num: work.range.start, den: 1 }, rate);
		const wanted = { path: own.source.path, from, samples: end - start, speed: own.speed };
		return readSound(ffmpeg, wanted, signal);
	}
	const spans = distinct(own === null ? request.context.sound : [own]);
	const heard = spans.filter((span) => span.enabled);
	const around = (from: number, to: number) =>
		readMix(ffmpeg, heard, { start: from, end: to }, rate, signal);
	const before = await around(start - 1, start);
	const after = await around(end, end + 1);
	return meetNeighbours(joined(sounds), before, after);
}

function joined(sounds: readonly Sound[]): Sound {
	const whole = (of: (sound: Sound) => Float32Array) => {
		const parts = sounds.map(of);
		const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
		let next = 0;
		for (const part of parts) {
			all.set(part, next);
			next += part.length;
		}
		return all;
	};
	return { left: whole(({ left }) => left), right: whole(({ right }) => right) };
}

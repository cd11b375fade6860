import { type FrameRange, samplesForFrames } from '../../../../protocol/time.ts';
import { resample } from '../../../media/resample.ts';
import type { Sound } from '../../../media/types.ts';
import { ownSounds, readMix, readOwnSound } from '../../cut-sound.ts';
import type { PassSource } from '../condition/read-window.ts';
import { audioFromTokens, audioTokensTo } from '../diffusion/latent.ts';
import { audioVaeConfig } from '../networks/audio-vae.ts';
import { heardBeside, meetNeighbours } from '../sound/joins.ts';
import type { Vae } from '../vae/vae.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';

/** A pass's sound at 48 kHz, exactly as long as its frames, and how it goes on for a moment. */
export type PassSound = { readonly sound: Sound; readonly continuation: Sound };

/** 20 ms, in which the next pass's sound takes over. */
const MOMENT = 960;
/** 10 ms: as the vocoder comes to its end it sees nothing more to say. */
const END = 480;

/** What a pass has made of the sound. */
export async function soundOfPass(
	source: PassSource,
	tokens: Float32Array,
	vae: Vae,
	checkpoint: Checkpoint,
): Promise<PassSound> {
	const { request, pass, signal } = source;
	const { rate } = request.context.sequence;
	const { z_channels: channels, mel_bins } = audioVaeConfig(checkpoint);
	const bands = mel_bins / 4;
	const count = audioTokensTo(pass.window.gap.end, pass.window.frames, rate);
	const data = audioFromTokens(tokens.slice(0, count * channels * bands), channels, bands);
	const mel = await vae.decodeSound({ data, shape: [1, channels, count, bands] }, signal);
	const waveform = await vae.vocode(mel, signal);
	const samples = waveform.shape[2]!;
	const { start } = pass.range;
	const at = (frame: number) => samplesForFrames(frame, rate);
	const from = at(start) - at(start - pass.window.left);
	const step = vae.sampleRate / 48_000;
	const length = lengthOf(source);
	const made = Math.floor(samples / step) - from - END;
	const heard = Math.max(length, Math.min(length + MOMENT, made));
	const [left, right] = [0, 1].map((channel) => {
		const voice = (waveform.data as Float32Array).subarray(
			channel * samples,
			(channel + 1) * samples,
		);
		return resample(voice, from * step, step, heard);
	}) as [Float32Array, Float32Array];
	const part = (start: number, end: number) => ({
		left: left.subarray(start, end),
		right: right.subarray(start, end),
	});
	return { sound: part(0, length), continuation: part(length, heard) };
}

/** What the cut sounds like right before the clip and right after it: a sample each, or nothing. */
export type Joins = { readonly before: Sound; readonly after: Sound };

/** Where a clip has sound of its own that goes on around it, that is what is heard. */
export async function readJoins({ ffmpeg, request, work, signal }: Joining): Promise<Joins> {
	const { rate } = request.context.sequence;
	const { own, range } = work;
	const { sound } = request.context;
	const spans = own === null ? heardBeside(sound, range) : ownSounds(own, sound, rate);
	const heard = (sample: number, isThere: (range: FrameRange) => boolean) => {
		// What goes on into the range is heard there beside the clip.
		const there = spans.filter((span) => own !== null || isThere(span.range));
		return readMix(ffmpeg, there, { start: sample, end: sample + 1 }, rate, signal);
	};
	const [start, end] = [range.start, range.end].map((at) => samplesForFrames(at, rate));
	return {
		before: await heard(start! - 1, (at) => at.end <= range.start),
		after: await heard(end!, (at) => at.start >= range.end),
	};
}

type Joining = Pick<PassSource, 'ffmpeg' | 'request' | 'work' | 'signal'>;

/** A pass's sound as it goes into the clip: the first one meets what is before, the last what is after. */
export function joined({ work, pass }: PassSource, made: Sound, { before, after }: Joins): Sound {
	const isFirst = pass.range.start === work.range.start;
	const isLast = pass.range.end === work.range.end;
	return meetNeighbours(made, isFirst ? before : NOTHING, isLast ? after : NOTHING);
}

/** The clip's own sound under a pass, where it is given. */
export function ownSound(source: PassSource): Promise<Sound> {
	const { ffmpeg, request, work, pass, signal } = source;
	const { rate } = request.context.sequence;
	const start = samplesForFrames(pass.range.start, rate);
	const window = { start, end: start + lengthOf(source) };
	return readOwnSound(ffmpeg, work.own!, request.context.sound, window, rate, signal);
}

const NOTHING: Sound = { left: new Float32Array(0), right: new Float32Array(0) };

/** Samples of a pass, counted from the clip's start: all passes together have as many as the clip. */
function lengthOf({ request, work, pass }: PassSource): number {
	const { rate } = request.context.sequence;
	const at = (frame: number) => samplesForFrames(frame - work.range.start, rate);
	return at(pass.range.end) - at(pass.range.start);
}

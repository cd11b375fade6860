import type { Sound } from '../../../media/types.ts';
import { createFft, type Fft } from '../../fft.ts';
import { extrapolate } from './extrapolate.ts';
import { bridgePartials, findPartials, type Partial, removePartials } from './partials.ts';
import { createRandom } from './random.ts';
import { isAudible, levelsOf, type Schedule, type SoundSide, scheduleAt } from './schedule.ts';
import { BINS, findTextures, meanSquare, type Texture, WINDOW } from './texture.ts';

export type BedWanted = {
	/** All that sounds up to the left join, and from the right join on. */
	readonly before: Sound;
	readonly after: Sound;
	/** Of these, what stops at the left join and what starts at the right one. */
	readonly ending: Sound;
	readonly starting: Sound;
	/** What is heard inside the range anyway; null when nothing is. */
	readonly audible: Sound | null;
	readonly samples: number;
	/** Where the cut ends in the open and nothing sounds, the bed runs on and does not fade away. */
	readonly openLeft: boolean;
	readonly openRight: boolean;
	readonly seed: number;
};

const HOP = WINDOW / 2;
/** Squares of two windows half a window apart add up to 1: noise keeps its level. */
const SINE = Float32Array.from({ length: WINDOW }, (_, i) =>
	Math.sin((Math.PI * (i + 0.5)) / WINDOW),
);
const SAMPLE_RATE = 48_000;

/** Samples over which the neighbours' waveform turns into the bed. */
const JOIN_FADE = 576;
/** Samples from which that is told. */
const PAST = 2048;

/** Samples over which level is measured and set. */
const LEVEL_WINDOW = 1920;
const LEVEL_STEP = 240;

/**
 * A bed of sound between two joins: noise with the colour, width and level of the sound beside
 * each join, which settles to the quiet tone of each side in between, and steady tones such as
 * hum, which go on in phase. Nothing of the neighbours' sound is copied, so no word is heard
 * twice. Digital silence where both sides are silent.
 */
export function growBed(wanted: BedWanted): Sound {
	const { samples } = wanted;
	const fft = createFft(WINDOW);
	const left = lookAt(wanted.before, wanted.ending, true, fft);
	const right = lookAt(wanted.after, wanted.starting, false, fft);
	const schedule = levelsOf(left.noise, right.noise, wanted);
	const bed = { left: new Float32Array(samples), right: new Float32Array(samples) };
	if (schedule !== null) {
		const margin = WINDOW;
		const raw = colouredNoise(schedule, samples, margin, wanted.seed, fft);
		setLevel(raw, bed, margin, schedule, wanted.audible);
		join(bed.left, left.rest.left, right.rest.left);
		join(bed.right, left.rest.right, right.rest.right);
	}
	const openLeft = wanted.openLeft && !left.sounds;
	const openRight = wanted.openRight && !right.sounds;
	bridgePartials(bed, left.partials, right.partials, { left: openLeft, right: openRight });
	if (openLeft) fadeIn(bed);
	if (openRight) fadeOut(bed);
	return bed;
}

type Look = {
	readonly noise: SoundSide;
	/** As they are in sound that ends at the join: the right side's is reversed. */
	readonly partials: readonly Partial[];
	/** The last moments of what ends at the join, in that order, without the partials. */
	readonly rest: Sound;
	readonly sounds: boolean;
};

/** Samples beside a join whose level is taken for the level at the join: the lower of both, since a word may just have ended. */
const EDGES = [2400, 9600];

/** What stands for the join may be this much louder than its level, as power. */
const LOUDER = 2;

/** `all` that sounds beside a join, and of it what `stops` there. */
function lookAt(all: Sound, stops: Sound, joinAtEnd: boolean, fft: Fft): Look {
	const partials = findPartials(towardsJoin(stops, joinAtEnd));
	const longest = Math.max(...EDGES);
	const last = towardsJoin(all, joinAtEnd, longest);
	const level = (sound: Sound) => {
		const { length } = sound.left;
		return Math.min(...EDGES.map((edge) => meanSquare(sound, length - edge, length)));
	};
	const loudest = LOUDER * level(last);
	removePartials(last, partials);
	const edge = level(last);
	const rest = towardsJoin(stops, joinAtEnd, PAST);
	removePartials(rest, partials);
	const speeds = partials.map(({ speed }) => speed);
	const textures = findTextures(all, joinAtEnd, { loudest, speeds }, fft);
	const noise = { ...textures, edge };
	return { noise, partials, rest, sounds: isAudible(noise) || partials.length > 0 };
}

/** A copy of the last samples before a join, or of the first ones after it in reverse. */
function towardsJoin(sound: Sound, joinAtEnd: boolean, samples = sound.left.length): Sound {
	const last = (channel: Float32Array) =>
		joinAtEnd
			? channel.slice(Math.max(0, channel.length - samples))
			: channel.slice(0, samples).reverse();
	return { left: last(sound.left), right: last(sound.right) };
}

/** Overlapping windows of random phase, each with the colour due at its middle. */
function colouredNoise(
	schedule: Schedule,
	samples: number,
	margin: number,
	seed: number,
	fft: Fft,
): Sound {
	const length = samples + 2 * margin;
	const sound = { left: new Float32Array(length), right: new Float32Array(length) };
	const random = createRandom(seed);
	const directions = Float32Array.from({ length: 4096 }, (_, i) =>
		i % 2 === 0 ? Math.cos((Math.PI * i) / 2048) : Math.sin((Math.PI * (i - 1)) / 2048),
	);
	const real = new Float32Array(WINDOW);
	const imaginary = new Float32Array(WINDOW);
	const mixed = emptyTexture();
	for (let start = -WINDOW + HOP; start < length; start += HOP) {
		const middle = (start + WINDOW / 2 - margin) / samples;
		mix(scheduleAt(schedule, middle).colours, mixed);
		for (let k = 1; k < BINS - 1; k++) {
			const p = (random() >>> 21) * 2;
			const q = (random() >>> 21) * 2;
			const a = Math.sqrt(mixed.left[k]!);
			// Cholesky factor of the 2 × 2 spectral matrix: right follows left as far as it did.
			const cr = a > 1e-9 ? mixed.crossReal[k]! / a : 0;
			const ci = a > 1e-9 ? mixed.crossImaginary[k]! / a : 0;
			const d = Math.sqrt(Math.max(0, mixed.right[k]! - cr * cr - ci * ci));
			const [pr, pi] = [directions[p]!, directions[p + 1]!];
			const lr = a * pr;
			const li = a * pi;
			const rr = cr * pr - ci * pi + d * directions[q]!;
			const ri = cr * pi + ci * pr + d * directions[q + 1]!;
			const m = WINDOW - k;
			real[k] = lr - ri;
			imaginary[k] = li + rr;
			real[m] = lr + ri;
			imaginary[m] = rr - li;
		}
		real[0] = imaginary[0] = real[WINDOW / 2] = imaginary[WINDOW / 2] = 0;
		fft(real, imaginary, true);
		for (let i = Math.max(0, -start); i < WINDOW && start + i < length; i++) {
			const w = SINE[i]!;
			sound.left[start + i]! += real[i]! * w;
			sound.right[start + i]! += imaginary[i]! * w;
		}
	}
	return sound;
}

function emptyTexture() {
	const bins = () => new Float32Array(BINS);
	return { left: bins(), right: bins(), crossReal: bins(), crossImaginary: bins() };
}

function mix(
	colours: readonly (readonly [Texture, number])[],
	mixed: ReturnType<typeof emptyTexture>,
): void {
	for (const part of ['left', 'right', 'crossReal', 'crossImaginary'] as const) {
		mixed[part].fill(0);
		for (const [texture, weight] of colours) {
			if (weight <= 0) continue;
			const source = texture[part];
			const target = mixed[part];
			for (let k = 0; k < BINS; k++) target[k]! += weight * source[k]!;
		}
	}
}

/** Brings the noise to the level due at each moment, less what is heard there anyway. */
function setLevel(
	raw: Sound,
	bed: Sound,
	margin: number,
	schedule: Schedule,
	audible: Sound | null,
): void {
	const samples = bed.left.length;
	const heard = audible === null ? null : runningPower(audible);
	const due = (at: number) => scheduleAt(schedule, at / samples).power;
	// Twice: the first pass changes what the second one measures, most of all with steady tones.
	level(raw, margin, due);
	level(raw, margin, due);
	const uncovered = (at: number) => {
		const power = due(at);
		const covered = heard === null ? 0 : heard(at, 2 * LEVEL_WINDOW);
		return power > 0 ? Math.sqrt(Math.max(0, 1 - covered / power)) : 0;
	};
	bed.left.set(raw.left.subarray(margin, margin + samples));
	bed.right.set(raw.right.subarray(margin, margin + samples));
	if (heard !== null) applyGain(bed, 0, uncovered);
}

function level(raw: Sound, margin: number, due: (at: number) => number): void {
	const power = runningPower(raw);
	applyGain(raw, margin, (at) => {
		const is = power(at + margin, LEVEL_WINDOW);
		return is > 0 ? Math.sqrt(due(at) / is) : 0;
	});
}

/** Applies a gain that is told every LEVEL_STEP samples; position 0 is at sample `margin`. */
function applyGain(sound: Sound, margin: number, gain: (at: number) => number): void {
	const { length } = sound.left;
	let next = gain(-margin);
	for (let start = 0; start < length; start += LEVEL_STEP) {
		const from = next;
		next = gain(start + LEVEL_STEP - margin);
		for (let i = start; i < Math.min(length, start + LEVEL_STEP); i++) {
			const value = from + ((next - from) * (i - start)) / LEVEL_STEP;
			sound.left[i]! *= value;
			sound.right[i]! *= value;
		}
	}
}

/** Mean square of both channels over a window around a sample, cut off at the sound's ends. */
function runningPower(sound: Sound): (at: number, window: number) => number {
	const sums = new Float64Array(sound.left.length + 1);
	for (let i = 0; i < sound.left.length; i++) {
		sums[i + 1] = sums[i]! + sound.left[i]! ** 2 + sound.right[i]! ** 2;
	}
	return (at, window) => {
		const from = Math.max(0, at - window / 2);
		const to = Math.min(sound.left.length, at + window / 2);
		return to > from ? (sums[to]! - sums[from]!) / (2 * (to - from)) : 0;
	};
}

/** Lets what ends run on into the bed for a moment, and the bed into what starts (`future`, reversed). */
function join(bed: Float32Array, past: Float32Array, future: Float32Array): void {
	const fade = Math.min(JOIN_FADE, Math.floor(bed.length / 2));
	const out = extrapolate(past, fade);
	const back = extrapolate(future, fade);
	const last = bed.length - 1;
	const alike = likeness(out, (i) => bed[i]!);
	const alikeBack = likeness(back, (i) => bed[last - i]!);
	for (let i = 0; i < fade; i++) {
		const angle = (Math.PI / 2) * ((i + 1) / (fade + 1));
		const both = Math.sin(2 * angle);
		const here = Math.sqrt(1 + alike * both);
		const there = Math.sqrt(1 + alikeBack * both);
		bed[i] = (bed[i]! * Math.sin(angle) + out[i]! * Math.cos(angle)) / here;
		bed[last - i] = (bed[last - i]! * Math.sin(angle) + back[i]! * Math.cos(angle)) / there;
	}
}

/** Correlation of two sounds, −0.9…1: a cross-fade of what is alike swells, of opposites sinks. */
function likeness(sound: Float32Array, other: (i: number) => number): number {
	let [product, own, others] = [0, 1e-12, 1e-12];
	for (let i = 0; i < sound.length; i++) {
		product += sound[i]! * other(i);
		own += sound[i]! ** 2;
		others += other(i) ** 2;
	}
	return Math.max(-0.9, product / Math.sqrt(own * others));
}

function fadeIn(bed: Sound): void {
	const fade = Math.min(SAMPLE_RATE / 33, bed.left.length);
	for (let i = 0; i < fade; i++) {
		bed.left[i]! *= i / fade;
		bed.right[i]! *= i / fade;
	}
}

function fadeOut(bed: Sound): void {
	bed.left.reverse();
	bed.right.reverse();
	fadeIn(bed);
	bed.left.reverse();
	bed.right.reverse();
}

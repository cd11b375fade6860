import type { Sound } from '../../../media/types.ts';
import { createFft } from '../../fft.ts';
import { smoothStep } from '../timing.ts';

/** A tone that does not waver, as it is at a join; phases in radians, of a cosine, at the join itself. */
export type Partial = {
	/** Radians a sample. */
	readonly speed: number;
	readonly left: Wave;
	readonly right: Wave;
};

type Wave = { readonly amplitude: number; readonly phase: number };

const WINDOW = 16_384;
const HOP = WINDOW / 2;
/** A tone is steady when it is found in this many windows, about a second. */
const WINDOWS = 5;
/** How far a partial stands above what is around it, as power. */
const ABOVE = 40;
/** How much louder than at its softest a steady tone may be, as power. */
const SWELL = 4;
/** How far a steady tone may be off its place in time, radians. */
const WAVER = 0.4;
/** Powers of amplitudes below this are nobody's hum. */
const FAINT = 1e-9;
const MOST = 48;

const HANN = Float32Array.from(
	{ length: WINDOW },
	(_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW),
);

/**
 * The steady tones (hum, a held chord) in the second of sound that ends at its end, strongest
 * first. None where the sound is shorter than that.
 */
export function findPartials(sound: Sound): readonly Partial[] {
	const { length } = sound.left;
	if (length < WINDOW + (WINDOWS - 1) * HOP) return [];
	const fft = createFft(WINDOW);
	// Latest first.
	const spectra = Array.from({ length: WINDOWS }, (_, n) => {
		const start = length - WINDOW - n * HOP;
		const real = sound.left.slice(start, start + WINDOW).map((value, i) => value * HANN[i]!);
		const imaginary = sound.right.slice(start, start + WINDOW).map((value, i) => value * HANN[i]!);
		fft(real, imaginary, false);
		return { real, imaginary };
	});
	const powerAt = ({ real, imaginary }: Spectrum, k: number) =>
		(real[k]! ** 2 + imaginary[k]! ** 2 + real[WINDOW - k]! ** 2 + imaginary[WINDOW - k]! ** 2) / 2;
	const least = new Float32Array(WINDOW / 2);
	for (let k = 1; k < WINDOW / 2; k++) {
		least[k] = Math.min(...spectra.map((spectrum) => powerAt(spectrum, k)));
	}
	const partials: Partial[] = [];
	for (let k = 6; k < WINDOW / 2 - 40; k++) {
		const here = least[k]!;
		if (here < FAINT * HOP ** 2 || here < least[k - 1]! || here <= least[k + 1]!) continue;
		if (Math.max(...spectra.map((spectrum) => powerAt(spectrum, k))) > SWELL * here) continue;
		const around = [
			...least.subarray(Math.max(1, k - 40), k - 4),
			...least.subarray(k + 5, k + 41),
		];
		around.sort((a, b) => a - b);
		if (here < ABOVE * around[around.length >> 1]!) continue;
		const partial = partialAt(spectra, k);
		if (partial !== null) partials.push(partial);
	}
	const power = ({ left, right }: Partial) => left.amplitude ** 2 + right.amplitude ** 2;
	return partials.sort((a, b) => power(b) - power(a)).slice(0, MOST);
}

type Spectrum = { readonly real: Float32Array; readonly imaginary: Float32Array };

/** The tone at bin `k`; null where it does not keep time. */
function partialAt(spectra: readonly Spectrum[], k: number): Partial | null {
	const channels = spectra.map((spectrum) => channelsAt(spectrum, k));
	const expected = (2 * Math.PI * k) / WINDOW;
	const speed = expected + advance(channels, 1, expected) / HOP;
	const longest = WINDOWS - 1;
	const exact = speed + advance(channels, longest, speed) / (longest * HOP);
	for (let apart = 1; apart <= longest; apart++) {
		if (Math.abs(advance(channels, apart, exact)) > WAVER) return null;
	}
	const off = ((exact - expected) * WINDOW) / (2 * Math.PI);
	if (Math.abs(off) > 1) return null;
	const scale = 2 / (WINDOW * lobe(off));
	const wave = ([re, im]: Complex): Wave => ({
		amplitude: Math.hypot(re, im) * scale,
		// From the window's first sample, whose phase is off by half of what `off` turns, to the join.
		phase: Math.atan2(im, re) - Math.PI * off + exact * WINDOW,
	});
	const [left, right] = channels[0]!;
	return { speed: exact, left: wave(left), right: wave(right) };
}

type Complex = readonly [re: number, im: number];

/** Both channels of one bin; the left was the real part of what was transformed. */
function channelsAt({ real, imaginary }: Spectrum, k: number): readonly [Complex, Complex] {
	const m = WINDOW - k;
	return [
		[(real[k]! + real[m]!) / 2, (imaginary[k]! - imaginary[m]!) / 2],
		[(imaginary[k]! + imaginary[m]!) / 2, (real[m]! - real[k]!) / 2],
	];
}

/** By how much phase runs ahead of `speed` over `apart` hops, −π…π, weighed over windows and channels. */
function advance(
	channels: readonly (readonly [Complex, Complex])[],
	apart: number,
	speed: number,
): number {
	let [re, im] = [0, 0];
	for (let n = apart; n < channels.length; n++) {
		for (const side of [0, 1] as const) {
			const [a, b] = channels[n]![side];
			const [c, d] = channels[n - apart]![side];
			re += a * c + b * d;
			im += a * d - b * c;
		}
	}
	const angle = Math.atan2(im, re) - speed * apart * HOP;
	return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
}

/** What a Hann window leaves of a tone that is `off` bins beside the bin, 1/2 for none. */
function lobe(off: number): number {
	if (Math.abs(off) < 1e-6) return 0.5;
	if (Math.abs(Math.abs(off) - 1) < 1e-6) return 0.25;
	return (0.5 * Math.sin(Math.PI * off)) / (Math.PI * off * (1 - off * off));
}

/** Takes steady tones out of sound that ends at the join. */
export function removePartials(sound: Sound, partials: readonly Partial[]): void {
	const { length } = sound.left;
	for (const { speed, ...waves } of partials) {
		for (const side of ['left', 'right'] as const) {
			const { amplitude, phase } = waves[side];
			const target = sound[side];
			for (let i = 0; i < length; i++) {
				target[i]! -= amplitude * Math.cos(phase + speed * (i - length));
			}
		}
	}
}

/** Tones that stand nearer than this are one: radians a sample, about 1.5 Hz. */
const NEAR = 2e-4;

/**
 * Adds to a bed the steady tones of both sides (the right side's as found in reversed sound). One
 * that both have goes from the one phase to the other, a little faster or slower than it should;
 * one that a side does not have fades away towards it, unless it `stays` there.
 */
export function bridgePartials(
	bed: Sound,
	left: readonly Partial[],
	right: readonly Partial[],
	stays: { readonly left: boolean; readonly right: boolean },
): void {
	const rest = right.map(forwards);
	for (const one of left) {
		const at = rest.findIndex(({ speed }) => Math.abs(speed - one.speed) < NEAR);
		draw(bed, one, at < 0 ? null : rest.splice(at, 1)[0]!, stays);
	}
	for (const one of rest) draw(bed, null, one, stays);
}

function forwards({ speed, left, right }: Partial): Partial {
	const turned = ({ amplitude, phase }: Wave) => ({ amplitude, phase: -phase });
	return { speed, left: turned(left), right: turned(right) };
}

/** Phase runs as a polynomial from one end to the other, as in McAulay and Quatieri 1986. */
function draw(
	bed: Sound,
	from: Partial | null,
	to: Partial | null,
	stays: { readonly left: boolean; readonly right: boolean },
): void {
	const [start, end] = [from ?? to!, to ?? from!];
	for (const side of ['left', 'right'] as const) {
		const target = bed[side];
		const last = Math.max(1, target.length - 1);
		const swept = ((start.speed + end.speed) / 2) * last;
		const missing = from && to ? end[side].phase - start[side].phase - swept : 0;
		const correction = missing - 2 * Math.PI * Math.round(missing / (2 * Math.PI));
		const phase = from ? start[side].phase : end[side].phase - swept;
		const first = from || stays.left ? start[side].amplitude : 0;
		const final = to || stays.right ? end[side].amplitude : 0;
		const bend = (end.speed - start.speed) / (2 * last);
		for (let i = 0; i < target.length; i++) {
			const share = smoothStep(i / last);
			const turned = (start.speed + bend * i) * i + correction * share;
			target[i]! += (first + (final - first) * share) * Math.cos(phase + turned);
		}
	}
}

import { describe, expect, it } from 'vitest';
import { growBed } from '../../../inference-daemon/engines/inbetween/sound/bed.ts';
import { decibels, rms } from '../../../inference-daemon/media/loudness.ts';
import type { Sound } from '../../../inference-daemon/media/types.ts';

const RATE = 48_000;

describe('levels', () => {
	const steady = (level: number, seed: number) => noise(3 * RATE, level, seed);
	for (const [name, before, after] of [
		['equal', steady(0.05, 1), steady(0.05, 2)],
		['20 dB apart', steady(0.2, 1), steady(0.02, 2)],
		['40 dB apart, rising', steady(0.002, 1), steady(0.2, 2)],
		['a tone and noise', tone(3 * RATE, 0.1), steady(0.05, 2)],
		['bright and dark', bright(3 * RATE, 0.1), steady(0.1, 4)],
	] as const) {
		for (const seconds of [2, 5]) {
			it(`has no step at either join: ${name}, ${seconds} s`, () => {
				const bed = grow(before, after, seconds * RATE);
				for (const window of [4800, 9600, 19_200]) {
					const end = before.left.length;
					const left = decibels(rms(bed, 0, window) / rms(before, end - window, end));
					const last = bed.left.length;
					const right = decibels(rms(bed, last - window, last) / rms(after, 0, window));
					expect(Math.abs(left), `left, ${window}`).toBeLessThan(1);
					expect(Math.abs(right), `right, ${window}`).toBeLessThan(1);
				}
			});
		}
	}

	it('glides without a jump between sides 20 dB apart', () => {
		const bed = grow(steady(0.2, 1), steady(0.02, 2), 3 * RATE);
		const levels = windows(bed, 4800).map((power) => decibels(power));
		for (let i = 1; i < levels.length; i++) {
			expect(Math.abs(levels[i]! - levels[i - 1]!), `window ${i}`).toBeLessThan(2.5);
		}
	});

	it('fades away towards silence and comes out of it', () => {
		const loud = noise(3 * RATE, 0.1, 1);
		const away = grow(loud, silence(3 * RATE), 3 * RATE);
		expect(decibels(rms(away, 0, 9600) / rms(loud, 0, loud.left.length))).toBeGreaterThan(-1);
		expect(decibels(rms(away, 3 * RATE - 4800, 3 * RATE))).toBeLessThan(-70);
		const out = grow(silence(3 * RATE), loud, 3 * RATE);
		expect(decibels(rms(out, 0, 4800))).toBeLessThan(-70);
		expect(Math.abs(decibels(rms(out, 3 * RATE - 9600, 3 * RATE) / 0.1))).toBeLessThan(1);
	});

	it('is digital silence between silence', () => {
		const bed = grow(silence(RATE), silence(RATE), 12_345);
		expect(bed.left).toHaveLength(12_345);
		expect(bed.left.every((value) => value === 0)).toBe(true);
		expect(bed.right.every((value) => value === 0)).toBe(true);
	});

	it('settles to the quiet between words', () => {
		const speech = words(3 * RATE, 0.3, 0.004);
		const bed = grow(speech, speech, 5 * RATE);
		const middle = rms(bed, 2 * RATE, 3 * RATE);
		expect(decibels(middle / 0.004)).toBeGreaterThan(-3);
		expect(decibels(middle / 0.004)).toBeLessThan(6);
	});

	it('keeps each channel’s level and the width', () => {
		const mono = noise(3 * RATE, 0.1, 3);
		const same = { left: mono.left, right: mono.left };
		const centred = grow(same, same, RATE);
		const apart = centred.left.map((value, i) => value - centred.right[i]!);
		expect(rms({ left: apart, right: apart }, 0, RATE)).toBeLessThan(0.002);
		const lopsided = { left: mono.left, right: mono.right.map((value) => value * 0.1) };
		const bed = grow(lopsided, lopsided, 2 * RATE);
		const left = rms({ left: bed.left, right: bed.left }, 0, RATE);
		const right = rms({ left: bed.right, right: bed.right }, 0, RATE);
		expect(decibels(left / right)).toBeGreaterThan(18);
		expect(decibels(left / right)).toBeLessThan(22);
	});
});

describe('the last moments', () => {
	for (const [name, pause] of [
		['a twentieth of a second', 0.06],
		['a tenth', 0.1],
		['half a second', 0.5],
	] as const) {
		it(`are what the bed is as loud as, ${name} after the last word`, () => {
			const samples = 3 * RATE;
			const [speech, room] = [words(samples, 0.5, 0.0012), noise(samples, 0.0012, 11)];
			const quiet = samples - pause * RATE;
			const before = mapSound(room, (value, i, side) => (i < quiet ? speech[side][i]! : value));
			const after = mapSound(before, (_, i, side) => before[side][samples - 1 - i]!);
			const bed = grow(before, after, samples);
			for (const power of windows(bed, 4800)) {
				expect(Math.abs(decibels(power / 0.0012))).toBeLessThan(2.5);
			}
		});
	}

	it('are not thinned by the silence before a clip that has only just begun', () => {
		const own = noise(3 * RATE, 0.05, 1);
		const late = mapSound(own, (value, i) => (i < 2.5 * RATE + 700 ? 0 : value));
		const bed = grow(
			late,
			mapSound(late, (_, i, side) => late[side].at(-1 - i)!),
			3 * RATE,
		);
		expect(Math.abs(decibels(rms(bed, RATE, 2 * RATE) / 0.05))).toBeLessThan(1);
	});
});

describe('steady tones', () => {
	/** What one tone of a sound comes to in each tenth of a second: louder and softer by so many dB. */
	const swing = (sound: Sound, frequency: number): number => {
		const powers: number[] = [];
		for (let at = 0; at + 4800 <= sound.left.length; at += 2400) {
			let [re, im] = [0, 0];
			for (let i = at; i < at + 4800; i++) {
				const weight = 1 - Math.cos((2 * Math.PI * (i - at)) / 4800);
				re += weight * sound.left[i]! * Math.cos((2 * Math.PI * frequency * i) / RATE);
				im += weight * sound.left[i]! * Math.sin((2 * Math.PI * frequency * i) / RATE);
			}
			powers.push(Math.hypot(re, im));
		}
		return decibels(Math.max(...powers) / Math.min(...powers));
	};
	const sounding = (frequencies: readonly number[], start: number, level = 0.02) =>
		mapSound(noise(3 * RATE, 0.001, start), (value, i) =>
			frequencies.reduce(
				(sum, f) => sum + level * Math.sin((2 * Math.PI * f * (i + start)) / RATE),
				value,
			),
		);
	const joined = (...parts: readonly Sound[]): Sound => ({
		left: Float32Array.from(parts.flatMap(({ left }) => [...left])),
		right: Float32Array.from(parts.flatMap(({ right }) => [...right])),
	});

	for (const [name, frequencies] of [
		['hum of the mains', [50]],
		['hum with its harmonics', [60, 120, 180]],
		['a chord', [220, 277.18, 329.63, 440.4]],
	] as const) {
		it(`keep their level and phase through both joins: ${name}`, () => {
			const [before, after] = [sounding(frequencies, 1), sounding(frequencies, 432_109)];
			const whole = joined(before, grow(before, after, 3 * RATE), after);
			for (const frequency of frequencies) {
				expect(swing(whole, frequency), `${frequency} Hz`).toBeLessThan(1.5);
			}
		});
	}

	it('fade away where the other side has none, and stay where nothing else comes', () => {
		const hum = sounding([50], 1);
		const away = grow(hum, noise(3 * RATE, 0.001, 5), 3 * RATE);
		expect(Math.abs(decibels(rms(away, 0, 4800) / rms(hum, 0, 48_000)))).toBeLessThan(0.5);
		expect(decibels(rms(away, 2.9 * RATE, 3 * RATE) / 0.001)).toBeLessThan(1);
		const open = grow(hum, silence(3 * RATE), 3 * RATE, 1, true);
		expect(Math.abs(decibels(rms(open, 2 * RATE, 2.9 * RATE) / 0.0142))).toBeLessThan(0.5);
	});
});

describe('joins', () => {
	for (const [name, sound] of [
		['tone', tone(2 * RATE, 0.3)],
		['noise', noise(2 * RATE, 0.2, 5)],
		['words', words(2 * RATE, 0.3, 0.003)],
	] as const) {
		it(`do not click: ${name}`, () => {
			const bed = grow(sound, sound, RATE);
			for (const channel of ['left', 'right'] as const) {
				const whole = [...sound[channel], ...bed[channel], ...sound[channel]];
				const usual = largestBend(whole.slice(RATE, 2 * RATE));
				const end = sound.left.length;
				expect(largestBend(whole.slice(end - 40, end + 40))).toBeLessThan(usual * 1.5);
				expect(largestBend(whole.slice(end + RATE - 40, end + RATE + 40))).toBeLessThan(
					usual * 1.5,
				);
			}
		});
	}
});

describe('what is heard in the range anyway', () => {
	it('is not doubled by the bed', () => {
		const own = noise(3 * RATE, 0.1, 1);
		const audible = { ...silence(3 * RATE) };
		const runsOn = noise(RATE, 0.1, 9);
		audible.left.set(runsOn.left);
		audible.right.set(runsOn.right);
		const quiet = silence(3 * RATE);
		const bed = growBed({
			before: own,
			after: noise(3 * RATE, 0.1, 2),
			ending: quiet,
			starting: noise(3 * RATE, 0.1, 2),
			audible,
			samples: 3 * RATE,
			openLeft: false,
			openRight: false,
			seed: 1,
		});
		const sum = {
			left: bed.left.map((value, i) => value + audible.left[i]!),
			right: bed.right.map((value, i) => value + audible.right[i]!),
		};
		for (const at of [0, 0.4, 0.8, 1.5, 2.4]) {
			const level = decibels(rms(sum, at * RATE, at * RATE + 9600) / 0.1);
			expect(Math.abs(level), `at ${at} s`).toBeLessThan(1.5);
		}
		expect(rms(bed, 0.2 * RATE, 0.7 * RATE)).toBeLessThan(0.03);
	});
});

describe('words', () => {
	it('are never copied', () => {
		const speech = words(3 * RATE, 0.3, 0.003);
		const bed = grow(speech, speech, 3 * RATE);
		// Unrelated sound in the same narrow band comes to about 0.45 at the best of all lags.
		expect(likeness(speech, bed)).toBeLessThan(0.6);
		// The measure finds a copy where there is one.
		expect(likeness(speech, { left: speech.left.slice(4321), right: bed.right })).toBeGreaterThan(
			0.9,
		);
	});

	it('come out the same from one seed and differently from another', () => {
		const sound = noise(RATE, 0.1, 1);
		const make = (seed: number) => grow(sound, sound, 9000, seed);
		expect(make(7)).toEqual(make(7));
		expect(make(7).left).not.toEqual(make(8).left);
	});

	it('fit ranges of any length', () => {
		const sound = noise(RATE, 0.1, 1);
		for (const samples of [1, 2, 801, 2002, 4000, 96_000]) {
			const bed = grow(sound, sound, samples);
			expect(bed.left).toHaveLength(samples);
			expect(bed.left.every((value) => Math.abs(value) < 1)).toBe(true);
		}
	});

	it('grow from very little', () => {
		const bed = grow(noise(300, 0.1, 1), silence(0), RATE);
		expect(bed.left.every(Number.isFinite)).toBe(true);
	});
});

describe('an open end', () => {
	it('runs on at the tone of the side that is there', () => {
		const own = noise(3 * RATE, 0.1, 1);
		const bed = grow(own, silence(3 * RATE), 3 * RATE, 1, true);
		expect(Math.abs(decibels(rms(bed, 2 * RATE, 2.8 * RATE) / 0.1))).toBeLessThan(1.5);
		expect(Math.abs(bed.left.at(-1)!)).toBeLessThan(0.01);
	});
});

function grow(before: Sound, after: Sound, samples: number, seed = 1, openRight = false): Sound {
	const joins = { before, after, ending: before, starting: after };
	return growBed({ ...joins, audible: null, samples, openLeft: false, openRight, seed });
}

function silence(samples: number): Sound {
	return { left: new Float32Array(samples), right: new Float32Array(samples) };
}

function mapSound(
	sound: Sound,
	change: (value: number, i: number, side: 'left' | 'right') => number,
): Sound {
	return {
		left: sound.left.map((value, i) => change(value, i, 'left')),
		right: sound.right.map((value, i) => change(value, i, 'right')),
	};
}

/** Brownish noise of a level, not the same on both channels. */
function noise(samples: number, level: number, seed: number): Sound {
	const random = randomNumbers(seed);
	const channel = () => {
		let last = 0;
		return Float32Array.from({ length: samples }, () => {
			last = 0.9 * last + random() - 0.5;
			return last;
		});
	};
	return scaled({ left: channel(), right: channel() }, level);
}

function bright(samples: number, level: number): Sound {
	const random = randomNumbers(77);
	const channel = () => {
		let last = 0;
		return Float32Array.from({ length: samples }, () => {
			const next = random() - 0.5;
			const value = next - 0.8 * last;
			last = next;
			return value;
		});
	};
	return scaled({ left: channel(), right: channel() }, level);
}

function tone(samples: number, level: number): Sound {
	const channel = Float32Array.from({ length: samples }, (_, i) => Math.sin(i * 0.0577));
	return scaled({ left: channel, right: channel.slice() }, level);
}

/** Bursts of a gliding voice, a quarter of a second each, with room noise between them. */
function words(samples: number, loud: number, quiet: number): Sound {
	const room = noise(samples, quiet, 11);
	let phase = 0;
	for (let i = 0; i < samples; i++) {
		const word = Math.floor(i / 12_000);
		phase += 0.015 + 0.004 * Math.sin(i / 3000 + word * 2.1);
		const envelope = word % 2 === 0 ? Math.sin((Math.PI * (i % 12_000)) / 12_000) : 0;
		const voice =
			Math.sin(phase) + 0.5 * Math.sin(2 * phase) + 0.3 * Math.sin((3 + (word % 4)) * phase);
		room.left[i]! += loud * envelope * voice * 0.5;
		room.right[i]! += loud * envelope * voice * 0.5;
	}
	return room;
}

function scaled(sound: Sound, level: number): Sound {
	const factor = level / rms(sound, 0, sound.left.length);
	return { left: sound.left.map((v) => v * factor), right: sound.right.map((v) => v * factor) };
}

function randomNumbers(seed: number): () => number {
	let state = seed * 2_654_435_761;
	return () => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return state / 2 ** 32;
	};
}

function windows(sound: Sound, length: number): number[] {
	const powers: number[] = [];
	for (let at = 0; at + length <= sound.left.length; at += length) {
		powers.push(rms(sound, at, at + length));
	}
	return powers;
}

/** The largest second difference: a click is a corner in the waveform. */
function largestBend(samples: readonly number[]): number {
	let largest = 0;
	for (let i = 2; i < samples.length; i++) {
		largest = Math.max(largest, Math.abs(samples[i]! - 2 * samples[i - 1]! + samples[i - 2]!));
	}
	return largest;
}

/** Best normalised correlation of any quarter of a second (a word) of the second sound with the first, left channels. */
function likeness(source: Sound, bed: Sound): number {
	const length = 12_000;
	const step = 8;
	const thin = (data: Float32Array) => data.filter((_, i) => i % step === 0);
	const a = thin(source.left);
	const b = thin(bed.left);
	const n = length / step;
	let best = 0;
	for (let from = n; from + n < b.length; from += n) {
		const piece = b.subarray(from, from + n);
		const own = piece.reduce((sum, value) => sum + value * value, 0);
		for (let at = 0; at + n < a.length; at++) {
			let cross = 0;
			let power = 0;
			for (let i = 0; i < n; i++) {
				cross += piece[i]! * a[at + i]!;
				power += a[at + i]! ** 2;
			}
			best = Math.max(best, Math.abs(cross) / Math.sqrt(own * power + 1e-12));
		}
	}
	return best;
}

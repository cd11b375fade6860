import { type FrameRate, framesToSeconds, type Rational, rational } from '../../protocol/time.ts';

/**
 * The rate that After Effects means by a double: it keeps rates to 1/65536 of a frame, so that
 * 23.976 comes as 23.9759979248047 and means 24000/1001.
 */
export function exactRate(rate: number): FrameRate {
	const whole = Math.round(rate);
	if (Math.abs(rate - whole) < NEAR) return rational(whole);
	const ntsc = Math.round(rate * 1.001);
	// Of what people write as 23.976, 29.97 or 119.88, the last is furthest from what it means.
	if (Math.abs(rate - (ntsc * 1000) / 1001) < 2.5e-4) return rational(ntsc * 1000, 1001);
	const decimal = Math.round(rate * 1000);
	if (Math.abs(rate - decimal / 1000) < NEAR) return rational(decimal, 1000);
	return rational(Math.round(rate * 65_536), 65_536);
}

/** The frame that seconds are on, or come first after: where a layer’s edge is between two. */
export function frameFrom(seconds: number, { num, den }: FrameRate): number {
	return Math.ceil((seconds * num) / den - 1e-3);
}

/** Seconds as a fraction: of whole frames where they are that. */
export function exactSeconds(seconds: number, rate: FrameRate): Rational {
	const frames = (seconds * rate.num) / rate.den;
	const whole = Math.round(frames);
	if (Math.abs(frames - whole) < 1e-3) return framesToSeconds(whole, rate);
	return rational(Math.round(seconds * 1e6), 1e6);
}

/** The plainest fraction that a double with some thirteen good digits can mean. */
export function plainFraction(value: number): Rational {
	let [before, last] = [
		[0, 1],
		[1, 0],
	] as [[number, number], [number, number]];
	let rest = value;
	for (let step = 0; step < 20; step += 1) {
		const whole = Math.floor(rest);
		[before, last] = [last, [whole * last[0] + before[0], whole * last[1] + before[1]]];
		if (Math.abs(value - last[0] / last[1]) < 1e-9 || last[1] > 1e6) break;
		rest = 1 / (rest - whole);
	}
	return rational(last[0], last[1]);
}

/** Two steps of 1/65536. */
const NEAR = 2 / 65_536;

import { PickupError } from '../protocol/errors.ts';
import {
	type FrameRate,
	multiply,
	parseTimecode,
	type Rational,
	rational,
	round,
} from '../protocol/time.ts';

/**
 * A length as people type it: `48` or `48f` frames, `2s` or `1.5s`, or a timecode `00:00:02:00`.
 * Throws `usage` for anything else and `too-short` for less than a frame.
 */
export function parseLength(text: string, rate: FrameRate): number {
	const frames = framesOf(text.trim(), rate);
	if (frames < 1) {
		throw new PickupError('too-short', `Expected a length of at least one frame, got "${text}"`);
	}
	return frames;
}

/** Seconds as `2` or `1.5`, exactly; null for anything else. */
export function parseSeconds(text: string): Rational | null {
	const [match, whole = '', fraction = ''] = /^(\d{1,6})(?:\.(\d{1,6}))?$/.exec(text) ?? [];
	if (match === undefined) return null;
	return rational(BigInt(whole + fraction), 10n ** BigInt(fraction.length));
}

function framesOf(text: string, rate: FrameRate): number {
	const counted = /^(\d{1,9})f?$/.exec(text);
	if (counted) return Number(counted[1]);
	const seconds = text.endsWith('s') ? parseSeconds(text.slice(0, -1)) : null;
	if (seconds) return round(multiply(seconds, rate));
	try {
		return parseTimecode(text, rate);
	} catch (cause) {
		throw new PickupError(
			'usage',
			`Expected a length such as 48, 2s or 00:00:02:00, got "${text}"`,
			{ cause },
		);
	}
}

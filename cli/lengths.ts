import { PickupError } from '../protocol/errors.ts';
import { type FrameRate, multiply, parseTimecode, rational, round } from '../protocol/time.ts';

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

function framesOf(text: string, rate: FrameRate): number {
	const counted = /^(\d{1,9})f?$/.exec(text);
	if (counted) return Number(counted[1]);
	const timed = /^(\d{1,6})(?:\.(\d{1,6}))?s$/.exec(text);
	if (timed) {
		const [, whole = '0', fraction = ''] = timed;
		const seconds = rational(BigInt(whole + fraction), 10n ** BigInt(fraction.length));
		return round(multiply(seconds, rate));
	}
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

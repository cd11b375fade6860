import type { FrameRate } from '../../../protocol/time.ts';

/**
 * Frames of a time as MLT writes it: a frame count (`75`), a clock (`00:00:03.000`, with a comma in
 * some locales) or a timecode (`00:00:03:00`, `00:00:03;00`); null for anything else. Hours,
 * minutes and seconds are each rounded on their own, in doubles, as MLT does (mlt_property.c):
 * at 29.97 that is not the same as rounding the sum.
 */
export function parseMltTime(text: string, rate: FrameRate): number | null {
	const written = text.trim();
	if (/^-?\d{1,10}(\.0*)?$/.test(written)) return Math.trunc(Number(written));
	const fps = rate.num / rate.den;
	const clock = /^(?:(\d{1,4}):)?(\d{1,4}):(\d{1,6}(?:[.,]\d*)?)$/.exec(written);
	if (clock && /[.,]/.test(written)) {
		const [, hours = '0', minutes, seconds = '0'] = clock;
		return (
			wholeHours(fps, Number(hours), Number(minutes)) +
			roundHalfEven(fps * Number(seconds.replace(',', '.')))
		);
	}
	const parts = /^(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,6})[:;](\d{1,10})$/.exec(written);
	if (!parts) return null;
	const [, hours = '0', minutes = '0', seconds, frames] = parts;
	return (
		wholeHours(fps, Number(hours), Number(minutes)) +
		Math.ceil(fps * Number(seconds)) +
		Number(frames)
	);
}

function wholeHours(fps: number, hours: number, minutes: number): number {
	return Math.floor(fps * hours * 3600) + Math.floor(fps * minutes * 60);
}

/** C's lrint() in its usual mode. */
function roundHalfEven(value: number): number {
	const down = Math.floor(value);
	if (value - down !== 0.5) return Math.round(value);
	return down % 2 === 0 ? down : down + 1;
}

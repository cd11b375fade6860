import type { FrameRate } from '../../protocol/time.ts';
import type { Words } from '../strings/en.ts';

/** Seconds as in a row: `0:19`, `12:05`, `1:02:03`. */
export function clock(seconds: number): string {
	const all = Math.max(0, Math.round(seconds));
	const two = (value: number) => String(value).padStart(2, '0');
	const [hours, minutes] = [Math.floor(all / 3600), Math.floor(all / 60) % 60];
	const rest = `${two(all % 60)}`;
	return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** Seconds as in a sentence: `3 s`, `2 min 25 s`, `1 h 5 min`. */
export function duration(words: Words, seconds: number): string {
	const all = Math.max(1, Math.round(seconds));
	if (all < 60) return words.seconds(all);
	if (all < 3600) return words.minutesSeconds(Math.floor(all / 60), all % 60);
	return words.hoursMinutes(Math.floor(all / 3600), Math.round((all % 3600) / 60));
}

/** A distance in the cut, for a sentence: under a second in frames. */
export function spanned(words: Words, frames: number, rate: FrameRate): string {
	const seconds = (frames * rate.den) / rate.num;
	return seconds < 1 ? words.frames(frames) : duration(words, seconds);
}

/** A share as whole per cent: 100 only where all is done. */
export function percent(words: Words, share: number): string {
	return words.percent(Math.floor(Math.min(1, Math.max(0, share)) * 100));
}

export function bytes(words: Words, count: number): string {
	if (count >= 1e9) return words.gigabytes(Math.round(count / 1e8) / 10);
	return words.megabytes(count === 0 ? 0 : Math.max(1, Math.round(count / 1e6)));
}

/** A score with its sign where it has one: `+0.4`, `−0.9`, with a minus and not a hyphen. */
export function signed(value: number): string {
	const text = Math.abs(value).toFixed(1);
	if (text === '0.0') return text;
	return `${value < 0 ? '−' : '+'}${text}`;
}

export function size({
	width,
	height,
}: {
	readonly width: number;
	readonly height: number;
}): string {
	return `${width} × ${height}`;
}

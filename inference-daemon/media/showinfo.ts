import type { Size } from '../../protocol/schemas.ts';
import { type Rational, rational } from '../../protocol/time.ts';

/**
 * What ffmpeg's `showinfo` and `ashowinfo` filters log of what passes through them: the only
 * place where ffmpeg alone tells the exact time of a decoded frame. `filter` is the label given
 * to the filter, as in `showinfo@kept`.
 */
export type Shown =
	| {
			readonly kind: 'config';
			readonly filter: string;
			readonly timeBase: Rational;
			readonly rate: Rational | null;
	  }
	| {
			readonly kind: 'frame';
			readonly filter: string;
			/** In units of the filter's time base; null where the frame has none. */
			readonly pts: number | null;
			readonly pixelFormat: string;
			readonly pixelAspect: Rational;
			readonly size: Size;
			readonly interlaced: boolean;
	  }
	| {
			readonly kind: 'colour';
			readonly filter: string;
			readonly range: string;
			readonly matrix: string;
	  }
	| {
			readonly kind: 'sound';
			readonly filter: string;
			/** In samples of `rate`. */
			readonly pts: number | null;
			readonly rate: number;
			readonly channels: number;
			readonly layout: string;
			readonly samples: number;
	  };

/** `-loglevel` that lets those lines through and marks errors as such. */
export const SHOWINFO_LOGLEVEL = ['-loglevel', 'repeat+level+info'] as const;

/** One line of the log, or null for a line that another part of ffmpeg wrote. */
export function readShown(line: string): Shown | null {
	const match = /^\[(?:a?showinfo)@(\w+) @ [^\]]*\] \[info\] (.*)$/.exec(line);
	if (!match) return null;
	const [, filter = '', text = ''] = match;
	const field = (name: string) => new RegExp(`(?:^| )${name}: *(\\S+)`).exec(text)?.[1];
	const number = (name: string) => {
		const value = Number(field(name));
		return Number.isSafeInteger(value) ? value : null;
	};
	const config = /^config in time_base: (\d+)\/(\d+), frame_rate: (\d+)\/(\d+)/.exec(text);
	if (config) {
		const [timeBaseNum, timeBaseDen, num, den] = config.slice(1).map(Number);
		return {
			kind: 'config',
			filter,
			timeBase: rational(timeBaseNum ?? 0, timeBaseDen ?? 1),
			rate: num && den ? rational(num, den) : null,
		};
	}
	const range = field('color_range');
	if (range !== undefined) {
		return { kind: 'colour', filter, range, matrix: field('color_space') ?? 'unknown' };
	}
	if (!text.startsWith('n:')) return null;
	const samples = number('nb_samples');
	if (samples !== null) {
		return {
			kind: 'sound',
			filter,
			pts: number('pts'),
			rate: number('rate') ?? 0,
			channels: number('channels') ?? 0,
			layout: field('chlayout') ?? 'unknown',
			samples,
		};
	}
	const [width = 0, height = 0] = (field('s') ?? '').split('x').map(Number);
	const [sarNum = 0, sarDen = 1] = (field('sar') ?? '').split('/').map(Number);
	return {
		kind: 'frame',
		filter,
		pts: number('pts'),
		pixelFormat: field('fmt') ?? 'unknown',
		// 0/1 is how ffmpeg says that it was not told: square.
		pixelAspect: sarNum > 0 && sarDen > 0 ? rational(sarNum, sarDen) : rational(1),
		size: { width, height },
		interlaced: field('i') === 'T' || field('i') === 'B',
	};
}

import type { Size } from '../../protocol/schemas.ts';
import { type Rational, rational } from '../../protocol/time.ts';

/**
 * What ffmpeg's `showinfo` and `ashowinfo` filters log of what passes through them: the only
 * place where ffmpeg alone tells the exact time of a decoded frame.
 */
export type Shown =
	| {
			readonly kind: 'clock';
			readonly timeBase: Rational;
			readonly rate: Rational | null;
	  }
	| {
			readonly kind: 'frame';
			/** Said by `SHOW_KEPT_PICTURE` rather than `SHOW_PICTURE`. */
			readonly isKept: boolean;
			/** In units of the filter's time base; null where the frame has none. */
			readonly pts: number | null;
			readonly pixelFormat: string;
			readonly pixelAspect: Rational;
			readonly size: Size;
			readonly interlaced: boolean;
	  }
	| { readonly kind: ColourTag; readonly name: string }
	| {
			readonly kind: 'sound';
			/** Said by `SHOW_KEPT_SOUND` rather than `SHOW_SOUND`. */
			readonly isKept: boolean;
			/** In samples of `rate`. */
			readonly pts: number | null;
			readonly rate: number;
			readonly channels: number;
			readonly layout: string;
			readonly samples: number;
	  };

export type ColourTag = 'range' | 'matrix' | 'primaries' | 'transfer';

/** `-loglevel` that lets those lines through and marks errors as such. */
export const SHOWINFO_LOGLEVEL = ['-loglevel', 'repeat+level+info'] as const;

// Threads of ffmpeg write into each other's lines, which loses the label at the start of a line;
// what one filter says of one frame stays together. So filters are told apart by what they say:
// a pixel aspect and a shift of time that nothing real has.
const KEPT_ASPECT = rational(7919, 7907);
const SOUND_SHIFT = 2 ** 46;

/** Filters that tell of every picture and of those that are output. */
export const SHOW_PICTURE = 'showinfo=checksum=0';
export const SHOW_KEPT_PICTURE = `setsar=r=${KEPT_ASPECT.num}/${KEPT_ASPECT.den}:max=10000,showinfo=checksum=0`;

/** The same of sound. */
export const SHOW_SOUND = `asetpts=PTS+${SOUND_SHIFT},ashowinfo,asetpts=PTS-${SOUND_SHIFT}`;
export const SHOW_KEPT_SOUND = 'ashowinfo';

const CLOCK = /config in time_base: (\d+)\/(\d+), frame_rate: (\d+)\/(\d+)/;
const COLOUR: Readonly<Record<ColourTag, RegExp>> = {
	range: /color_range:(\w+)/,
	matrix: /color_space:([\w-]+)/,
	primaries: /color_primaries:([\w-]+)/,
	transfer: /color_trc:([\w-]+)/,
};
// Between the words that matter others may stand, by version, but never the start of another frame.
const FRAME =
	/n: *\d+ pts: *(-?\d+|NOPTS) pts_time:\S+ +(?:(?!n:)\w+: *\S+ +)*?fmt:(\S+) (?:(?!n:|channels:)\w+:\S+ )*?sar:(\d+)\/(\d+) s:(\d+)x(\d+) i:(.) /g;
const SOUND =
	/n:\d+ pts:(-?\d+|NOPTS) pts_time:\S+ (?:(?!n:|sar:)\w+:\S+ )*?channels:(\d+) chlayout:(.*?) rate:(\d+) nb_samples:(\d+)/g;

/** What a line of the log says, in order; nothing of a line that other parts of ffmpeg wrote. */
export function readShown(line: string): readonly Shown[] {
	const shown: Shown[] = [];
	const clock = CLOCK.exec(line)?.slice(1).map(Number);
	if (clock) {
		const [timeBaseNum = 0, timeBaseDen = 1, num = 0, den = 0] = clock;
		const rate = num > 0 && den > 0 ? rational(num, den) : null;
		shown.push({ kind: 'clock', timeBase: rational(timeBaseNum, timeBaseDen), rate });
	}
	for (const [, pts, pixelFormat = 'unknown', ...rest] of line.matchAll(FRAME)) {
		const [sarNum = 0, sarDen = 0, width = 0, height = 0] = rest.slice(0, 4).map(Number);
		shown.push({
			kind: 'frame',
			isKept: sarNum === KEPT_ASPECT.num && sarDen === KEPT_ASPECT.den,
			pts: pts === 'NOPTS' ? null : Number(pts),
			pixelFormat,
			// 0/1 is how ffmpeg says that it was not told: square.
			pixelAspect: sarNum > 0 && sarDen > 0 ? rational(sarNum, sarDen) : rational(1),
			size: { width, height },
			interlaced: rest[4] === 'T' || rest[4] === 'B',
		});
	}
	for (const [, text, channels, layout = 'unknown', rate, samples] of line.matchAll(SOUND)) {
		const pts = text === 'NOPTS' ? null : Number(text);
		const isKept = pts !== null && pts < SOUND_SHIFT / 2;
		shown.push({
			kind: 'sound',
			isKept,
			pts: pts === null || isKept ? pts : pts - SOUND_SHIFT,
			rate: Number(rate),
			channels: Number(channels),
			layout,
			samples: Number(samples),
		});
	}
	for (const kind of Object.keys(COLOUR) as ColourTag[]) {
		const name = COLOUR[kind].exec(line)?.[1];
		if (name) shown.push({ kind, name });
	}
	return shown;
}

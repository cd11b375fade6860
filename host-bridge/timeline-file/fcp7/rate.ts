import {
	canDropFrames,
	type FrameRate,
	nominalRate,
	parseTimecode,
	type Rational,
	rational,
} from '../../../protocol/time.ts';
import { readable } from '../readable.ts';
import { child, childInteger, childText, malformed, textOf, type XmlElement } from '../xml.ts';
import { element, type NewElement } from '../xml-write.ts';

/**
 * The rate of an element that has a `<rate>`: timebase 30 with ntsc TRUE is 30000/1001. Some
 * programs write 29.97 as the timebase; it means the same. Undefined where there is none, or one of
 * 0 as Premiere writes for placeholders.
 */
export function rateOf(parent: XmlElement | undefined): FrameRate | undefined {
	const rate = parent && child(parent, 'rate');
	const timebase = rate && child(rate, 'timebase');
	if (!timebase || textOf(timebase) === '') return undefined;
	const value = decimalOf(timebase);
	if (value.num === 0) return undefined;
	if (value.num < value.den || value.num > 1000 * value.den) {
		throw malformed(timebase, 'a timebase from 1 to 1000', textOf(timebase));
	}
	const nominal = Math.ceil(value.num / value.den - 0.001);
	const ntsc = flag(rate, 'ntsc', false);
	if (value.den === 1 && !ntsc) return value;
	const dropped = rational(nominal * 1000, 1001);
	const distance = Math.abs(value.num / value.den - dropped.num / dropped.den);
	return value.den === 1 || distance < 0.006 ? dropped : value;
}

/** `<rate>` for writing. Rates that a timebase cannot say are written as decimals. */
export function rateElement(rate: FrameRate): NewElement {
	const ntsc = rate.den === 1001;
	const timebase = ntsc || rate.den === 1 ? nominalRate(rate) : rate.num / rate.den;
	return element('rate', [element('timebase', timebase), element('ntsc', ntsc ? 'TRUE' : 'FALSE')]);
}

type Start = {
	readonly startFrame: number;
	readonly dropFrame: boolean;
	/** What of the timecode could not be read, in sentences. */
	readonly notes: readonly string[];
};

/**
 * Timecode of a sequence's first frame, counted in its own frames: its number, else its text. 0
 * where neither can be read, as clips have their places without it.
 */
export function startOf(sequence: XmlElement, rate: FrameRate): Start {
	const timecode = child(sequence, 'timecode');
	if (!timecode) return { startFrame: 0, dropFrame: false, notes: [] };
	const display = childText(timecode, 'displayformat')?.toUpperCase();
	const text = childText(timecode, 'string') ?? '';
	const dropFrame = canDropFrames(rate) && (display ? display === 'DF' : text.includes(';'));
	const frame = readable(() => childInteger(timecode, 'frame'));
	const counted = readable(() => rateOf(timecode));
	// Some write −1 where there is no number.
	const known = typeof frame === 'number' && frame > 0 && !(counted instanceof Error);
	const start = readable(() => {
		if (known) return Math.round((frame * nominalRate(rate)) / nominalRate(counted ?? rate));
		// Premiere parts all of a drop-frame timecode by semicolons.
		return text === '' ? 0 : parseTimecode(text.replaceAll(';', ':'), rate, dropFrame);
	});
	const startFrame = start instanceof Error ? 0 : start;
	const unread = [frame, counted, start].find((each) => each instanceof Error);
	if (!(unread instanceof Error)) return { startFrame, dropFrame, notes: [] };
	const note = `The timecode of the sequence is counted from frame ${startFrame}: ${unread.message}`;
	return { startFrame, dropFrame, notes: [note] };
}

/** A TRUE/FALSE child, also YES/NO or 1/0; the default where it is missing or neither. */
export function flag(parent: XmlElement, name: string, byDefault: boolean): boolean {
	const text = childText(parent, name) ?? '';
	return byDefault ? !/^(false|no|0)$/i.test(text) : /^(true|yes|1)$/i.test(text);
}

/** The element's text as an exact decimal of five places, under a thousand million. */
export function decimalOf(source: XmlElement): Rational {
	const text = textOf(source);
	const value = Number(text);
	if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || Math.abs(value) >= 1e9) {
		throw malformed(source, 'a number', JSON.stringify(text.slice(0, 60)));
	}
	return rational(Math.round(value * 100_000), 100_000);
}

/** Width over height of a pixel, by the names that FCP 7 and Premiere use. */
export function pixelAspectOf(characteristics: XmlElement | undefined): Rational {
	const name = characteristics && childText(characteristics, 'pixelaspectratio');
	const wide = characteristics !== undefined && flag(characteristics, 'anamorphic', false);
	const known = PIXEL_ASPECTS[name?.toUpperCase() ?? ''];
	if (!known) return rational(1);
	return wide && name?.endsWith('601') ? rational(known[0] * 4, known[1] * 3) : rational(...known);
}

const PIXEL_ASPECTS: Readonly<Record<string, readonly [number, number]>> = {
	'NTSC-601': [10, 11],
	'PAL-601': [12, 11],
	'DVCPROHD-720P': [4, 3],
	'DVCPROHD-1080I60': [3, 2],
	'DVCPROHD-1080I50': [4, 3],
	'HD-(960X720)': [4, 3],
	'HD-(1280X1080)': [3, 2],
	'HD-(1440X1080)': [4, 3],
};

import type { FrameRange, FrameRate } from '../../../protocol/time.ts';
import { type Level, product } from '../level.ts';
import { readable } from '../readable.ts';
import { child, children, childText, textOf, type XmlElement } from '../xml.ts';
import { decimalOf, flag } from './rate.ts';

/** The frames of a clip that an effect's keyframes count: `in` is the one at the clip's start. */
export type Clock = {
	readonly in: number;
	readonly clipRate: FrameRate;
	readonly range: FrameRange;
	readonly sequenceRate: FrameRate;
};

/** Effects of a clip item that are switched on. */
function effectsIn(item: XmlElement): readonly XmlElement[] {
	return children(item, 'filter')
		.filter((filter) => flag(filter, 'enabled', true))
		.flatMap((filter) => children(filter, 'effect'));
}

/**
 * What Audio Levels make of a clip's sound: factors of amplitude, which FCP 7 and Premiere write
 * from 0 to 3.98 (+12 dB), in straight lines between keyframes. Undefined where it is as in the file.
 */
export function levelOf(item: XmlElement, clock: Clock): Level | undefined {
	return product(
		effectsIn(item)
			.filter((effect) => idOf(effect) === 'audiolevels')
			.flatMap(levelsIn)
			.map((parameter) => pointsOf(parameter, clock)),
	);
}

/**
 * What effects do to a clip's picture or sound, in words; those that change nothing are left out,
 * and so is what is read: speed, level and channel.
 */
export function effectsOf(item: XmlElement, kind: 'video' | 'audio'): readonly string[] {
	const words = effectsIn(item).flatMap((effect) => {
		const id = idOf(effect);
		if (isRead(effect, id) || (childText(effect, 'mediatype')?.toLowerCase() || kind) !== kind) {
			return [];
		}
		const plain = PLAIN[id];
		if (!plain) return [(childText(effect, 'name') || id || 'effect').slice(0, 500)];
		return children(effect, 'parameter')
			.filter((parameter) => changes(parameter, plain.unchanged?.[parameterId(parameter)] ?? [0]))
			.map((parameter) => plain.words?.[parameterId(parameter)] ?? plain.word)
			.map((word) => (word === PANNED ? pannedTo(effect) : word));
	});
	const mode = kind === 'video' ? childText(item, 'compositemode')?.toLowerCase() : undefined;
	if (mode && mode !== 'normal') words.push(`composite mode ${mode}`.slice(0, 500));
	return [...new Set(words)].slice(0, 64);
}

/** An effect by its id without regard to case: Time Remap is also written `TimeRemap`. */
export function idOf(effect: XmlElement): string {
	return childText(effect, 'effectid')?.toLowerCase().replaceAll(/\s/g, '') ?? '';
}

export function parameterId(parameter: XmlElement): string {
	return childText(parameter, 'parameterid')?.toLowerCase().replaceAll(/\s/g, '') ?? '';
}

function isRead(effect: XmlElement, id: string): boolean {
	if (id === 'audiolevels') {
		return levelsIn(effect).every((parameter) => valuesOf(parameter).every(isNumber));
	}
	return id === 'timeremap';
}

function isNumber(element: XmlElement): boolean {
	return !(readable(() => decimalOf(element)) instanceof Error);
}

function levelsIn(effect: XmlElement): readonly XmlElement[] {
	return children(effect, 'parameter').filter((parameter) => parameterId(parameter) === 'level');
}

/** What a pan of one channel to its side is called; where that is the channel's own it is none. */
export const PANNED_TO = { left: 'panned to the left', right: 'panned to the right' } as const;
const PANNED = 'panned';

function pannedTo(effect: XmlElement): string {
	const values = children(effect, 'parameter')
		.flatMap(valuesOf)
		.map((value) => Number(textOf(value)));
	if (values.every((value) => value === -1)) return PANNED_TO.left;
	return values.every((value) => value === 1) ? PANNED_TO.right : PANNED;
}

type Plain = {
	/** What it is called, and what single parameters of it are. */
	readonly word: string;
	readonly words?: Readonly<Record<string, string>>;
	/** Values at which a parameter does nothing, of a place both numbers; 0 where there are none. */
	readonly unchanged?: Readonly<Record<string, readonly number[]>>;
};

/** Effects that editors write for every clip, and the values at which they do nothing. */
const PLAIN: Readonly<Record<string, Plain>> = {
	basic: {
		word: 'moved',
		words: { scale: 'scaled', rotation: 'rotated', antiflicker: 'anti-flicker' },
		unchanged: { scale: [100] },
	},
	crop: { word: 'cropped' },
	deformation: {
		word: 'distorted',
		unchanged: {
			ulcorner: [-0.5, -0.5],
			urcorner: [0.5, -0.5],
			lrcorner: [0.5, 0.5],
			llcorner: [-0.5, 0.5],
		},
	},
	opacity: { word: 'opacity', unchanged: { opacity: [100] } },
	audiopan: { word: PANNED },
};

/** A value that cannot be read may change something; one that is switched off or empty does not. */
function changes(parameter: XmlElement, unchanged: readonly number[]): boolean {
	return valuesOf(parameter).some((element, index) => {
		const number = readable(() => decimalOf(element));
		if (number instanceof Error) return !/^(false)?$/i.test(textOf(element));
		return number.num / number.den !== unchanged[index % unchanged.length];
	});
}

/** Its own value and those of its keyframes; of a place both numbers. */
function valuesOf(parameter: XmlElement): readonly XmlElement[] {
	const value = child(parameter, 'value');
	const values = [value, ...children(parameter, 'keyframe').map((key) => child(key, 'value'))];
	return values.flatMap((each) => {
		if (!each) return [];
		const parts = children(each);
		return parts.length > 0 ? parts : [each];
	});
}

function pointsOf(parameter: XmlElement, clock: Clock): Level | undefined {
	const number = (element: XmlElement | undefined) => {
		const value = element && readable(() => decimalOf(element));
		return value && !(value instanceof Error) ? value.num / value.den : undefined;
	};
	const keyframes = children(parameter, 'keyframe').flatMap((keyframe) => {
		const when = number(child(keyframe, 'when'));
		const gain = number(child(keyframe, 'value'));
		if (when === undefined || gain === undefined) return [];
		return [{ frame: clock.range.start + inSequence(when - clock.in, clock), gain }];
	});
	keyframes.sort((a, b) => a.frame - b.frame);
	const points = keyframes.filter(({ frame }, at) => frame !== keyframes[at + 1]?.frame);
	if (points.length > 0) return points;
	const gain = number(child(parameter, 'value'));
	return gain === undefined || gain === 1 ? undefined : [{ frame: clock.range.start, gain }];
}

function inSequence(frames: number, { clipRate, sequenceRate }: Clock): number {
	const seconds = (frames * clipRate.den) / clipRate.num;
	return Math.round((seconds * sequenceRate.num) / sequenceRate.den);
}

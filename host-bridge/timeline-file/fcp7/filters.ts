import type { FrameRange, FrameRate } from '../../../protocol/time.ts';
import { type Level, product } from '../level.ts';
import { readable } from '../readable.ts';
import { child, children, childText, type XmlElement } from '../xml.ts';
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
		if (isRead(effect, id) || (childText(effect, 'mediatype') ?? 'video') !== kind) return [];
		const plain = PLAIN[id];
		if (!plain) return [(childText(effect, 'name') || id || 'effect').slice(0, 500)];
		return children(effect, 'parameter').flatMap((parameter) => {
			const known = plain[childText(parameter, 'parameterid')?.toLowerCase() ?? ''];
			return known && changes(parameter, known.unchanged) ? [known.word] : [];
		});
	});
	return [...new Set(words)].slice(0, 64);
}

/** Speed is read elsewhere; pairs of channels are panned apart in every export of FCP 7. */
function isRead(effect: XmlElement, id: string): boolean {
	if (id === 'audiolevels') {
		return levelsIn(effect).every((parameter) => valuesOf(parameter).every(isNumber));
	}
	return id === 'timeremap' || id === 'audiopan';
}

function isNumber(element: XmlElement): boolean {
	return !(readable(() => decimalOf(element)) instanceof Error);
}

function levelsIn(effect: XmlElement): readonly XmlElement[] {
	return children(effect, 'parameter').filter(
		(parameter) => childText(parameter, 'parameterid')?.toLowerCase() === 'level',
	);
}

type Parameter = { readonly unchanged: number; readonly word: string };
const parameter = (unchanged: number, word: string): Parameter => ({ unchanged, word });
const cropped = parameter(0, 'cropped');

/** Effects that editors write for every clip, and the values at which they do nothing. */
const PLAIN: Readonly<Record<string, Readonly<Record<string, Parameter>>>> = {
	basic: {
		scale: parameter(100, 'scaled'),
		rotation: parameter(0, 'rotated'),
		center: parameter(0, 'moved'),
	},
	crop: { left: cropped, right: cropped, top: cropped, bottom: cropped },
	deformation: { aspect: parameter(0, 'distorted') },
	opacity: { opacity: parameter(100, 'opacity') },
};

function changes(parameter: XmlElement, unchanged: number): boolean {
	return valuesOf(parameter).some((element) => {
		const number = readable(() => decimalOf(element));
		return !(number instanceof Error) && number.num !== unchanged * number.den;
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

function idOf(effect: XmlElement): string {
	return childText(effect, 'effectid')?.toLowerCase().replaceAll(/\s/g, '') ?? '';
}

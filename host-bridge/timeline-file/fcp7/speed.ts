import {
	add,
	compare,
	divide,
	type FrameRange,
	type FrameRate,
	framesToSeconds,
	multiply,
	ONE,
	type Rational,
	rational,
	round,
	subtract,
	ZERO,
} from '../../../protocol/time.ts';
import { child, children, type XmlElement } from '../xml.ts';
import { idOf, parameterId } from './filters.ts';
import { decimalOf, flag } from './rate.ts';

/** What `<in>`, `<out>` and the time remap filter say of a clip; seconds of its media. */
export type SourceTiming = { readonly sourceIn: Rational; readonly speed: Rational };

type SourceFrames = {
	/** `<in>` and `<out>`, which count frames at `clipRate`. */
	readonly in: number;
	readonly out: number;
	readonly clipRate: FrameRate;
	/** The clip's place in the sequence, transitions included. */
	readonly range: FrameRange;
	readonly sequenceRate: FrameRate;
	/** Length of the media in seconds, where the file says it. */
	readonly mediaLength: Rational | null;
};

/** The source time at the start of `frames.range` and the speed; null where the speed varies. */
export function sourceTiming(clip: XmlElement, frames: SourceFrames): SourceTiming | null {
	const parameters = timeRemap(clip);
	const start = framesToSeconds(frames.in, frames.clipRate);
	if (!parameters) return { sourceIn: start, speed: ONE };
	const amount = divide(parameterOf(parameters, 'speed') ?? rational(100), rational(100));
	const reversed =
		amount.num < 0 || parameters.some((p) => named(p, 'reverse') && flag(p, 'value', false));
	const magnitude = { num: Math.abs(amount.num), den: amount.den };
	const speed = reversed ? subtract(ZERO, magnitude) : magnitude;
	const points = graphOf(parameters);
	if (points.length >= 2) return fromGraph(points, frames, speed);
	if (parameters.some((p) => named(p, 'variablespeed') && flag(p, 'value', false))) return null;
	const inSource = countsSourceFrames(frames, magnitude);
	if (!reversed) {
		return { sourceIn: inSource ? start : multiply(start, magnitude), speed };
	}
	const frame = framesToSeconds(1, frames.clipRate);
	if (inSource) {
		return { sourceIn: subtract(framesToSeconds(frames.out, frames.clipRate), frame), speed };
	}
	const end =
		frames.mediaLength ?? multiply(framesToSeconds(frames.out, frames.clipRate), magnitude);
	return { sourceIn: subtract(subtract(end, frame), multiply(start, magnitude)), speed };
}

type Point = { readonly when: Rational; readonly value: Rational };

function timeRemap(clip: XmlElement): readonly XmlElement[] | null {
	for (const filter of children(clip, 'filter')) {
		const effect = child(filter, 'effect');
		if (effect && idOf(effect) === 'timeremap' && flag(filter, 'enabled', true)) {
			return children(effect, 'parameter');
		}
	}
	return null;
}

function parameterOf(parameters: readonly XmlElement[], name: string): Rational | undefined {
	const value = parameters.filter((p) => named(p, name)).map((p) => child(p, 'value'))[0];
	return value && decimalOf(value);
}

function named(parameter: XmlElement, name: string): boolean {
	return parameterId(parameter) === name;
}

/** Frames of the clip and the frames of the media that they show, from the speed graph. */
function graphOf(parameters: readonly XmlElement[]): readonly Point[] {
	const keyframes = parameters
		.filter((p) => named(p, 'graphdict'))
		.flatMap((p) => children(p, 'keyframe'));
	const set = keyframes.filter((keyframe) => !flag(keyframe, 'speedvirtualkf', false));
	return (set.length >= 2 ? set : keyframes)
		.flatMap((keyframe) => {
			const when = child(keyframe, 'when');
			const value = child(keyframe, 'value');
			return when && value ? [{ when: decimalOf(when), value: decimalOf(value) }] : [];
		})
		.sort((a, b) => compare(a.when, b.when));
}

/** A straight graph is a constant speed, which the speed parameter gives without rounding. */
function fromGraph(
	points: readonly Point[],
	frames: SourceFrames,
	stated: Rational,
): SourceTiming | null {
	const first = points[0];
	const last = points.at(-1);
	if (!first || !last || compare(first.when, last.when) === 0) return null;
	const slope = divide(subtract(last.value, first.value), subtract(last.when, first.when));
	const at = (when: Rational) => add(first.value, multiply(subtract(when, first.when), slope));
	const straight = points.every((p) => magnitudeOf(subtract(at(p.when), p.value)) < 0.51);
	if (!straight) return null;
	const value = at(rational(frames.in));
	const speed = magnitudeOf(subtract(slope, stated)) < 0.01 ? stated : slope;
	return { sourceIn: divide(value, frames.clipRate), speed };
}

/**
 * FCP 7, Premiere and Resolve count `<in>` and `<out>` in frames of the retimed clip, so that they
 * are as far apart as `<start>` and `<end>`; other programs count frames of the media.
 */
function countsSourceFrames(frames: SourceFrames, speed: Rational): boolean {
	const length = framesToSeconds(frames.range.end - frames.range.start, frames.sequenceRate);
	const apart = framesToSeconds(frames.out - frames.in, frames.clipRate);
	const off = (seconds: Rational) =>
		Math.abs(round(multiply(subtract(apart, seconds), frames.clipRate)));
	return off(length) > 1 && off(multiply(length, speed)) <= 1;
}

function magnitudeOf(value: Rational): number {
	return Math.abs(value.num / value.den);
}

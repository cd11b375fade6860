import {
	add,
	compare,
	type FrameRange,
	type FrameRate,
	floor,
	framesToSeconds,
	multiply,
	ONE,
	rangesOverlap,
	sameRate,
	subtract,
} from '../../../protocol/time.ts';
import type { ClipSpan } from '../../../protocol/timeline.ts';
import { later } from '../level.ts';
import type { SequenceReading } from './reading.ts';
import { short } from './source.ts';
import type { SourceTiming } from './speed.ts';

/** A part of a nested sequence's clip, and what shows in it. */
export type NestedPart = Pick<
	ClipSpan,
	'range' | 'source' | 'sourceIn' | 'speed' | 'sound' | 'effects'
>;

/**
 * What a nested sequence shows over a range of the outer one: the media of its clips where they
 * show plainly, and something that no file holds where clips lie over one another, dissolve or are
 * missing. A nest at another rate or speed is looked through where one clip fills it. `reading` is
 * null where the sequence contains itself.
 */
export function throughNested(
	reading: SequenceReading | null,
	kind: 'video' | 'audio',
	outer: SourceTiming,
	range: FrameRange,
	rate: FrameRate,
): readonly NestedPart[] {
	if (reading === null) {
		const source = { kind: 'synthetic', what: 'sequence that contains itself' } as const;
		return [{ range, source, ...outer }];
	}
	const used = multiply(framesToSeconds(range.end - range.start, rate), outer.speed);
	const inner = reading.sequence.rate;
	const from = multiply(outer.sourceIn, inner);
	// From the frame that holds the first instant to the one that holds the last.
	const window = {
		start: floor(from),
		end: -floor(multiply({ num: -1, den: 1 }, add(from, multiply(used, inner)))),
	};
	if (outer.speed.num <= 0) return [{ range, ...shown(reading, null, outer) }];
	const parts = partsOf(reading, kind, window);
	const inStep = sameRate(inner, rate) && compare(outer.speed, ONE) === 0 && from.den === 1;
	if (!inStep || parts.length > MOST_PARTS) {
		const only = parts.length === 1 ? (parts[0]?.clip ?? null) : null;
		return [{ range, ...shown(reading, only, outer) }];
	}
	return parts.map((part) => {
		const start = range.start + part.range.start - window.start;
		const sourceIn = framesToSeconds(part.range.start, inner);
		return {
			range: { start, end: start + part.range.end - part.range.start },
			...shown(reading, part.clip, { sourceIn, speed: ONE }),
			...(kind === 'audio' ? heardIn(part.clip, start - part.range.start) : {}),
		};
	});
}

/** A nest cut finer than this is a picture of its own. */
const MOST_PARTS = 500;

type Part = { readonly range: FrameRange; readonly clip: ClipSpan | null };

/** Stretches of the window in which the same clip shows alone; null where none or several do. */
function partsOf(
	reading: SequenceReading,
	kind: 'video' | 'audio',
	window: FrameRange,
): readonly Part[] {
	const tracks = reading[kind].map(({ track }) => track).filter((track) => track.enabled);
	const inside = (range: FrameRange) => rangesOverlap(range, window);
	const clips = tracks.flatMap((track) =>
		track.clips.filter((clip) => clip.enabled && inside(clip.range)),
	);
	const blends = tracks.flatMap((track) =>
		track.transitions.map(({ range }) => range).filter(inside),
	);
	const edges = [...clips.map((clip) => clip.range), ...blends]
		.flatMap(({ start, end }) => [start, end])
		.filter((frame) => frame > window.start && frame < window.end);
	const steps = [...new Set([window.start, ...edges, window.end])].sort((a, b) => a - b);
	if (steps.length > 2 * MOST_PARTS) return [{ range: window, clip: null }];
	const parts: Part[] = [];
	steps.slice(0, -1).forEach((start, index) => {
		const range = { start, end: steps[index + 1] ?? window.end };
		const clip = aloneIn(range, kind, clips, blends);
		const last = parts.at(-1);
		if (last && last.clip === clip) {
			parts[parts.length - 1] = { range: { start: last.range.start, end: range.end }, clip };
		} else parts.push({ range, clip });
	});
	return parts;
}

function aloneIn(
	range: FrameRange,
	kind: 'video' | 'audio',
	clips: readonly ClipSpan[],
	blends: readonly FrameRange[],
): ClipSpan | null {
	if (blends.some((blend) => rangesOverlap(blend, range))) return null;
	const [first, ...others] = clips.filter((clip) => rangesOverlap(clip.range, range));
	if (!first || first.source.kind === 'synthetic') return null;
	return others.every((clip) => kind === 'audio' && sameSound(clip, first)) ? first : null;
}

function shown(
	reading: SequenceReading,
	clip: ClipSpan | null,
	outer: SourceTiming,
): Omit<NestedPart, 'range'> {
	if (clip === null) {
		const what = short(`nested sequence "${reading.sequence.name}"`);
		return { source: { kind: 'synthetic', what }, ...outer };
	}
	const offset = subtract(outer.sourceIn, framesToSeconds(clip.range.start, reading.sequence.rate));
	return {
		source: clip.source,
		...(clip.effects ? { effects: clip.effects } : {}),
		sourceIn: add(clip.sourceIn, multiply(offset, clip.speed)),
		speed: multiply(outer.speed, clip.speed),
	};
}

/** The level of a clip inside; its channels are the nest's and no longer told apart, which is said. */
function heardIn(clip: ClipSpan | null, frames: number): Pick<NestedPart, 'sound' | 'effects'> {
	const { level, channels } = clip?.sound ?? {};
	return {
		...(level ? { sound: { level: later(level, frames) } } : {}),
		...(channels
			? { effects: [...(clip?.effects ?? []), 'the choice of channels in its nested sequence'] }
			: {}),
	};
}

/** The channels of one sound stand on several tracks. */
function sameSound(a: ClipSpan, b: ClipSpan): boolean {
	const key = (clip: ClipSpan) =>
		JSON.stringify([clip.source, clip.range, clip.sourceIn, clip.speed]);
	return key(a) === key(b);
}

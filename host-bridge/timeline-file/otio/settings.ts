import { type FrameRate, ONE, type Rational, rational } from '../../../protocol/time.ts';
import { mediaReference } from './clip.ts';
import { itemKind } from './items.ts';
import { elements, type Json, malformed, member } from './json.ts';
import { metadataOf } from './schema.ts';
import { exactRate } from './time.ts';

/**
 * OpenTimelineIO keeps no rate for a sequence: it is that of `global_start_time`, else the one
 * that Premiere notes in its metadata, else that of the first clip's `source_range`, else that of
 * the first time in the tracks. Rates outside 1…1000 (sample rates) do not count.
 */
export function sequenceRate(
	timeline: Json,
	stack: Json,
): { readonly rate: FrameRate; readonly node: Json } {
	const start = member(timeline, 'global_start_time');
	const premiere = metadataOf(stack, 'PremierePro_OTIO');
	const candidates = [
		start && member(start, 'rate'),
		premiere && member(premiere, 'VideoFrameRate'),
		...ratesIn(stack),
	];
	for (const node of candidates) {
		const rate = node?.type === 'number' ? exactRate(Number(node.value)) : null;
		if (node && rate && rate.num >= rate.den && rate.num <= 1000 * rate.den) return { rate, node };
	}
	throw malformed(timeline, 'a frame rate in some clip or in global_start_time');
}

/** The rates of items with a source range: clips first, then whatever else lasts. */
function ratesIn(stack: Json): Json[] {
	const clips: Json[] = [];
	const others: Json[] = [];
	const visit = (node: Json) => {
		const kind = itemKind(node);
		const media = kind === 'clip' ? mediaReference(node) : undefined;
		const range = member(node, 'source_range') ?? (media && member(media, 'available_range'));
		const duration = range && member(range, 'duration');
		const rate = duration && member(duration, 'rate');
		if (rate) (kind === 'clip' ? clips : others).push(rate);
		const inner = kind === 'nested' ? member(node, 'children') : undefined;
		for (const child of inner ? elements(inner) : []) visit(child);
	};
	visit(stack);
	return [...clips, ...others];
}

/**
 * OpenTimelineIO keeps no picture size either: it is what Premiere notes in its metadata, else the
 * bounds of the first media if they are in pixels, else 1920 × 1080 with square pixels.
 */
export function pictureOf(stack: Json): {
	size: { width: number; height: number };
	pixelAspect: Rational;
	sizeAssumed: boolean;
} {
	const premiere = metadataOf(stack, 'PremierePro_OTIO');
	const resolution = premiere && member(premiere, 'VideoResolution');
	const noted = resolution && sizeOf(pair(resolution, 'width', 'height'));
	const aspect = premiere && member(premiere, 'PixelAspectRatio');
	const parts = aspect && pair(aspect, 'numerator', 'denominator');
	const usable = parts?.every((part) => Number.isInteger(part) && part > 0 && part < 100_000);
	const known = noted ?? boundsIn(stack);
	return {
		size: known ?? { width: 1920, height: 1080 },
		sizeAssumed: known === undefined,
		pixelAspect: parts && usable ? rational(parts[0], parts[1]) : ONE,
	};
}

function boundsIn(node: Json): { width: number; height: number } | undefined {
	const kind = itemKind(node);
	if (kind === 'clip') {
		const media = mediaReference(node);
		const bounds = media && member(media, 'available_image_bounds');
		const [min, max] = bounds ? [member(bounds, 'min'), member(bounds, 'max')] : [];
		const [low, high] = [min && pair(min, 'x', 'y'), max && pair(max, 'x', 'y')];
		return low && high ? sizeOf([high[0] - low[0], high[1] - low[1]]) : undefined;
	}
	const inner = kind === 'nested' ? member(node, 'children') : undefined;
	for (const child of inner ? elements(inner) : []) {
		const found = boundsIn(child);
		if (found) return found;
	}
	return undefined;
}

function pair(node: Json, first: string, second: string): readonly [number, number] | undefined {
	if (node.type !== 'object') return undefined;
	const [a, b] = [member(node, first), member(node, second)];
	if (a?.type !== 'number' || b?.type !== 'number') return undefined;
	return [Number(a.value), Number(b.value)];
}

/** Bounds may be in any unit (16 × 9 is usual): only large whole numbers are pixels. */
function sizeOf(
	pixels: readonly [number, number] | undefined,
): { width: number; height: number } | undefined {
	if (!pixels?.every((side) => Number.isInteger(side) && side >= 64 && side <= 16_384)) {
		return undefined;
	}
	return { width: pixels[0], height: pixels[1] };
}

/** Premiere's note, else 48 kHz. */
export function sampleRateOf(stack: Json): number {
	const premiere = metadataOf(stack, 'PremierePro_OTIO');
	const rate = premiere && member(premiere, 'AudioFrameRate');
	const value = rate?.type === 'number' ? Number(rate.value) : 0;
	return Number.isInteger(value) && value >= 8000 && value <= 384_000 ? value : 48_000;
}

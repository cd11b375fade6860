import path from 'node:path';
import { ONE, type Rational, TICKS_PER_SECOND } from '../../../protocol/time.ts';
import type { ClipSound, MediaSource } from '../../../protocol/timeline.ts';
import type { MediaFinder } from '../media-path.ts';
import { readable } from '../readable.ts';
import { effectsOf, TIME } from './effects.ts';
import {
	elements,
	flagMember,
	type Json,
	malformed,
	member,
	needMember,
	numberOf,
	textMember,
} from './json.ts';
import { schemaName } from './schema.ts';
import {
	divideRounded,
	nearestRational,
	rangeMember,
	readRate,
	scale,
	type TickRange,
	type Ticks,
} from './time.ts';

/** What a clip shows: `sourceIn` is where its first moment lies, after the media's first frame. */
export type ClipContent = {
	readonly name: string;
	readonly source: MediaSource;
	readonly sourceIn: Ticks;
	readonly speed: Rational;
	readonly enabled: boolean;
	/** What it does beside that, by name: to its picture on a video track, else to its sound. */
	readonly effects?: readonly string[];
	/** What is heard of it; its level counts frames of the sequence from the clip's start. */
	readonly sound?: ClipSound;
};

/** The part of its media that a clip uses, in the media's own clock; decides its length. */
export function clipRange(clip: Json): TickRange {
	const media = mediaReference(clip);
	const range =
		rangeMember(clip, 'source_range') ?? (media && rangeMember(media, 'available_range'));
	if (range) return range;
	throw malformed(clip, 'a clip with a source_range, or media with an available_range');
}

export function readClip(clip: Json, finder: MediaFinder): ClipContent {
	const media = mediaReference(clip);
	const range = clipRange(clip);
	const available = media && readable(() => rangeMember(media, 'available_range'));
	// Kdenlive writes a rate of 0 for media that have none: they begin at 0 then.
	const start = range.start - (available instanceof Error ? 0n : (available?.start ?? 0n));
	const warp = timeWarp(clip);
	const source = sourceOfMedia(media, finder);
	const name = textMember(clip, 'name') || (media && textMember(media, 'name')) || nameOf(source);
	return {
		name: name.slice(0, 500),
		source:
			warp === 'varying'
				? { kind: 'synthetic', what: `"${name.slice(0, 400)}" with varying speed` }
				: source,
		sourceIn: warp === 'varying' ? start : firstMoment(clip, start, range, warp),
		speed: warp === 'varying' ? ONE : warp,
		enabled: flagMember(clip, 'enabled', true),
		...effectsOf(clip),
	};
}

/**
 * The constant speed that an item's effects give it; 0 for a freeze frame. `varying` where there
 * is no such number: a speed ramp, or several time effects.
 */
export function timeWarp(item: Json): Rational | 'varying' {
	const list = member(item, 'effects');
	let warp: Rational | 'varying' | null = null;
	for (const effect of list ? elements(list) : []) {
		const schema = schemaName(effect);
		if (!TIME.test(schema)) continue;
		if (!flagMember(effect, 'enabled', true)) continue;
		if (warp !== null) return 'varying';
		if (schema === 'FreezeFrame') warp = { num: 0, den: 1 };
		else if (schema === 'LinearTimeWarp') warp = readScalar(effect);
		else warp = 'varying';
	}
	return warp ?? ONE;
}

function readScalar(effect: Json): Rational | 'varying' {
	const scalar = readable(() => numberOf(needMember(effect, 'time_scalar')));
	const known = typeof scalar === 'number' && Math.abs(scalar) <= 10_000;
	return known ? nearestRational(scalar, 10_000) : 'varying';
}

/** Played backwards, the last frame of the used part comes first. */
function firstMoment(clip: Json, start: Ticks, range: TickRange, speed: Rational): Ticks {
	if (speed.num >= 0) return start;
	const used = scale(range.end - range.start, { num: -speed.num, den: speed.den });
	const node = member(clip, 'source_range');
	const rate = readRate(needMember(node ?? mediaRange(clip), 'duration'));
	const frame = divideRounded(BigInt(rate.den) * TICKS_PER_SECOND, BigInt(rate.num));
	return used > frame ? start + used - frame : start;
}

function mediaRange(clip: Json): Json {
	const media = mediaReference(clip);
	return needMember(media ?? clip, 'available_range');
}

/** The media in use: Clip.1 has one, Clip.2 several of which one is active. */
export function mediaReference(clip: Json): Json | undefined {
	const several = member(clip, 'media_references');
	if (several === undefined) return member(clip, 'media_reference');
	const key = textMember(clip, 'active_media_reference_key') ?? 'DEFAULT_MEDIA';
	if (several.type !== 'object') throw malformed(several, 'an object');
	return member(several, key);
}

function sourceOfMedia(media: Json | undefined, finder: MediaFinder): MediaSource {
	if (media === undefined) return offline('The clip has no media reference');
	const schema = schemaName(media);
	switch (schema) {
		case 'ExternalReference':
			return finder.find(textMember(media, 'target_url') ?? '');
		case 'MissingReference':
			return offline('The timeline marks the media as missing');
		case 'GeneratorReference': {
			const kind = textMember(media, 'generator_kind') ?? 'unknown kind';
			return { kind: 'synthetic', what: `Generator (${kind.slice(0, 400)})` };
		}
		case 'ImageSequenceReference': {
			const prefix = textMember(media, 'name_prefix') ?? '';
			const suffix = textMember(media, 'name_suffix') ?? '';
			return { kind: 'synthetic', what: `Image sequence ${prefix}#${suffix}`.slice(0, 500) };
		}
		default:
			return { kind: 'synthetic', what: `Media of the kind ${schema}` };
	}
}

function offline(reason: string): MediaSource {
	return { kind: 'offline', path: '', reason };
}

function nameOf(source: MediaSource): string {
	if (source.kind === 'synthetic') return source.what;
	return path.basename(source.path) || 'Clip';
}

import type { ClipSound } from '../../../protocol/timeline.ts';
import { inDecibels, type Level } from '../level.ts';
import { readable } from '../readable.ts';
import { elements, flagMember, type Json, keysOf, member, numberOf, textMember } from './json.ts';
import { metadataOf, schemaName } from './schema.ts';

/** Effects that change speed. */
export const TIME = /(Time(Warp|Effect)|FreezeFrame)$/;

/** The name that Resolve gives the effect which every clip of sound has. */
const VOLUME = 'Fairlight Clip Volume and Fades';

type Effects = { readonly effects: readonly string[]; readonly sound?: ClipSound };

/**
 * What a clip's effects do beside a change of speed: their names, but for Resolve's level of a
 * sound, which is read, as are the channels that it plays. OpenTimelineIO itself has no level; what
 * other programs write about it is their own and is named.
 */
export function effectsOf(clip: Json): Effects {
	const list = member(clip, 'effects');
	const names: string[] = [];
	let level: Level | undefined;
	for (const effect of list ? elements(list) : []) {
		if (TIME.test(schemaName(effect)) || !flagMember(effect, 'enabled', true)) continue;
		const resolve = metadataOf(effect, 'Resolve_OTIO');
		if (resolve && member(resolve, 'Enabled')?.value === false) continue;
		const changed = resolve && member(resolve, 'Parameters');
		if (changed?.type === 'array' && elements(changed).length === 0) continue;
		const name = resolve && member(resolve, 'Effect Name')?.value;
		const read = name === VOLUME && changed ? volumeOf(changed) : undefined;
		if (read) level = read.level;
		if (read?.whole || isAsMade(effect)) continue;
		const own = textMember(effect, 'name') || textMember(effect, 'effect_name');
		names.push((typeof name === 'string' && name ? name : own || 'effect').slice(0, 500));
	}
	const sound = { ...channelsOf(clip), ...(level ? { level } : {}) };
	return {
		effects: [...new Set(names)].slice(0, 64),
		...(Object.keys(sound).length > 0 ? { sound } : {}),
	};
}

/** Decibels, or keyframes of them that count from the clip's start; `whole` where that is all. */
function volumeOf(
	parameters: Json,
): { readonly level: Level; readonly whole: boolean } | undefined {
	const all = elements(parameters).filter(({ type }) => type === 'object');
	const volume = all.find((each) => member(each, 'Parameter ID')?.value === 'volume');
	if (!volume) return undefined;
	const decibels = (owner: Json, key: string) => {
		const value = readable(() => numberOf(member(owner, key) ?? owner));
		return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
	};
	const keys = member(volume, 'Key Frames');
	const points = (keys?.type === 'object' ? keysOf(keys) : []).flatMap((key) => {
		const point = keys && member(keys, key);
		const value = point?.type === 'object' ? decibels(point, 'Value') : undefined;
		return /^-?\d{1,9}$/.test(key) && value !== undefined
			? [{ frame: Number(key), decibels: value }]
			: [];
	});
	const constant = decibels(volume, 'Parameter Value');
	if (points.length === 0 && constant !== undefined) points.push({ frame: 0, decibels: constant });
	if (points.length === 0) return undefined;
	points.sort((a, b) => a.frame - b.frame);
	return { level: inDecibels(points), whole: all.length === 1 };
}

/** The channels of one stream that Resolve plays: one of them in the middle, or two as a pair. */
function channelsOf(clip: Json): ClipSound {
	const resolve = metadataOf(clip, 'Resolve_OTIO');
	const list = resolve && member(resolve, 'Channels');
	if (list?.type !== 'array') return {};
	const number = (entry: Json, key: string) => {
		const value = entry.type === 'object' ? member(entry, key)?.value : undefined;
		return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 256
			? value
			: undefined;
	};
	const [left, right, ...more] = elements(list).map((entry) => ({
		stream: number(entry, 'Source Track ID'),
		channel: number(entry, 'Source Channel ID'),
	}));
	if (left?.stream === undefined || left.channel === undefined || more.length > 0) return {};
	if (right && (right.stream !== left.stream || right.channel === undefined)) return {};
	return {
		stream: { among: 'kind', index: left.stream },
		channels: { left: [left.channel], right: [right?.channel ?? left.channel] },
	};
}

/** Premiere writes effects that every clip has; where nothing is set they do nothing. */
function isAsMade(effect: Json): boolean {
	const premiere = metadataOf(effect, 'PremierePro_OTIO');
	const parameters = premiere && member(premiere, 'Parameters');
	if (parameters?.type !== 'array') return false;
	return elements(parameters).every((each) => {
		if (each.type !== 'object' || member(each, 'StartValue')) return false;
		const keys = member(each, 'Keyframes');
		return keys?.type === 'array' && elements(keys).length === 0;
	});
}

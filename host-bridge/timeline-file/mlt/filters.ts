import type { FrameRange } from '../../../protocol/time.ts';
import type { ClipSound } from '../../../protocol/timeline.ts';
import { inDecibels, type Level, product } from '../level.ts';
import { children, type XmlElement } from '../xml.ts';
import { isSet, type MltDocument, property } from './document.ts';
import { parseMltTime } from './time.ts';

/** Filters that are switched on, in the order in which they are applied. */
export function filtersOf(...owners: readonly XmlElement[]): readonly XmlElement[] {
	return owners.flatMap((owner) => children(owner, 'filter')).filter((f) => !isSet(f, 'disable'));
}

/** The level that filters give a sound, in frames of what they are attached to. */
export function levelOf(document: MltDocument, filters: readonly XmlElement[]): Level | undefined {
	return product(
		filters.map((filter) => {
			const level = gains(document, filter);
			return level ? within(level, activeRange(document, filter)) : undefined;
		}),
	);
}

/** Both sides as the filters that copy one channel over another leave them: 0 is left. */
export function channelsOf(filters: readonly XmlElement[]): ClipSound['channels'] {
	const sides = [0, 1];
	for (const filter of filters) {
		if (property(filter, 'mlt_service') !== 'channelcopy') continue;
		const [from, to] = [Number(property(filter, 'from') ?? 0), Number(property(filter, 'to') ?? 1)];
		if (![from, to].every((side) => side === 0 || side === 1)) continue;
		const moved = [sides[from] ?? 0, sides[to] ?? 1] as const;
		sides[to] = moved[0];
		if (isSet(filter, 'swap')) sides[from] = moved[1];
	}
	const [left = 0, right = 1] = sides;
	return left === 0 && right === 1 ? undefined : { left: [left], right: [right] };
}

/** What filters do to a picture or a sound, in words, but for what is read: level and channels. */
export function effectsOf(
	document: MltDocument,
	filters: readonly XmlElement[],
	kind: 'video' | 'audio',
): readonly string[] {
	const names = filters.flatMap((filter) => {
		const service = property(filter, 'mlt_service') ?? '';
		if (service === '' || service === 'freeze') return [];
		if (SOUND.test(service) !== (kind === 'audio')) return [];
		if (kind === 'audio' && isReadOrPlain(document, filter, service)) return [];
		const given = property(filter, 'kdenlive_id') ?? property(filter, 'shotcut:filter');
		return [(PLAIN_WORDS[service] ?? given ?? service).slice(0, 500)];
	});
	return [...new Set(names)].slice(0, 64);
}

/** A sound filter that is read, that only measures or converts, or that an editor has on every track. */
function isReadOrPlain(document: MltDocument, filter: XmlElement, service: string): boolean {
	if (property(filter, 'internal_added') === '237') return true;
	if (/^(avfilter\.)?volume$/.test(service)) return gains(document, filter) !== null;
	return /^(channelcopy|audio(convert|channels|level|spectrum|wave)|(sw)?resample)/.test(service);
}

/** Where a filter is at work, in frames of its owner; everywhere where it says nothing. */
export function activeRange(document: MltDocument, filter: XmlElement): FrameRange {
	const time = (name: string) => parseMltTime(property(filter, name) ?? '', document.rate) ?? 0;
	const out = time('out');
	return { start: time('in'), end: out > 0 ? out + 1 : Number.POSITIVE_INFINITY };
}

const PLAIN_WORDS: Readonly<Record<string, string>> = {
	affine: 'moved or scaled',
	qtblend: 'moved or scaled',
	crop: 'cropped',
	qtcrop: 'cropped',
	mirror: 'flipped',
	'avfilter.hflip': 'flipped',
	'avfilter.vflip': 'flipped',
};

/** Filters of sound; all others change the picture. */
const SOUND =
	/^(audio|volume|panner|balance|channel|mono|mute|sox|ladspa|lv2|vst2|loudness|dynamic_loudness|rbpitch|swresample|resample|avfilter\.(a(?!lpha|tadenoise)|bass|treble|biquad|band(pass|reject)|(high|low)(pass|shelf)|tiltshelf|equalizer|volume|loudnorm|dynaudnorm|speechnorm|dialoguenhance|deesser|m?compand|crossfeed|crystalizer|extrastereo|stereo(tools|widen)|haas|headphone|earwax|flanger|chorus|tremolo|vibrato|sofalizer|surround|superequalizer|firequalizer|anequalizer|virtualbass|pan$|compensationdelay|dcshift|drmeter|replaygain|rubberband|silence|sidechain))/;

/**
 * The gain of one filter, in frames of its owner; `level` has a say before `gain`, as in MLT. Undefined
 * where it does nothing, null where it does something that is not read.
 */
function gains(document: MltDocument, filter: XmlElement): Level | null | undefined {
	const service = property(filter, 'mlt_service');
	const { start, end } = activeRange(document, filter);
	if (service === 'avfilter.volume') return constant(property(filter, 'av.volume'), start);
	if (service !== 'volume') return undefined;
	if (property(filter, 'normalise') || property(filter, 'normalize')) return null;
	const level = property(filter, 'level');
	if (level) return animated(document, level, start);
	const first = constant(property(filter, 'gain'), start);
	const last = constant(property(filter, 'end'), end - 1);
	if (last === null) return null;
	if (!first || !last || end - 1 <= start || end === Number.POSITIVE_INFINITY) return first;
	return [...first, ...last];
}

/** `0.5`, `-6dB`; null for `normalise`, expressions and keyframes. */
function constant(text: string | undefined, frame: number): Level | null | undefined {
	if (!text?.trim()) return undefined;
	const match = /^\s*([+-]?[\d.]+(?:e[+-]?\d+)?)\s*(dB)?\s*$/i.exec(text);
	const value = Number(match?.[1] ?? Number.NaN);
	if (!Number.isFinite(value)) return null;
	return [{ frame, gain: match?.[2] ? 10 ** (value / 20) : Math.abs(value) }];
}

/**
 * `-6` or `0=-60;25=0` in decibels, in any order; times count from the filter's first frame. Null where
 * a time counts from its last one, or something is no number.
 */
function animated(document: MltDocument, text: string, start: number): Level | null | undefined {
	const keys = text
		.split(';')
		.filter((each) => each.trim() !== '')
		.map((each) => {
			const [, time = '0', kind = '', value = ''] =
				/^(?:([\d:.,]+)\s*(\D?)=)?(.*)$/.exec(each.trim()) ?? [];
			const frame = parseMltTime(time, document.rate);
			return {
				frame: frame === null ? Number.NaN : start + frame,
				kind,
				decibels: numberAt(value),
			};
		});
	if (keys.length === 0) return undefined;
	if (keys.some(({ frame, decibels }) => Number.isNaN(frame + decibels))) return null;
	keys.sort((a, b) => a.frame - b.frame);
	if (keys.some(({ frame }, at) => frame === keys[at + 1]?.frame)) return null;
	const points = keys.flatMap(({ frame, kind, decibels }, at) => {
		const next = keys[at + 1];
		const isHeld = kind === '|' && next !== undefined && frame < next.frame - 1;
		const key = { frame, decibels };
		return isHeld ? [key, { frame: next.frame - 1, decibels }] : [key];
	});
	return inDecibels(points);
}

/** The number that a text begins with, as MLT reads it, if it is no keyframe that was not understood. */
function numberAt(text: string): number {
	return text.includes('=') ? Number.NaN : Number.parseFloat(text);
}

/** Outside of where its filter is at work a level does nothing. */
function within(level: Level, { start, end }: FrameRange): Level {
	const inside = level.filter(({ frame }) => frame >= start && frame < end);
	const first = inside[0] ?? level[0];
	const last = inside.at(-1) ?? first;
	if (!first || !last) return level;
	return [
		...(start > 0 ? [{ frame: start - 1, gain: 1 }] : []),
		...(first.frame > start ? [{ frame: start, gain: first.gain }] : []),
		...inside,
		...(end === Number.POSITIVE_INFINITY
			? []
			: [
					...(last.frame < end - 1 ? [{ frame: end - 1, gain: last.gain }] : []),
					{ frame: end, gain: 1 },
				]),
	];
}

import type { OptionValue } from '../../protocol/engine-options/option.ts';
import type { EngineDescription } from '../../protocol/engines.ts';
import type { RequestKind } from '../../protocol/generation.ts';
import type { Shot } from '../../protocol/shots.ts';
import type { FrameRange } from '../../protocol/time.ts';
import type { Cut } from '../../protocol/timeline.ts';
import type { Place } from './place.ts';
import { extensions, soundAt } from './verbs.ts';

export type Quality = 'draft' | 'standard' | 'fine';
export type Side = 'tail' | 'head';
export type Replace = NonNullable<Shot['replace']>;
export type Still = { readonly path: string; readonly frame: number };
export type Style = { readonly path: string; readonly strength: number };

/** What the person asks for, whatever is under the playhead. */
export type Wish = {
	/** The project that it is asked for; null until one was seen. */
	readonly film: string | null;
	readonly verb: RequestKind;
	readonly prompt: string;
	readonly negativePrompt: string;
	readonly quality: Quality;
	/** By name; null: the first that does it. */
	readonly engine: string | null;
	readonly takes: number;
	readonly seed: number;
	readonly isSeedLocked: boolean;
	/** Whether a draft is placed meanwhile. */
	readonly draft: boolean;
	readonly replace: Replace;
	readonly side: Side;
	readonly stills: readonly Still[];
	readonly styles: readonly Style[];
	/** By engine, then by the names in its description. */
	readonly settings: Readonly<Record<string, Readonly<Record<string, OptionValue>>>>;
	/** In and out within a clip, and lengths into open time, each for the place it was made for. */
	readonly marks: { readonly at: string; readonly range: FrameRange } | null;
	readonly length: { readonly at: string; readonly frames: number } | null;
	/** How much of it is to land, where that is not all of it, and for which place. */
	readonly lands: { readonly at: string; readonly as: 'picture' | 'bin' } | null;
};

export const MOST_SEED = 4_294_967_295;
/** New ones are short enough to be read and typed. */
export const NEW_SEEDS = 1_000_000;
export const MOST_TAKES = 8;

/** What of a wish is of its film alone. */
export type FilmWish = Pick<
	Wish,
	'prompt' | 'negativePrompt' | 'stills' | 'marks' | 'length' | 'lands'
>;

export const FIRST_FILM_WISH: FilmWish = {
	prompt: '',
	negativePrompt: '',
	stills: [],
	marks: null,
	length: null,
	lands: null,
};

export const FIRST_WISH: Wish = {
	...FIRST_FILM_WISH,
	film: null,
	verb: 'fill',
	quality: 'standard',
	engine: null,
	takes: 1,
	seed: 0,
	isSeedLocked: false,
	draft: true,
	replace: 'picture',
	side: 'tail',
	styles: [],
	settings: {},
};

/** What of a wish is remembered for the next time and for other panels. */
export type Habits = Pick<Wish, 'quality' | 'engine' | 'takes' | 'draft' | 'settings'>;

export function habitsOf({ quality, engine, takes, draft, settings }: Wish): Habits {
	return { quality, engine, takes, draft, settings };
}

export function filmWishOf(wish: Wish): FilmWish {
	const { prompt, negativePrompt, stills, marks, length, lands } = wish;
	return { prompt, negativePrompt, stills, marks, length, lands };
}

/** Names a place, so that marks made for one clip are not taken for another's. */
export function keyOf(place: Place): string {
	if (place.kind === 'nothing') return '';
	const { start, end } = place.kind === 'gap' ? place.gap : place.clip.range;
	return `${place.track.name} ${start}–${end ?? ''}`;
}

/** The engines that do a verb now, drafts apart. */
export function enginesFor(verb: RequestKind, engines: readonly EngineDescription[]) {
	const able = engines.filter(({ ready, kinds }) => ready && kinds.includes(verb));
	return {
		drafts: able.filter(({ draft }) => draft),
		finishers: able.filter(({ draft }) => !draft),
	};
}

/** The qualities that can be chosen for a verb. */
export function qualitiesFor(
	verb: RequestKind,
	wish: Pick<Wish, 'engine'>,
	engines: readonly EngineDescription[],
): readonly Quality[] {
	const { drafts, finishers } = enginesFor(verb, engines);
	const finisher = finishers.find(({ name }) => name === wish.engine) ?? finishers[0];
	return [
		...(drafts.length > 0 ? (['draft'] as const) : []),
		...(finisher ? (['standard'] as const) : []),
		...(finisher && hasStages(finisher) ? (['fine'] as const) : []),
	];
}

/** The engine that a wish comes to; null where none does the verb. */
export function engineFor(
	verb: RequestKind,
	wish: Pick<Wish, 'engine' | 'quality'>,
	engines: readonly EngineDescription[],
): EngineDescription | null {
	const { drafts, finishers } = enginesFor(verb, engines);
	const finisher = finishers.find(({ name }) => name === wish.engine) ?? finishers[0];
	return (wish.quality === 'draft' ? (drafts[0] ?? finisher) : (finisher ?? drafts[0])) ?? null;
}

/** The quality that it then is. */
export function qualityFor(
	verb: RequestKind,
	wish: Pick<Wish, 'engine' | 'quality'>,
	engines: readonly EngineDescription[],
): Quality {
	const offered = qualitiesFor(verb, wish, engines);
	if (offered.includes(wish.quality)) return wish.quality;
	return offered.at(-1) ?? 'draft';
}

/** The settings to send: what was chosen, and the stages that the quality stands for. */
export function settingsFor(engine: EngineDescription, wish: Wish): Record<string, OptionValue> {
	const names = new Set(engine.settings.map(({ name }) => name));
	const chosen = Object.entries(wish.settings[engine.name] ?? {});
	const settings = Object.fromEntries(chosen.filter(([name]) => names.has(name)));
	if (!hasStages(engine)) return settings;
	return { ...settings, stages: wish.quality === 'fine' ? '2' : '1' };
}

export type Where = { readonly cut: Cut; readonly place: Place; readonly playhead: number };

/** Track and frames that a verb is for; null where it cannot be done here. */
export function targetOf(
	verb: RequestKind,
	wish: Pick<Wish, 'marks' | 'length' | 'side'>,
	{ cut, place, playhead }: Where,
): { readonly track: string; readonly range: FrameRange; readonly side?: Side } | null {
	if (place.kind === 'nothing') return null;
	const track = place.track.name;
	const at = keyOf(place);
	const length = wish.length?.at === at ? wish.length.frames : null;
	switch (verb) {
		case 'fill':
			return place.kind === 'gap' ? { track, range: place.range } : null;
		case 'insert': {
			if (place.kind !== 'gap') return null;
			const most = place.gap.end ?? Number.POSITIVE_INFINITY;
			return { track, range: upTo(place.range, length, most) };
		}
		case 'extend': {
			const found = extensions({ cut, place });
			const end = found.find(({ side }) => side === wish.side) ?? found[0];
			if (!end) return null;
			const { rate } = cut.sequence;
			const usual = Math.max(1, Math.round(rate.num / rate.den));
			const room = roomFor(place, end);
			const frames = Math.min(length ?? usual, room);
			const range =
				end.side === 'tail'
					? { start: end.range.start, end: end.range.start + frames }
					: { start: end.range.end - frames, end: end.range.end };
			return { track, range, side: end.side };
		}
		case 'retake':
		case 'soundtrack':
			return place.kind === 'clip' ? { track, range: marked(wish, at, place.clip.range) } : null;
		case 'animate': {
			const sound = soundAt(cut, playhead);
			if (!sound) return null;
			const range = marked(wish, at, sound.clip.range);
			return { track: sound.track.name, range };
		}
	}
}

/** The marks of a clip, kept within it; all of it where none were set. */
export function marked(wish: Pick<Wish, 'marks'>, at: string, within: FrameRange): FrameRange {
	if (wish.marks?.at !== at) return within;
	const start = Math.max(within.start, Math.min(wish.marks.range.start, within.end - 1));
	const end = Math.min(within.end, Math.max(wish.marks.range.end, start + 1));
	return { start, end };
}

function upTo(range: FrameRange, frames: number | null, most: number): FrameRange {
	if (frames === null) return range;
	return { start: range.start, end: Math.min(most, range.start + Math.max(1, frames)) };
}

/** Beyond the last clip nothing is in the way. */
function roomFor(place: Place, { range, side }: { range: FrameRange; side: Side }): number {
	const isOpen =
		side === 'tail' &&
		(place.kind === 'gap'
			? place.gap.end === null
			: place.kind === 'clip' && place.track.clips.at(-1) === place.clip);
	return isOpen ? Number.POSITIVE_INFINITY : range.end - range.start;
}

function hasStages({ model, settings }: EngineDescription): boolean {
	return (model?.stages ?? 1) > 1 && settings.some(({ name }) => name === 'stages');
}

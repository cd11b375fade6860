import { type FrameRange, rangesOverlap } from '../../../protocol/time.ts';
import { children, type XmlElement } from '../xml.ts';
import { isSet, type MltDocument, property, timeAttribute } from './document.ts';

/** What a sequence's transition, which blends one of its tracks into another, does to a track. */
export type Blend = { readonly range: FrameRange; readonly word: string };

/**
 * What transitions of a sequence do to the picture or the sound of a track, but for laying it over
 * those below and adding it to the others, which is what tracks are there for.
 */
export function blendsOn(
	document: MltDocument,
	sequence: XmlElement,
	position: number,
	kind: 'video' | 'audio',
): readonly Blend[] {
	return children(sequence, 'transition').flatMap((transition) => {
		if (isSet(transition, 'disable')) return [];
		const track = (name: string) => Number.parseInt(property(transition, name) ?? '', 10);
		const upper = track('b_track') === position;
		const lower = track('a_track') === position;
		const service = property(transition, 'mlt_service') ?? '';
		const isMix = service === 'mix';
		if (isMix !== (kind === 'audio')) return [];
		const changed = isMix
			? changesSound(transition, { upper, lower })
			: upper && changesPicture(transition, service);
		if (!changed) return [];
		const start = timeAttribute(document, transition, 'in') ?? 0;
		const out = timeAttribute(document, transition, 'out') ?? 0;
		const end = out > 0 ? out + 1 : Number.POSITIVE_INFINITY;
		const word = isMix ? 'mixed with another track' : nameOf(transition, service);
		return [{ range: { start, end }, word }];
	});
}

export function blendsOver(blends: readonly Blend[], range: FrameRange): readonly string[] {
	return blends.filter((blend) => rangesOverlap(blend.range, range)).map(({ word }) => word);
}

/**
 * MLT's mix plays the upper track at `start`, half of it by default, and the lower one at what is
 * left, or at its own level with `sum`; with `combine`, or `sum` alone, both are as they are
 * (transition_mix.c).
 */
function changesSound(
	transition: XmlElement,
	{ upper, lower }: { readonly upper: boolean; readonly lower: boolean },
): boolean {
	if (isSet(transition, 'combine')) return false;
	const start = property(transition, 'start') ?? '';
	const sum = isSet(transition, 'sum');
	return (upper && !(sum && (start === '' || Number(start) === 1))) || (lower && !sum);
}

/** Editors lay every track over those below it with one of these. */
const LAYS = /^(composite|qtblend|affine|movit\.overlay|frei0r\.cairoblend)$/;
const PLACES = ['rect', 'geometry', 'transition.rect'];

function changesPicture(transition: XmlElement, service: string): boolean {
	if (service === '' || property(transition, 'internal_added') === '237') return false;
	if (!LAYS.test(service) || PLACES.some((name) => property(transition, name))) return true;
	const mode = property(transition, service === 'qtblend' ? 'compositing' : '1') || 'normal';
	return mode !== 'normal' && mode !== '0';
}

function nameOf(transition: XmlElement, service: string): string {
	return (property(transition, 'kdenlive_id') ?? service).slice(0, 500);
}

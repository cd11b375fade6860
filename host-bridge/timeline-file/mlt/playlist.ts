import type { FrameRange } from '../../../protocol/time.ts';
import { attribute, children, malformed, type XmlElement } from '../xml.ts';
import { lengthOf } from './clip.ts';
import { isService, type MltDocument, resolve, timeAttribute } from './document.ts';

/**
 * One item of a playlist, in timeline frames. A blank plays nothing and has no service. An entry
 * that is repeated is as many items with one element.
 */
export type MltItem = {
	readonly range: FrameRange;
	readonly element: XmlElement;
	readonly service: XmlElement | null;
	/** The frame of the service that is played first. */
	readonly from: number;
};

/** The longest timeline: a thousand hours at 1000 frames a second. */
const LONGEST = 3_600_000_000;
/** An entry that is played more often is damage, not a loop. */
const MOST_REPEATS = 10_000;

export function readPlaylist(document: MltDocument, playlist: XmlElement): readonly MltItem[] {
	const items: MltItem[] = [];
	let at = 0;
	for (const element of children(playlist)) {
		const read =
			element.name === 'blank'
				? { length: blankLength(document, element), service: null, from: 0, times: 1 }
				: element.name === 'entry' || isService(element)
					? readEntry(document, element)
					: null;
		if (read === null || read.length === 0) continue;
		const { length, service, from, times } = read;
		if (at + length * times > LONGEST) {
			throw malformed(element, `at most ${LONGEST} frames`, `${at + length * times}`);
		}
		for (let time = 0; time < times; time += 1) {
			items.push({ range: { start: at, end: at + length }, element, service, from });
			at += length;
		}
	}
	return items;
}

function blankLength(document: MltDocument, blank: XmlElement): number {
	const length = timeAttribute(document, blank, 'length');
	if (length !== undefined && length >= 0) return length;
	throw malformed(blank, 'a length of 0 frames or more', String(length ?? 'none'));
}

/**
 * In and out follow MLT: out is the last frame, both are kept within the service's length, and an
 * out below 0 stands for the service's own.
 */
function readEntry(document: MltDocument, entry: XmlElement) {
	const service = resolve(document, entry);
	const known = lengthOf(document, service);
	const from = timeAttribute(document, entry, 'in');
	const out = timeAttribute(document, entry, 'out') ?? -1;
	const to = out < 0 ? lastFrame(document, service, from, known) : out;
	if (to === undefined) {
		throw malformed(entry, 'an out attribute, or a producer with a length', 'neither');
	}
	const most = known === undefined ? Number.POSITIVE_INFINITY : Math.max(0, known - 1);
	const ends = [from ?? 0, to].map((frame) => Math.min(Math.max(frame, 0), most));
	const first = Math.min(...ends);
	const length = Math.max(...ends) - first + 1;
	return { service, from: first, length, times: timesOf(entry) };
}

/** How often an entry is played, one after the other: MLT reads an integer as C does. */
function timesOf(entry: XmlElement): number {
	const times = Number.parseInt(attribute(entry, 'repeat') ?? '', 10);
	if (times > MOST_REPEATS) {
		throw malformed(entry, `an entry that plays at most ${MOST_REPEATS} times`, `${times}`);
	}
	return Math.max(1, times || 1);
}

/** Without in and out an entry plays as many frames as its service has, from the first one on. */
function lastFrame(
	document: MltDocument,
	service: XmlElement,
	from: number | undefined,
	known: number | undefined,
): number | undefined {
	const out = timeAttribute(document, service, 'out');
	if (from !== undefined) return known === undefined ? out : known - 1;
	if (out !== undefined) return out - (timeAttribute(document, service, 'in') ?? 0);
	return known === undefined ? undefined : known - 1;
}

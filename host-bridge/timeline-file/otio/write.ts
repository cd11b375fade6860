import path from 'node:path';
import { PickupError } from '../../../protocol/errors.ts';
import { type FrameRate, sameRate } from '../../../protocol/time.ts';
import type { PlacedClip, Placement } from '../../host.ts';
import type { PlacementPlan, TrackChoice } from '../../placement.ts';
import type { Insertion } from '../format.ts';
import { urlFromMediaPath } from '../media-path.ts';
import { exactTime, freeTimeFor, type OtioTrack } from './free.ts';
import type { Item, TrackKind } from './items.ts';
import { type Json, member, needMember, propertyOf, sourceOf } from './json.ts';
import {
	freshKey,
	lineIndent,
	numberText,
	type Style,
	separator,
	styleOf,
	type Value,
	Verbatim,
	write,
} from './style.ts';
import { framesToWrite, frameTicks, latest, readRate, type TickRange, type Ticks } from './time.ts';

/** One timeline of a document, with what writing to it needs. */
export type OtioTimeline = {
	readonly stack: Json;
	readonly rate: FrameRate;
	/** The number in the document that `rate` was read from: new times are spelled like it. */
	readonly rateNode: Json;
	/** The stack's own source range, which trims all tracks. */
	readonly window: TickRange | null;
	readonly tracks: readonly OtioTrack[];
};

/**
 * The insertions that put a clip where the plan says. A Gap that is filled stays in the file
 * untouched: the new clip is written around it, so that it becomes the last thing in the clip's
 * `metadata.pickup.filled`.
 */
export function insertionsFor(
	timeline: OtioTimeline,
	placement: Placement,
	plan: PlacementPlan,
): readonly Insertion[] {
	const writer = new Writer(timeline, placement);
	const { rate } = timeline;
	const wanted = {
		start: frameTicks(plan.range.start, rate),
		end: frameTicks(plan.range.end, rate),
	};
	refuseTrimmedTime(timeline, wanted);
	const picture = plan.video && writer.land(plan.video, 'video', wanted);
	const sound = plan.audio && writer.land(plan.audio, 'audio', picture?.range ?? wanted);
	return [...(picture?.insertions ?? []), ...(sound?.insertions ?? [])];
}

function refuseTrimmedTime({ window, stack }: OtioTimeline, wanted: TickRange): void {
	if (window === null) return;
	if (wanted.end <= window.end - window.start && wanted.start + window.start >= 0n) return;
	const message =
		'Expected a range inside the source_range that trims the timeline, got one outside';
	throw new PickupError('placement-conflict', message, {
		field: 'tracks.source_range',
		action: `Remove the trim of the stack "${member(stack, 'name')?.value ?? 'tracks'}" in the editor and export again.`,
	});
}

type Landing = { readonly range: TickRange; readonly insertions: readonly Insertion[] };

class Writer {
	readonly #timeline: OtioTimeline;
	readonly #placement: Placement;
	readonly #style: Style;
	readonly #text: string;

	constructor(timeline: OtioTimeline, placement: Placement) {
		this.#timeline = timeline;
		this.#placement = placement;
		this.#text = sourceOf(timeline.stack);
		let root = timeline.stack;
		while (root.parent) root = root.parent;
		this.#style = styleOf(root);
	}

	/** `wanted` and the range that comes back are in sequence time. */
	land(choice: TrackChoice, kind: TrackKind, wanted: TickRange): Landing {
		if (choice.kind === 'new') {
			return { range: wanted, insertions: [this.#newTrack(choice, kind, wanted)] };
		}
		const track = this.#timeline.tracks.find(({ name }) => name === choice.name);
		if (!track) {
			throw new PickupError('placement-conflict', `Expected a track ${choice.name}, got none`, {
				field: choice.name,
			});
		}
		const { rate } = this.#timeline;
		const free = freeTimeFor(track, this.#placement.range, rate);
		const own = { start: wanted.start + track.zero, end: wanted.end + track.zero };
		const range = exactTime(free, own, this.#placement.range, track, rate, kind === 'video');
		const filled = free.gaps.filter(
			(item) => item.kind === 'gap' && item.start < range.end && item.end > range.start,
		);
		return {
			range: { start: range.start - track.zero, end: range.end - track.zero },
			insertions: [
				...this.#retrim(track, range),
				...(filled.length > 0 ? this.#wrap(filled, range) : this.#add(track, range)),
			],
		};
	}

	/** Writes the clip around the gaps that it fills, with smaller gaps for what is left of them. */
	#wrap(filled: readonly Item[], range: TickRange): Insertion[] {
		const [first, last] = [filled[0], filled.at(-1)];
		if (!first || !last) return [];
		const indent = lineIndent(this.#text, first.node.offset);
		const comma = separator(this.#style, indent);
		const mark = '\u0000';
		const clip = this.#write(this.#clip(range, [new Verbatim(mark)]), indent);
		const [opening = '', closing = ''] = clip.split(mark);
		const before = first.start < range.start ? range.start - first.start : 0n;
		const after = last.end > range.end ? last.end - range.end : 0n;
		const head = before > 0n ? this.#write(this.#gap(before, first), indent) + comma : '';
		const tail = after > 0n ? comma + this.#write(this.#gap(after, last), indent) : '';
		return [
			{ offset: first.node.offset, text: head + opening },
			{ offset: last.node.offset + last.node.length, text: closing + tail },
		];
	}

	/** Adds the clip where the track has no item: past its end, or before its first item. */
	#add(track: OtioTrack, range: TickRange): Insertion[] {
		const first = track.items[0];
		if (first && range.end <= first.start) {
			const indent = lineIndent(this.#text, first.node.offset);
			const rest = first.start - range.end;
			const items = [this.#clip(range), ...(rest > 0n ? [this.#gap(rest)] : [])];
			const comma = separator(this.#style, indent);
			const text = items.map((item) => this.#write(item, indent) + comma).join('');
			return [{ offset: first.node.offset, text }];
		}
		const rest = range.start - (track.items.at(-1)?.end ?? 0n);
		const items = [...(rest > 0n ? [this.#gap(rest)] : []), this.#clip(range)];
		return [this.#append(needMember(track.node, 'children'), items)];
	}

	/**
	 * A track's own source range may end before the clip or start before its first item: then it is
	 * written anew, and the old one stays under another key.
	 */
	#retrim(track: OtioTrack, range: TickRange): Insertion[] {
		const property = propertyOf(track.node, 'source_range');
		const old = member(track.node, 'source_range');
		if (!property || !old) return [];
		const { window } = track;
		const shift = range.start < 0n ? -range.start : 0n;
		const end = latest(window.end, range.end);
		if (shift === 0n && end === window.end) return [];
		const indent = lineIndent(this.#text, property.offset);
		const value = this.#range(window.start + shift, end - window.start, old);
		const key = freshKey(track.node, 'pickup_former_source_range');
		const text =
			`source_range"${this.#style.colon}${this.#write(value, indent)}` +
			`${separator(this.#style, indent)}"${key.slice(0, -'source_range'.length)}`;
		return [{ offset: property.offset + 1, text }];
	}

	#newTrack(choice: TrackChoice, kind: TrackKind, range: TickRange): Insertion {
		const { stack, window, tracks } = this.#timeline;
		const lead = range.start + (window?.start ?? 0n);
		const track: Value = {
			OTIO_SCHEMA: 'Track.1',
			metadata: {},
			name: choice.name,
			source_range: null,
			effects: [],
			markers: [],
			enabled: true,
			children: [...(lead > 0n ? [this.#gap(lead)] : []), this.#clip(range)],
			kind: kind === 'video' ? 'Video' : 'Audio',
		};
		const same = tracks.filter((candidate) => candidate.kind === kind).at(-1);
		if (!same) return this.#append(needMember(stack, 'children'), [track]);
		const indent = lineIndent(this.#text, same.node.offset);
		const text = separator(this.#style, indent) + this.#write(track, indent);
		return { offset: same.node.offset + same.node.length, text };
	}

	#append(array: Json, items: readonly Value[]): Insertion {
		const last = array.children?.at(-1);
		if (last) {
			const indent = lineIndent(this.#text, last.offset);
			const comma = separator(this.#style, indent);
			const text = items.map((item) => comma + this.#write(item, indent)).join('');
			return { offset: last.offset + last.length, text };
		}
		const outer = lineIndent(this.#text, array.offset);
		const text = this.#write(items, outer);
		return { offset: array.offset + 1, text: text.slice(1, -1) };
	}

	#write(value: Value, indent: string): string {
		return write(value, this.#style, indent);
	}

	#clip(range: TickRange, filled: readonly Value[] = []): Value {
		const { clip, name } = this.#placement;
		const media: Value = {
			OTIO_SCHEMA: 'ExternalReference.1',
			metadata: {},
			name: path.basename(clip.path),
			available_range: this.#range(0n, frameTicks(clip.frames, this.#timeline.rate)),
			target_url: urlFromMediaPath(clip.path),
		};
		const old = /"OTIO_SCHEMA"\s*:\s*"Clip\.1"/.test(this.#text);
		return {
			OTIO_SCHEMA: old ? 'Clip.1' : 'Clip.2',
			metadata: this.#metadata(filled),
			name,
			source_range: this.#range(0n, range.end - range.start),
			effects: [],
			markers: [],
			enabled: this.#placement.enabled !== false,
			...(old
				? { media_reference: media }
				: {
						media_references: { DEFAULT_MEDIA: media },
						active_media_reference_key: 'DEFAULT_MEDIA',
					}),
		};
	}

	/** Picture and sound carry one `link`; Resolve's files number their links as well. */
	#metadata(filled: readonly Value[]): Value {
		const { clip, range } = this.#placement;
		const resolve = /"Resolve_OTIO"\s*:/.test(this.#text);
		return {
			...(resolve ? { Resolve_OTIO: { 'Link Group ID': nextLinkGroup(this.#text) } } : {}),
			pickup: {
				link: `${path.basename(clip.path)}@${range.start}`,
				...madeBy(clip),
				...(filled.length > 0 ? { filled } : {}),
			},
		};
	}

	/** A gap of what is left of `part`; at its rate where that alone counts whole frames. */
	#gap(length: Ticks, part?: Item): Value {
		const range = part && member(part.node, 'source_range');
		return {
			OTIO_SCHEMA: 'Gap.1',
			metadata: {},
			name: '',
			source_range: this.#range(0n, length, range),
			effects: [],
			markers: [],
			enabled: true,
		};
	}

	#range(start: Ticks, length: Ticks, like?: Json): Value {
		return {
			OTIO_SCHEMA: 'TimeRange.1',
			duration: this.#time(length, like && member(like, 'duration')),
			start_time: this.#time(start, like && member(like, 'start_time')),
		};
	}

	#time(ticks: Ticks, like?: Json): Value {
		const { rate, rateNode } = this.#timeline;
		const frames = framesToWrite(ticks, rate);
		const other = like && readRate(like);
		if (like && other && !Number.isInteger(frames) && !sameRate(other, rate)) {
			const count = framesToWrite(ticks, other);
			if (Number.isInteger(count)) return this.#spelled(count, needMember(like, 'rate'));
		}
		return this.#spelled(frames, rateNode);
	}

	#spelled(value: number, rate: Json): Value {
		return {
			OTIO_SCHEMA: 'RationalTime.1',
			rate: new Verbatim(this.#text.slice(rate.offset, rate.offset + rate.length)),
			value: numberText(value, this.#style),
		};
	}
}

/** What a file says of how a clip was made, where that is known. */
export function madeBy({ engine, seed, draft }: PlacedClip): { readonly [key: string]: Value } {
	return {
		...(engine === undefined ? {} : { engine }),
		...(seed === undefined ? {} : { seed }),
		draft,
	};
}

function nextLinkGroup(text: string): number {
	let last = 0;
	for (const match of text.matchAll(/"Link Group ID"\s*:\s*(\d{1,9})\b/g)) {
		last = Math.max(last, Number(match[1]));
	}
	return last + 1;
}

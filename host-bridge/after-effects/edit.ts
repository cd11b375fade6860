import { assertNever, PickupError } from '../../protocol/errors.ts';
import type { EditStep, Item } from '../../protocol/hosts.ts';
import {
	type FrameRange,
	type FrameRate,
	framesToSeconds,
	rangesOverlap,
	sameRange,
	toNumber,
} from '../../protocol/time.ts';
import { readCut, type Standing } from './cut.ts';
import { markText, readMark } from './mark.ts';
import type { RawAction, RawComp, RawLayer } from './script/raw.ts';

type Place = Extract<EditStep, { kind: 'place' }>;

/**
 * What is done to the layers for the steps of an edit. Picture and sound of one file over one range
 * are one layer, so that they cannot drift apart; an added track is the lane above all others.
 * Throws PickupError `placement-conflict` where an item is not there, or where the layers lie so
 * that the new one would not be on the track that it is wanted on.
 */
export function planActions(comp: RawComp, steps: readonly EditStep[]): readonly RawAction[] {
	const { cut, standing } = readCut(comp);
	const { rate } = cut.sequence;
	const placed = new Set<EditStep>();
	const taken = new Map<RawLayer, Set<'video' | 'audio'>>();
	const actions: RawAction[] = [];
	const swapped = new Set<RawLayer>();
	for (const step of steps) {
		switch (step.kind) {
			case 'add-track':
				break;
			case 'bin':
				actions.push({ kind: 'bin', path: step.path, name: step.name });
				break;
			case 'place':
				if (!placed.has(step)) actions.push(placeAction(step));
				break;
			case 'swap': {
				const { layer } = found(step.item);
				if (!swapped.has(layer)) {
					const { path, name, draft } = step;
					actions.push({ kind: 'swap', layer: layer.index, path, name, draft });
				}
				swapped.add(layer);
				break;
			}
			case 'remove': {
				const { layer, of } = found(step.item);
				taken.set(layer, (taken.get(layer) ?? new Set()).add(of));
				break;
			}
			default:
				assertNever(step);
		}
	}
	for (const [layer, of] of taken) actions.push(removal(layer, of));
	return actions;

	function found({ track, range, path }: Item): Standing {
		const there = standing.find(
			({ clip }) =>
				clip.track === track &&
				sameRange(clip.range, range) &&
				clip.source.kind === 'file' &&
				clip.source.path === path,
		);
		if (there) return there;
		throw new PickupError(
			'placement-conflict',
			`Expected ${path} on ${track} at frames ${range.start}–${range.end}, it is not there`,
		);
	}

	function placeAction(step: Place): RawAction {
		const same = steps.filter(
			(other): other is Place =>
				other.kind === 'place' && other.path === step.path && sameRange(other.range, step.range),
		);
		for (const each of same) placed.add(each);
		const video = same.find(({ of }) => of === 'video');
		const audio = same.find(({ of }) => of === 'audio');
		const lane = (of: Place | undefined) => (of ? Number(of.track.slice(1)) - 1 : null);
		const mark = { video: lane(video), audio: lane(audio) };
		const gone = (layer: RawLayer) => {
			const of = taken.get(layer);
			return of !== undefined && removal(layer, of).kind === 'remove';
		};
		return {
			kind: 'place',
			path: step.path,
			name: step.name,
			...seconds(step.range, rate),
			above: mark.video === null ? null : layerBelow(mark.video, step.range, gone),
			video: video?.enabled ?? false,
			audio: audio?.enabled ?? false,
			comment: markText(mark),
			draft: step.draft,
		};
	}

	/** The index of the layer that one on this lane goes directly above; null for the bottom. */
	function layerBelow(
		lane: number,
		range: FrameRange,
		gone: (layer: RawLayer) => boolean,
	): number | null {
		const pictures = standing.filter(({ of, layer }) => of === 'video' && !gone(layer));
		const laneOf = ({ clip }: Standing) => Number(clip.track.slice(1)) - 1;
		// Switched-off layers cover nothing, wherever they are.
		const over = pictures.filter(({ clip }) => clip.enabled && rangesOverlap(clip.range, range));
		const [lower, upper] = [
			over.filter((each) => laneOf(each) < lane),
			over.filter((each) => laneOf(each) > lane),
		];
		// The first layer is the topmost.
		const highest = Math.min(comp.layers.length + 1, ...lower.map(({ layer }) => layer.index));
		const ceiling = Math.max(0, ...upper.map(({ layer }) => layer.index));
		if (ceiling >= highest || over.some((each) => laneOf(each) === lane)) {
			throw new PickupError(
				'placement-conflict',
				`Expected room for a layer on V${lane + 1}, the layers there are in another order`,
				{ action: 'Look at the order of the layers in After Effects, or land the clip above.' },
			);
		}
		const beside = pictures
			.filter((each) => laneOf(each) === lane && each.clip.enabled)
			.filter(({ layer }) => ceiling < layer.index && layer.index <= highest)
			.sort((a, b) => distance(a, range) - distance(b, range));
		const below = beside[0]?.layer.index ?? (lower.length > 0 ? highest : null);
		return below === null ? null : aboveItsMatte(below, ceiling);
	}

	/** Until version 23 the matte of a layer is the one directly above it: nothing comes in between. */
	function aboveItsMatte(index: number, ceiling: number): number {
		const next = comp.layers[index - 2];
		return next?.isMatte && next.index > ceiling ? aboveItsMatte(next.index, ceiling) : index;
	}
}

function removal(layer: RawLayer, of: ReadonlySet<'video' | 'audio'>): RawAction {
	const mark = readMark(layer.comment) ?? { video: 0, audio: layer.hasAudio ? 0 : null };
	const left = {
		video: of.has('video') ? null : mark.video,
		audio: of.has('audio') || !layer.hasAudio ? null : mark.audio,
	};
	if (left.video === null && left.audio === null) return { kind: 'remove', layer: layer.index };
	return {
		kind: 'silence',
		layer: layer.index,
		of: of.has('video') ? 'video' : 'audio',
		comment: markText(left),
	};
}

function distance({ clip }: Standing, { start, end }: FrameRange): number {
	return Math.max(start - clip.range.end, clip.range.start - end);
}

function seconds(range: FrameRange, rate: FrameRate): { in: number; out: number } {
	const at = (frame: number) => toNumber(framesToSeconds(frame, rate));
	return { in: at(range.start), out: at(range.end) };
}

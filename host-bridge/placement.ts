import { PickupError } from '../protocol/errors.ts';
import {
	type FrameRange,
	formatRate,
	formatTimecode,
	rangeLength,
	rangesOverlap,
	sameRange,
	sameRate,
} from '../protocol/time.ts';
import type { ClipSpan, Cut, Track } from '../protocol/timeline.ts';
import type { Placement, PlacementReport } from './host.ts';

/** Where the picture and the sound of a clip will go. `new` tracks are made by the placement. */
export type TrackChoice =
	| { readonly kind: 'existing'; readonly name: string; readonly index: number }
	| { readonly kind: 'new'; readonly name: string; readonly index: number };

/** As much of a placement as says where it goes; the clip need not be there yet. */
export type Planned = Omit<Placement, 'clip' | 'name'> & {
	readonly clip: Pick<Placement['clip'], 'frames' | 'rate' | 'samples'>;
};

export type PlacementPlan = {
	readonly range: FrameRange;
	/** null where the placement leaves picture or sound out. */
	readonly video: TrackChoice | null;
	readonly audio: TrackChoice | null;
	/** Where the right channel goes in a cut with `splitStereo`; `audio` then takes the left. */
	readonly audioRight?: TrackChoice;
};

/**
 * Chooses the tracks: picture over empty time of its own track, or on a new track directly above
 * the topmost one; sound on the first unlocked audio track (or pair of them) that is free over the
 * whole range, else on a new one, so that nobody's sound is overwritten.
 * Throws PickupError `placement-conflict` where the range is taken, `bad-request` where the clip
 * is not as long as the range or not at the sequence's rate.
 */
export function planPlacement(cut: Cut, placement: Planned): PlacementPlan {
	const { range, clip } = placement;
	if (clip.frames !== rangeLength(range)) {
		throw new PickupError(
			'bad-request',
			`Expected a clip of ${rangeLength(range)} frames, got one of ${clip.frames}`,
			{ field: 'clip.frames' },
		);
	}
	if (!sameRate(clip.rate, cut.sequence.rate)) {
		throw new PickupError(
			'bad-request',
			`Expected a clip at ${formatRate(cut.sequence.rate)} fps, got one at ${formatRate(clip.rate)}`,
			{ field: 'clip.rate' },
		);
	}
	const hasSound = placement.sound && clip.samples > 0;
	return {
		range,
		video: placement.picture ? chooseVideo(cut, placement) : null,
		...(hasSound ? chooseAudio(cut, range) : { audio: null }),
	};
}

/** Compares what a re-read timeline holds with what was planned. */
export function checkPlacement(
	before: Cut,
	after: Cut,
	placement: Placement,
	plan: PlacementPlan,
): PlacementReport {
	const problems: string[] = [];
	const choices = choicesOf(plan);
	for (const choice of choices) {
		const found = findPlaced(after, choice, placement);
		if (found !== null) problems.push(found);
	}
	for (const track of before.tracks) {
		const added = choices.some((c) => c.kind === 'existing' && c.name === track.name) ? 1 : 0;
		const now = findTrack(after, track.name);
		if (now?.clips.length !== track.clips.length + added) {
			problems.push(`${track.name} has ${now?.clips.length ?? 'no'} clips`);
			continue;
		}
		const nowThere = new Set(now.clips.map(placeAndName));
		const moved = track.clips.find((clip) => !nowThere.has(placeAndName(clip)));
		if (moved) problems.push(`${moved.name} on ${track.name} has moved`);
	}
	const where = describe(before, plan);
	return {
		verified: problems.length === 0,
		expected: where,
		actual: problems.length === 0 ? where : problems.join('; '),
		videoTrack: plan.video?.name ?? null,
		audioTrack: plan.audio?.name ?? null,
		range: plan.range,
	};
}

/**
 * The track that the next one of its kind will be once it is made, or with `ahead` one of those
 * after it. A host may list sound that is no audio track of its own, under other names.
 */
export function newTrack(cut: Cut, kind: Track['kind'], ahead = 0): TrackChoice {
	const counted = cut.tracks.filter(
		(track) => track.kind === kind && (kind === 'video' || isCounted(cut, track)),
	);
	const index = counted.length + ahead;
	return { kind: 'new', name: `${kind === 'video' ? 'V' : 'A'}${index + 1}`, index };
}

export function findTrack(cut: Cut, name: string): Track | undefined {
	return cut.tracks.find((track) => track.name === name);
}

function chooseVideo(cut: Cut, placement: Planned): TrackChoice {
	const videos = cut.tracks.filter((track) => track.kind === 'video');
	const track = videos.find((candidate) => candidate.name === placement.track);
	if (!track) {
		const names = videos.map((candidate) => candidate.name).join(', ') || 'none';
		throw new PickupError(
			'bad-request',
			`Expected a video track (${names}), got ${placement.track}`,
			{
				field: 'track',
			},
		);
	}
	if (placement.where === 'above') {
		return newTrack(cut, 'video');
	}
	if (track.locked) {
		throw new PickupError('placement-conflict', `Track ${track.name} is locked`, {
			field: track.name,
			action: 'Unlock the track in the editor and export again.',
		});
	}
	const taken = track.clips.find((clip) => rangesOverlap(clip.range, placement.range));
	if (taken) {
		throw new PickupError(
			'placement-conflict',
			`Expected empty time on ${track.name}, found "${taken.name}" there`,
			{ field: track.name },
		);
	}
	if (isTaken(track, placement.range)) {
		throw new PickupError(
			'placement-conflict',
			`Expected empty time on ${track.name}, found something else than clips there`,
			{ field: track.name },
		);
	}
	return { kind: 'existing', name: track.name, index: track.index };
}

function chooseAudio(
	cut: Cut,
	range: FrameRange,
): { readonly audio: TrackChoice; readonly audioRight?: TrackChoice } {
	const audios = cut.tracks.filter((track) => track.kind === 'audio');
	const isFree = (track: Track) =>
		!track.locked &&
		!isTaken(track, range) &&
		!track.clips.some((clip) => rangesOverlap(clip.range, range));
	const existing = ({ name, index }: Track): TrackChoice => ({ kind: 'existing', name, index });
	if (!cut.splitStereo) {
		const free = audios.find(isFree);
		return { audio: free ? existing(free) : newTrack(cut, 'audio') };
	}
	for (const left of audios) {
		const right = audios.find((track) => track.name === left.rightChannel);
		if (right && isFree(left) && isFree(right)) {
			return { audio: existing(left), audioRight: existing(right) };
		}
	}
	return { audio: newTrack(cut, 'audio'), audioRight: newTrack(cut, 'audio', 1) };
}

function isTaken({ taken = [] }: Track, range: FrameRange): boolean {
	return taken.some((other) => rangesOverlap(other, range));
}

function isCounted({ splitStereo }: Cut, { name }: Track): boolean {
	return splitStereo === true || /^A\d+$/.test(name);
}

function choicesOf(plan: PlacementPlan): readonly TrackChoice[] {
	return [plan.video, plan.audio, plan.audioRight].filter(
		(choice) => choice !== null && choice !== undefined,
	);
}

function findPlaced(after: Cut, choice: TrackChoice, placement: Placement): string | null {
	const track = findTrack(after, choice.name);
	if (!track) return `there is no track ${choice.name}`;
	const clip = track.clips.find((candidate) => candidate.range.start === placement.range.start);
	if (!clip) return `nothing starts at frame ${placement.range.start} of ${choice.name}`;
	if (!sameRange(clip.range, placement.range)) {
		return `the clip on ${choice.name} covers ${clip.range.start}–${clip.range.end}`;
	}
	if (clip.source.kind !== 'file' || clip.source.path !== placement.clip.path) {
		return `the clip on ${choice.name} is not ${placement.clip.path}`;
	}
	if (clip.enabled !== (placement.enabled ?? true)) {
		return `the clip on ${choice.name} is switched ${clip.enabled ? 'on' : 'off'}`;
	}
	return null;
}

function describe(cut: Cut, plan: PlacementPlan): string {
	const { rate, startFrame, dropFrame } = cut.sequence;
	const at = (frame: number) => formatTimecode(frame + startFrame, rate, dropFrame);
	const tracks = choicesOf(plan).map((choice) => choice.name);
	return `${tracks.join(' + ')} ${at(plan.range.start)}–${at(plan.range.end)}`;
}

function placeAndName({ range, name }: ClipSpan): string {
	return `${range.start}–${range.end} ${name}`;
}

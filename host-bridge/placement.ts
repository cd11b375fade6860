import { PickupError } from '../protocol/errors.ts';
import { type FrameRange, formatTimecode, rangeLength, rangesOverlap } from '../protocol/time.ts';
import type { Cut, Placement, PlacementReport, Track } from './host.ts';

/** Where the picture and the sound of a clip will go. `new` tracks are made by the placement. */
export type TrackChoice =
	| { readonly kind: 'existing'; readonly name: string; readonly index: number }
	| { readonly kind: 'new'; readonly name: string; readonly index: number };

export type PlacementPlan = {
	readonly range: FrameRange;
	/** null where the placement leaves picture or sound out. */
	readonly video: TrackChoice | null;
	readonly audio: TrackChoice | null;
};

/**
 * Chooses the tracks: picture over empty time of its own track, or on a new track directly above
 * the topmost one; sound on the first unlocked audio track that is free over the whole range,
 * else on a new one, so that nobody's sound is overwritten.
 * Throws PickupError `placement-conflict` where the range is taken, `bad-request` where the clip
 * is not as long as the range.
 */
export function planPlacement(cut: Cut, placement: Placement): PlacementPlan {
	const { range, clip } = placement;
	if (clip.frames !== rangeLength(range)) {
		throw new PickupError(
			'bad-request',
			`Expected a clip of ${rangeLength(range)} frames, got one of ${clip.frames}`,
			{ field: 'clip.frames' },
		);
	}
	const hasSound = placement.sound && clip.samples > 0;
	return {
		range,
		video: placement.picture ? chooseVideo(cut, placement) : null,
		audio: hasSound ? chooseAudio(cut, range) : null,
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
	for (const choice of [plan.video, plan.audio]) {
		if (choice === null) continue;
		const found = findPlaced(after, choice, placement);
		if (found !== null) problems.push(found);
	}
	for (const track of before.tracks) {
		const choice = track.kind === 'video' ? plan.video : plan.audio;
		const added = choice?.kind === 'existing' && choice.name === track.name ? 1 : 0;
		const now = findTrack(after, track.name);
		if (now?.clips.length !== track.clips.length + added) {
			problems.push(`${track.name} has ${now?.clips.length ?? 'no'} clips`);
			continue;
		}
		const moved = track.clips.find(
			(clip) => !now.clips.some((c) => sameRange(c.range, clip.range) && c.name === clip.name),
		);
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

export function findTrack(cut: Cut, name: string): Track | undefined {
	return cut.tracks.find((track) => track.name === name);
}

function chooseVideo(cut: Cut, placement: Placement): TrackChoice {
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
		return { kind: 'new', name: `V${videos.length + 1}`, index: videos.length };
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
	return { kind: 'existing', name: track.name, index: track.index };
}

function chooseAudio(cut: Cut, range: FrameRange): TrackChoice {
	const audios = cut.tracks.filter((track) => track.kind === 'audio');
	const free = audios.find(
		(track) => !track.locked && !track.clips.some((clip) => rangesOverlap(clip.range, range)),
	);
	if (free) return { kind: 'existing', name: free.name, index: free.index };
	return { kind: 'new', name: `A${audios.length + 1}`, index: audios.length };
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
	return null;
}

function describe(cut: Cut, plan: PlacementPlan): string {
	const { rate, startFrame, dropFrame } = cut.sequence;
	const at = (frame: number) => formatTimecode(frame + startFrame, rate, dropFrame);
	const tracks = [plan.video?.name, plan.audio?.name].filter((name) => name !== undefined);
	return `${tracks.join(' + ')} ${at(plan.range.start)}–${at(plan.range.end)}`;
}

function sameRange(a: FrameRange, b: FrameRange): boolean {
	return a.start === b.start && a.end === b.end;
}

import { PickupError } from '../protocol/errors.ts';
import type { EditStep, HostAgent } from '../protocol/hosts.ts';
import type { Clip } from '../protocol/jobs.ts';
import type { Destination, LandedItem } from '../protocol/landings.ts';
import { type FrameRange, formatTimecode, rangesOverlap, sameRange } from '../protocol/time.ts';
import type { ClipSpan, Cut, Track } from '../protocol/timeline.ts';
import { type Planned, planPlacement, type TrackChoice } from './placement.ts';

/** As much of a clip as says where it goes; it need not be there yet. */
export type LandingClip = Pick<Clip, 'path' | 'frames' | 'rate' | 'samples' | 'draft'>;

/** What an editor is asked for, and what stands there when it has been done. */
export type LandingPlan = {
	readonly steps: readonly EditStep[];
	/** A track that the edit adds is called what the editor calls it: null here. */
	readonly expected: readonly Expected[];
	/** For people. */
	readonly notes: readonly string[];
};

/** What a clip in the cut plays, and where. */
export type StandingItem = LandedItem & { readonly path: string };

export type Expected = Omit<LandedItem, 'track'> & { readonly track: string | null };

export type LandingWish = {
	readonly clip: LandingClip;
	readonly destination: Destination;
	/** Paths of the clips that give way; none where nothing does. */
	readonly rivals: readonly string[];
	readonly can: HostAgent['can'];
};

/**
 * The edit that lands a clip: in the place of a clip of its own shot that stands in the cut, keeping
 * how that was trimmed and moved; else over empty time. Nothing that is there is covered.
 * Throws `placement-conflict` where the place is taken, where the clip that was to give way is no
 * longer there, or where the editor lacks what it takes; `no-free-track`, whose field is `video` or
 * `audio`, where it would take another track and the editor adds none.
 */
export function planLanding(cut: Cut, wish: LandingWish): LandingPlan {
	const standing = standingItems(cut, wish.rivals);
	if (standing.length > 0) return planSwap(cut, wish, standing);
	if (wish.rivals.length === 0) return planPlace(cut, wish);
	throw new PickupError(
		'placement-conflict',
		'The clip that this one was to replace is no longer in the cut',
		{ field: 'replaces', action: 'Land it over the gap, or keep it for later.' },
	);
}

/** Where files stand in the cut: every clip that plays one of them, picture before sound. */
export function standingItems(cut: Cut, paths: readonly string[]): readonly StandingItem[] {
	return cut.tracks.flatMap(({ kind, name, clips }) =>
		clips.flatMap(({ range, source }) =>
			source.kind === 'file' && paths.includes(source.path)
				? [{ of: kind, track: name, range, path: source.path }]
				: [],
		),
	);
}

/** Whether a clip, known by its paths, stands wherever it was expected to. */
export function standsAsPlanned(
	after: Cut,
	paths: readonly string[],
	{ expected }: LandingPlan,
): boolean {
	const standing = standingItems(after, paths);
	return expected.every(({ of, track, range }) =>
		standing.some(
			(item) =>
				item.of === of && sameRange(item.range, range) && (track === null || item.track === track),
		),
	);
}

/** Clips that stood in the cut and do not any more, beside those of the given files; names. */
export function disturbed(before: Cut, after: Cut, ours: readonly string[]): readonly string[] {
	const now = new Set(
		after.tracks.flatMap((track) => track.clips.map((clip) => keyOf(track, clip))),
	);
	return before.tracks.flatMap((track) =>
		track.clips
			.filter(({ source }) => source.kind !== 'file' || !ours.includes(source.path))
			.filter((clip) => !now.has(keyOf(track, clip)))
			.map(({ name }) => `${name} on ${track.name}`),
	);
}

/** The steps that take a clip out of the cut again, where it stands. */
export function planRemoval(items: readonly StandingItem[]): EditStep[] {
	return items.map(({ track, range, path }) => ({ kind: 'remove', item: { track, range, path } }));
}

/** For people, as `V1 + A2 01:00:14:06–01:00:16:18`. */
export function describeLanding(cut: Cut, { expected, steps }: LandingPlan): string {
	const { rate, startFrame, dropFrame } = cut.sequence;
	const at = (frame: number) => formatTimecode(frame + startFrame, rate, dropFrame);
	const added = steps.flatMap((step) => (step.kind === 'add-track' ? [step] : []));
	const tracks = expected.map(
		({ of, track }) => track ?? added.find((step) => step.of === of)?.as ?? 'a new track',
	);
	const range = expected[0]?.range;
	return range ? `${tracks.join(' + ')} ${at(range.start)}–${at(range.end)}` : tracks.join(' + ');
}

/** The frames that a clip covers: one of another length than asked leans on one end. */
export function rangeFor({ range, leansOn }: Destination, frames: number): FrameRange {
	if (leansOn === 'end') return { start: range.end - frames, end: range.end };
	return { start: range.start, end: range.start + frames };
}

function planPlace(cut: Cut, { clip, destination, can }: LandingWish): LandingPlan {
	const { name, picture, sound, where, track } = destination;
	const range = rangeFor(destination, clip.frames);
	const planned: Planned = { clip, range, track, where, picture, sound };
	const plan = planPlacement(cut, seenOnExisting(cut, planned));
	const steps: EditStep[] = [];
	const expected: Expected[] = [];
	const add = (of: 'video' | 'audio', choice: TrackChoice) => {
		if (choice.kind === 'new') {
			if (!can.addTracks) throw noTrack(of);
			steps.push({ kind: 'add-track', of, as: choice.name });
		}
		steps.push({
			kind: 'place',
			of,
			path: clip.path,
			name,
			track: choice.name,
			range,
			enabled: true,
			draft: clip.draft,
		});
		expected.push({ of, track: choice.kind === 'new' ? null : choice.name, range });
	};
	if (plan.video) add('video', plan.video);
	if (plan.audio) add('audio', plan.audio);
	if (plan.audioRight) add('audio', plan.audioRight);
	return { steps, expected, notes: [] };
}

/**
 * Above the clip an editor's own track will do where it is free and nothing covers it, so that the
 * person's sequence does not grow a track with every take.
 */
function seenOnExisting(cut: Cut, planned: Planned): Planned {
	if (planned.where !== 'above' || !planned.picture) return planned;
	const videos = cut.tracks.filter(({ kind }) => kind === 'video');
	const at = videos.findIndex(({ name }) => name === planned.track);
	const isEmpty = ({ clips, transitions, taken = [] }: Track) =>
		![...clips, ...transitions]
			.map(({ range }) => range)
			.concat(taken)
			.some((range) => rangesOverlap(range, planned.range));
	const free = videos.slice(at + 1).find((track, index, above) => {
		const over = above.slice(index + 1);
		return !track.locked && track.enabled && isEmpty(track) && over.every(isEmpty);
	});
	return free ? { ...planned, where: 'gap', track: free.name } : planned;
}

function planSwap(
	cut: Cut,
	{ clip, destination, rivals, can }: LandingWish,
	standing: readonly StandingItem[],
): LandingPlan {
	const { name, picture, sound } = destination;
	const { draft, path } = clip;
	const hasSound = sound && clip.samples > 0;
	const wanted = standing.filter(({ of }) => (of === 'video' ? picture : hasSound));
	const others = standing.filter((item) => !wanted.includes(item));
	const locked = standing.find(
		(item) => cut.tracks.find((track) => track.name === item.track)?.locked,
	);
	if (locked) {
		throw new PickupError('placement-conflict', `Track ${locked.track} is locked`, {
			field: locked.track,
			action: 'Unlock the track in the editor, then land the clip again.',
		});
	}
	const itemOf = ({ track, range, path: rival }: StandingItem) => ({
		track,
		range,
		path: rival,
	});
	const steps: EditStep[] = others.map((item) => ({ kind: 'remove', item: itemOf(item) }));
	for (const item of wanted) steps.push(...swapSteps(item));
	const expected: Expected[] = wanted.map(({ of, track, range }) => ({ of, track, range }));
	const whole = wanted.find(({ of }) => of === 'video')?.range;
	const isSilent = hasSound && !standing.some(({ of }) => of === 'audio');
	const notes: string[] = [];
	if (isSilent && whole && whole.end - whole.start === clip.frames) {
		const { start, end } = whole;
		const alone = { ...destination, range: { start, end }, picture: false, replaces: null };
		const plan = planPlace(cut, { clip, destination: alone, rivals: [], can });
		steps.push(...plan.steps);
		expected.push(...plan.expected);
	} else if (isSilent) {
		notes.push('Its sound was left out: what stood there was trimmed and had none.');
	}
	if (!can.swap && rivals.length > 0 && wanted.some(({ range }) => !isWhole(range))) {
		throw new PickupError(
			'placement-conflict',
			'The clip in the cut was trimmed, and this editor cannot give it other media',
			{ field: 'replaces', action: 'Take it out of the cut by hand, then land the other one.' },
		);
	}
	return { steps, expected, notes };

	function isWhole(range: FrameRange): boolean {
		return range.end - range.start === clip.frames;
	}

	function swapSteps(item: StandingItem): readonly EditStep[] {
		if (can.swap) return [{ kind: 'swap', item: itemOf(item), path, name, draft }];
		const { of, track, range } = item;
		return [
			{ kind: 'remove', item: itemOf(item) },
			{ kind: 'place', of, path, name, track, range, enabled: true, draft },
		];
	}
}

function noTrack(of: 'video' | 'audio'): PickupError {
	return new PickupError(
		'no-free-track',
		`No ${of} track is free there, and this editor lets nobody add one from outside`,
		{
			field: of,
			action: `Add ${of === 'video' ? 'a' : 'an'} ${of} track there, then press again.`,
		},
	);
}

function keyOf(track: Track, { range, name }: ClipSpan): string {
	return `${track.kind} ${track.name} ${range.start}–${range.end} ${name}`;
}

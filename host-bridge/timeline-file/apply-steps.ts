import { assertNever, PickupError } from '../../protocol/errors.ts';
import type { EditStep, Item } from '../../protocol/hosts.ts';
import {
	formatTimecode,
	rangeLength,
	rangesOverlap,
	sameRange,
	samplesForFrames,
} from '../../protocol/time.ts';
import type { ClipSpan, Sequence, Track } from '../../protocol/timeline.ts';
import type { Placement } from '../host.ts';
import { findTrack, newTrack, type PlacementPlan, type TrackChoice } from '../placement.ts';
import type { TimelineEdit } from './edit.ts';

/** What is known of a media file; size is null where it has no picture. */
export type Known = { readonly size: Sequence['size'] | null; readonly sound: boolean };

type Place = Extract<EditStep, { kind: 'place' }>;

/**
 * Carries out the steps of an edit in order. The picture and the sound of a file that are placed one
 * after the other over the same range become one clip. Throws PickupError for the first step that
 * cannot be done; what was done before it then has to be taken back.
 */
export function applySteps(
	edit: TimelineEdit,
	steps: readonly EditStep[],
	known: ReadonlyMap<string, Known>,
): void {
	const tracks = new NewTracks();
	let together: Place[] = [];
	const flush = () => {
		if (together.length > 0) placeTogether(edit, together, tracks, known);
		together = [];
	};
	for (const step of steps) {
		if (step.kind === 'place') {
			if (!belongs(step, together, edit)) flush();
			together.push(step);
			continue;
		}
		if (step.kind === 'add-track') {
			tracks.add(step.as, step.of);
			continue;
		}
		flush();
		switch (step.kind) {
			case 'swap':
				swap(edit, step, known);
				break;
			case 'remove':
				edit.remove(standing(edit, step.item).clip);
				break;
			case 'bin':
				throw new PickupError('host-refused', 'A timeline file has no bin to put a clip into', {
					field: 'steps',
				});
			default:
				assertNever(step);
		}
	}
	flush();
	tracks.expectNoneLeft();
}

/** The tracks that an edit adds. A file has no track without a clip: it is made with its first one. */
class NewTracks {
	readonly #known = new Map<string, { readonly of: Track['kind']; name: string | null }>();

	add(as: string, of: Track['kind']): void {
		this.#known.set(as, { of, name: null });
	}

	/** Where the track stands, or will once it is made; `ahead` others are made before it. */
	choose(edit: TimelineEdit, name: string, of: Track['kind'], ahead = 0): TrackChoice {
		const added = this.#known.get(name);
		if (added && added.of !== of) throw wrongKind(name, of);
		if (added && added.name === null) {
			const choice = newTrack(edit.cut, of, ahead);
			added.name = choice.name;
			return choice;
		}
		const track = findTrack(edit.cut, added?.name ?? name);
		if (!track) throw noTrack(edit, name, of);
		if (track.kind !== of) throw wrongKind(name, of);
		return { kind: 'existing', name: track.name, index: track.index };
	}

	expectNoneLeft(): void {
		const left = [...this.#known].find(([, { name }]) => name === null);
		if (!left) return;
		throw new PickupError(
			'host-refused',
			`Expected a clip for the new track ${left[0]}: a timeline file keeps no empty ones`,
			{ field: 'steps' },
		);
	}
}

/** Picture, sound, and in a cut with a track for each channel the sound of the other side. */
function belongs(step: Place, together: readonly Place[], { cut }: TimelineEdit): boolean {
	const alike = together.filter(({ of }) => of === step.of).length;
	const most = step.of === 'audio' && cut.splitStereo ? 2 : 1;
	return together.every(
		({ path, range, enabled }) =>
			path === step.path && sameRange(range, step.range) && enabled === step.enabled,
	)
		? alike < most
		: false;
}

function placeTogether(
	edit: TimelineEdit,
	steps: readonly Place[],
	tracks: NewTracks,
	known: ReadonlyMap<string, Known>,
): void {
	const [first] = steps;
	if (!first) return;
	const { cut } = edit;
	const video = steps.find(({ of }) => of === 'video');
	const [audio, right] = steps.filter(({ of }) => of === 'audio');
	const left = audio ? tracks.choose(edit, audio.track, 'audio') : null;
	const plan: PlacementPlan = {
		range: first.range,
		video: video ? tracks.choose(edit, video.track, 'video') : null,
		audio: left,
		...(left && cut.splitStereo
			? {
					audioRight: right
						? tracks.choose(edit, right.track, 'audio', left.kind === 'new' ? 1 : 0)
						: rightOf(edit, left),
				}
			: {}),
	};
	for (const choice of [plan.video, plan.audio, plan.audioRight]) {
		if (choice?.kind === 'existing') expectFree(edit, choice, first);
	}
	const { sequence } = cut;
	const frames = rangeLength(first.range);
	const media = known.get(first.path);
	const hasSound = audio !== undefined || media?.sound === true;
	edit.place(
		{
			clip: {
				path: first.path,
				frames,
				rate: sequence.rate,
				size: media?.size ?? sequence.size,
				samples: hasSound ? samplesForFrames(frames, sequence.rate) : 0,
				draft: first.draft,
			},
			name: first.name,
			range: first.range,
			track: video?.track ?? first.track,
			where: plan.video?.kind === 'new' ? 'above' : 'gap',
			picture: video !== undefined,
			sound: audio !== undefined,
			enabled: first.enabled,
		},
		plan,
	);
}

/** The track for the right channel beside one for the left. */
function rightOf(edit: TimelineEdit, left: TrackChoice): TrackChoice {
	if (left.kind === 'new') return newTrack(edit.cut, 'audio', 1);
	const name = findTrack(edit.cut, left.name)?.rightChannel;
	const right = name === undefined ? undefined : findTrack(edit.cut, name);
	if (right) return { kind: 'existing', name: right.name, index: right.index };
	throw new PickupError(
		'placement-conflict',
		`Expected a track beside ${left.name} for the right channel, found none`,
		{ field: left.name },
	);
}

function swap(
	edit: TimelineEdit,
	step: Extract<EditStep, { kind: 'swap' }>,
	known: ReadonlyMap<string, Known>,
): void {
	const { clip, track } = standing(edit, step.item);
	const { sequence } = edit.cut;
	const { range } = clip;
	const frames = rangeLength(range);
	const media = known.get(step.path);
	const placement: Placement = {
		clip: {
			path: step.path,
			frames,
			rate: sequence.rate,
			size: media?.size ?? sequence.size,
			samples: media?.sound === false ? 0 : samplesForFrames(frames, sequence.rate),
			draft: step.draft,
		},
		name: step.name,
		range,
		track: track.name,
		where: 'gap',
		picture: track.kind === 'video',
		sound: track.kind === 'audio',
		enabled: clip.enabled,
	};
	edit.swap(clip, placement);
}

/** The clip that an item tells of. Throws `placement-conflict` where it is not there any more. */
function standing(
	{ cut }: TimelineEdit,
	item: Item,
): { readonly clip: ClipSpan; readonly track: Track } {
	const track = findTrack(cut, item.track);
	const clip = track?.clips.find(({ range }) => sameRange(range, item.range));
	if (track && clip?.source.kind === 'file' && clip.source.path === item.path) {
		return { clip, track };
	}
	throw new PickupError(
		'placement-conflict',
		`Expected ${item.path} on ${item.track} ${at(cut.sequence, item.range.start)}, found ${clip ? `"${clip.name}"` : 'nothing that stands just there'}`,
		{ field: item.track },
	);
}

function expectFree(edit: TimelineEdit, { name }: TrackChoice, { range }: Place): void {
	const track = findTrack(edit.cut, name);
	if (track?.locked) {
		throw new PickupError('placement-conflict', `Track ${name} is locked`, {
			field: name,
			action: 'Unlock the track in the editor and save again.',
		});
	}
	const taken = track?.clips.find((clip) => rangesOverlap(clip.range, range));
	if (!taken) return;
	throw new PickupError(
		'placement-conflict',
		`Expected empty time on ${name} ${at(edit.cut.sequence, range.start)}, found "${taken.name}" there`,
		{ field: name },
	);
}

function at({ rate, startFrame, dropFrame }: Sequence, frame: number): string {
	return `at ${formatTimecode(frame + startFrame, rate, dropFrame)}`;
}

function noTrack({ cut }: TimelineEdit, name: string, of: Track['kind']): PickupError {
	const names = cut.tracks.filter(({ kind }) => kind === of).map((track) => track.name);
	return new PickupError(
		'placement-conflict',
		`Expected a ${of} track (${names.join(', ') || 'none'}), got ${name}`,
		{ field: 'track' },
	);
}

function wrongKind(name: string, of: Track['kind']): PickupError {
	return new PickupError('bad-request', `Expected a ${of} track, got ${name}, which is none`, {
		field: 'track',
	});
}

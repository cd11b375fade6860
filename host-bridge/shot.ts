import { PickupError } from '../protocol/errors.ts';
import type { Codec, GenerationRequest } from '../protocol/generation.ts';
import type { Destination } from '../protocol/landings.ts';
import type { Shot } from '../protocol/shots.ts';
import { formatTimecode, rangesOverlap } from '../protocol/time.ts';
import type { ClipSpan, Cut, Track } from '../protocol/timeline.ts';
import { clipAt, contextFor } from './gap.ts';
import { findTrack } from './placement.ts';

/** A take as it is asked for: what to make, and where it is to land. */
export type ComposedTake = {
	/** 0 is the draft. */
	readonly take: number;
	readonly request: GenerationRequest;
	readonly destination: Destination;
};

/** What is not of the cut. */
export type ShotPlace = {
	/** Of the request. */
	readonly id: string;
	readonly program: string;
	readonly project: Destination['project'];
	readonly sequence: Destination['sequence'];
	/** Where the clips go; the daemon sees to it that it is there. */
	readonly folder: string;
	/** What the editor plays; undefined where it plays whatever is usual. */
	readonly codec: Codec | undefined;
	readonly seed: number;
	/** Takes that give way to one another: those of this press, or of the one that it goes on with. */
	readonly shot: string;
};

/** Take 0 is made by the engine that needs no model. */
export const DRAFT = { engine: 'inbetween', take: 0 } as const;

/**
 * What a press asks for, from the cut as it stands.
 * Throws what `contextFor` throws, and `bad-request` where the cut has not what the verb needs.
 */
export function composeTake(cut: Cut, shot: Shot, take: number, place: ShotPlace): ComposedTake {
	const { sequence: settings } = cut;
	const landing = placeOf(cut, shot);
	const { start } = shot.range;
	const timecode = formatTimecode(start + settings.startFrame, settings.rate, settings.dropFrame);
	const label = take === DRAFT.take ? 'draft' : `take ${take}`;
	const isDraft = take === DRAFT.take;
	const shared = {
		id: place.id,
		engine: isDraft ? DRAFT.engine : shot.engine,
		prompt: shot.prompt,
		...(shot.negativePrompt === undefined ? {} : { negativePrompt: shot.negativePrompt }),
		seed: place.seed,
		context: contextFor(cut, landing.track, shot.range, {
			allowOverlap: shot.verb === 'retake' || shot.verb === 'soundtrack' || shot.verb === 'animate',
		}),
		output: {
			folder: place.folder,
			name: `pickup ${landing.track} ${timecode.replaceAll(/[:;]/g, '')} ${label}`,
			codec: place.codec ?? 'h264-intra',
		},
		settings: isDraft ? {} : shot.settings,
		...(shot.loras === undefined || isDraft ? {} : { loras: shot.loras }),
		...(shot.reference === undefined || isDraft ? {} : { reference: shot.reference }),
	};
	return {
		take,
		request: requestOf(cut, shot, shared),
		destination: {
			...(shot.lands === 'bin' ? { bin: true as const } : {}),
			program: place.program,
			project: place.project,
			sequence: place.sequence,
			name: `Pickup ${landing.track} ${timecode} ${label}`,
			leansOn: shared.context.left === null && shared.context.right !== null ? 'end' : 'start',
			replaces: place.shot,
			...landing,
		},
	};
}

type Shared = Pick<
	GenerationRequest,
	'id' | 'engine' | 'prompt' | 'negativePrompt' | 'seed' | 'context' | 'output' | 'settings'
>;

function requestOf(cut: Cut, shot: Shot, shared: Shared): GenerationRequest {
	switch (shot.verb) {
		case 'fill':
			return { kind: 'fill', ...shared };
		case 'extend':
			return { kind: 'extend', side: shot.side ?? 'tail', ...shared };
		case 'insert':
			return { kind: 'insert', images: shot.images ?? [], ...shared };
		case 'retake':
			return {
				kind: 'retake',
				clip: clipOf(cut, shot),
				replace: shot.replace ?? 'both',
				strength: 1,
				...shared,
			};
		case 'soundtrack':
			return { kind: 'soundtrack', clip: clipOf(cut, shot), ...shared };
		case 'animate':
			return {
				kind: 'animate',
				clip: clipOf(cut, shot),
				...(shot.firstFrame === undefined ? {} : { firstFrame: shot.firstFrame }),
				...shared,
			};
	}
}

/**
 * Where what is pressed belongs: over a clip its new take goes above it; sound goes on an audio track;
 * the rest fills empty time.
 */
export function placeOf(cut: Cut, shot: Shot): ShotDestination {
	const place = wholePlaceOf(cut, shot);
	return shot.lands === 'picture' && place.picture ? { ...place, sound: false } : place;
}

type ShotDestination = Pick<Destination, 'track' | 'range' | 'where' | 'picture' | 'sound'>;

function wholePlaceOf(cut: Cut, shot: Shot): ShotDestination {
	const { verb, track, range, replace = 'both' } = shot;
	if (verb === 'retake') {
		const [picture, sound] = [replace !== 'sound', replace !== 'picture'];
		return { track, range, where: 'above', picture, sound };
	}
	if (verb === 'soundtrack') return { track, range, where: 'above', picture: false, sound: true };
	if (verb !== 'animate') return { track, range, where: 'gap', picture: true, sound: true };
	const top = topTrack(cut);
	const isTaken = [...top.clips, ...top.transitions].some(({ range }) =>
		rangesOverlap(range, shot.range),
	);
	const where = isTaken || top.locked ? 'above' : 'gap';
	return { track: top.name, range, where, picture: true, sound: false };
}

function topTrack(cut: Cut): Track {
	const top = cut.tracks.findLast(({ kind }) => kind === 'video');
	if (top) return top;
	throw new PickupError('bad-request', 'Expected a video track in the sequence, found none', {
		field: 'shot.track',
		action: 'Add an empty video track in the editor.',
	});
}

function clipOf(cut: Cut, { track, range }: Shot): ClipSpan {
	const clip = clipAt(cut, track, range.start);
	if (clip && range.end <= clip.range.end) return clip;
	const names = cut.tracks.map(({ name }) => name).join(', ');
	throw new PickupError(
		'bad-request',
		findTrack(cut, track)
			? `Expected one clip of ${track} under frames ${range.start}–${range.end}, found ${clip?.name ?? 'none'}`
			: `Expected a track of the cut (${names}), got ${track}`,
		{ field: 'shot.range', action: 'The cut has changed there: choose the clip again.' },
	);
}

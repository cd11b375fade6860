import type { ClipSpan, Track } from '../../../protocol/timeline.ts';
import { attribute } from '../xml.ts';
import { PANNED_TO } from './filters.ts';
import type { TrackReading } from './reading.ts';

/**
 * Says of sound clips on which side their channel is heard. Two clips that differ in their channel
 * alone, on the two tracks of a pair, are left and right; on a track of a 5.1 the track tells; any
 * other channel is a microphone in the middle.
 */
export function withSides(tracks: readonly TrackReading[]): readonly TrackReading[] {
	const places = tracks.map(({ track }) => new Set(track.clips.map(placeOf)));
	return tracks.map((reading, index) => {
		const { track } = reading;
		const right = tracks.findIndex((other) => other.track.name === track.rightChannel);
		const left = tracks.findIndex((other) => other.track.rightChannel === track.name);
		const surround = SURROUND[fiveOne(reading) ?? -1];
		const sideOf = (clip: ClipSpan): Side => {
			if (surround) return surround;
			const place = placeOf(clip);
			// A track can be the right of the one before it and the left of the one after it.
			if (left >= 0 && places[left]?.has(place) && !isRightOf(left, place)) return 'right';
			return right >= 0 && places[right]?.has(place) ? 'left' : 'middle';
		};
		const isRightOf = (at: number, place: string): boolean => {
			const before = tracks.findIndex((o) => o.track.rightChannel === tracks[at]?.track.name);
			return (
				before >= 0 && before < index && !!places[before]?.has(place) && !isRightOf(before, place)
			);
		};
		const clips = track.clips.map((clip) => onSide(clip, sideOf(clip)));
		return { ...reading, track: { ...track, clips } satisfies Track };
	});
}

type Side = 'left' | 'right' | 'middle';

/** Left, right, centre, low frequencies, left and right surround. */
const SURROUND: readonly Side[] = ['left', 'right', 'middle', 'middle', 'left', 'right'];

function fiveOne({ element }: TrackReading): number | undefined {
	if (attribute(element, 'totalExplodedTrackCount') !== '6') return undefined;
	return Number(attribute(element, 'currentExplodedTrackIndex'));
}

function onSide(clip: ClipSpan, side: Side): ClipSpan {
	const channels = clip.sound?.channels;
	if (!channels || side === 'middle') return clip;
	const heard = side === 'left' ? { ...channels, right: [] } : { ...channels, left: [] };
	const { effects: said = [], ...rest } = clip;
	const effects = said.filter((effect) => effect !== PANNED_TO[side]);
	const sound = { ...clip.sound, channels: heard };
	return { ...rest, sound, ...(effects.length > 0 ? { effects } : {}) };
}

function placeOf({ source, range, sourceIn, speed, sound }: ClipSpan): string {
	const has = sound?.channels !== undefined;
	return JSON.stringify([has, source, range, sourceIn, speed]);
}

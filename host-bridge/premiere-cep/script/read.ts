import { told } from '../../extendscript/told.ts';
import { silence } from './exports.ts';
import type {
	RawClip,
	RawHead,
	RawSequence,
	RawShows,
	RawSpan,
	RawState,
	RawTrack,
} from './raw.ts';

export function rawState(): RawState {
	const project = app.project as Project | undefined;
	if (!project) return { project: null, sequence: null, silence: silence() };
	const { documentID, name, path } = project;
	const sequence = project.activeSequence as Sequence | undefined;
	return {
		project: { id: documentID, name, path },
		sequence: sequence ? headOf(sequence) : null,
		silence: silence(),
	};
}

export function rawSequence(id: string): RawSequence | null {
	const sequence = sequenceOf(id);
	if (sequence === null) return null;
	const settings = sequence.getSettings() as SequenceSettings | undefined;
	const sample = settings ? (settings.audioSampleRate as Time | undefined) : undefined;
	return {
		name: sequence.name,
		ticksPerFrame: sequence.timebase,
		zeroPoint: String(sequence.zeroPoint),
		width: sequence.frameSizeHorizontal,
		height: sequence.frameSizeVertical,
		pixelAspect: settings ? String(settings.videoPixelAspectRatio) : '',
		displayFormat: sequence.videoDisplayFormat,
		sample: sample ? sample.ticks : null,
		tracks: tracksOf(sequence.videoTracks, 'video').concat(tracksOf(sequence.audioTracks, 'audio')),
		signature: standingIn(sequence).join('\n'),
	};
}

export function sequenceOf(id: string): Sequence | null {
	const { sequences } = app.project;
	for (let at = 0; at < sequences.numSequences; at += 1) {
		const sequence = sequences[at] as Sequence;
		if (sequence.sequenceID === id) return sequence;
	}
	return null;
}

/** A line for each clip: where it stands and what it shows. */
export function standingIn(sequence: Sequence): string[] {
	const lines: string[] = [];
	eachClip(sequence, (clip, kind, track) => {
		const at = told(() => `${clip.start.ticks} ${clip.end.ticks}`) || '? ?';
		const from = told(() => clip.inPoint.ticks);
		const item = told(() => clip.projectItem as ProjectItem | undefined);
		const of = item ? item.nodeId : '';
		lines.push(`${kind} ${track} ${at} ${from} ${of} ${told(() => clip.name)}`);
	});
	return lines;
}

/** All clips, track by track. */
export function eachClip(
	sequence: Sequence,
	look: (clip: TrackItem, kind: 'video' | 'audio', track: number) => void,
): void {
	const kinds = [sequence.videoTracks, sequence.audioTracks];
	for (let of = 0; of < 2; of += 1) {
		const tracks = kinds[of] as TrackCollection;
		for (let track = 0; track < tracks.numTracks; track += 1) {
			const { clips } = tracks[track] as Track;
			for (let at = 0; at < clips.numItems; at += 1) {
				look(clips[at] as TrackItem, of === 0 ? 'video' : 'audio', track);
			}
		}
	}
}

function headOf(sequence: Sequence): RawHead {
	const selected: RawSpan[] = [];
	// Where nothing is selected it is no list in some versions.
	const items = (sequence.getSelection() as TrackItem[] | undefined) || [];
	for (let at = 0; at < items.length; at += 1) {
		const span = told(() => spanOf(items[at] as TrackItem));
		if (span !== null) selected.push(span);
	}
	return {
		id: sequence.sequenceID,
		name: sequence.name,
		ticksPerFrame: sequence.timebase,
		playhead: sequence.getPlayerPosition().ticks,
		selected,
		marks: {
			start: sequence.getInPointAsTime().ticks,
			end: sequence.getOutPointAsTime().ticks,
		},
	};
}

function tracksOf(tracks: TrackCollection, kind: RawTrack['kind']): RawTrack[] {
	const raw: RawTrack[] = [];
	for (let at = 0; at < tracks.numTracks; at += 1) {
		const track = tracks[at] as Track;
		const clips: RawClip[] = [];
		const transitions: RawTrack['transitions'] = [];
		const unplaced: RawTrack['unplaced'] = [];
		for (let index = 0; index < track.transitions.numItems; index += 1) {
			const fade = track.transitions[index] as TrackItem;
			const span = told(() => spanOf(fade));
			if (span === null) unplaced.push('transition');
			else
				transitions.push({ name: String(told(() => fade.name)), start: span.start, end: span.end });
		}
		for (let index = 0; index < track.clips.numItems; index += 1) {
			const clip = track.clips[index] as TrackItem;
			const span = told(() => spanOf(clip));
			if (span === null) unplaced.push('item');
			else {
				const shows = told(() => shownBy(clip));
				clips.push({ id: told(() => clip.nodeId) || '', start: span.start, end: span.end, shows });
			}
		}
		raw.push({
			kind,
			muted: track.isMuted(),
			locked: typeof track.isLocked === 'function' && track.isLocked() === true,
			clips,
			transitions,
			unplaced,
		});
	}
	return raw;
}

function shownBy(clip: TrackItem): RawShows {
	const raw: RawShows = {
		name: clip.name,
		in: clip.inPoint.ticks,
		out: clip.outPoint.ticks,
		speed: clip.getSpeed(),
		reversed: clip.isSpeedReversed() === 1,
		disabled: clip.disabled === true,
		synthetic: null,
		path: '',
		offline: false,
		effects: told(() => effectsOf(clip)),
	};
	const item = clip.projectItem as ProjectItem | undefined;
	if (clip.isAdjustmentLayer()) raw.synthetic = 'adjustment layer';
	else if (!item) raw.synthetic = 'title or generator';
	else if (item.isSequence() && !isMulticam(item) && !item.isMergedClip()) {
		raw.synthetic = 'nested sequence';
	} else if (isMulticam(item)) raw.synthetic = 'multicamera clip';
	else if (item.isMergedClip()) raw.synthetic = 'merged clip';
	if (!item || raw.synthetic !== null) return raw;
	raw.path = item.getMediaPath() || '';
	raw.offline = typeof item.isOffline === 'function' && item.isOffline();
	if (raw.path === '' && !raw.offline) raw.synthetic = 'title or generator';
	return raw;
}

/** The manual and the typings write it in two ways. */
function isMulticam(item: ProjectItem): boolean {
	if (typeof item.isMulticamClip === 'function') return item.isMulticamClip();
	return typeof item.isMultiCamClip === 'function' && item.isMultiCamClip();
}

function effectsOf(clip: TrackItem): RawShows['effects'] {
	const components = clip.components as ComponentCollection;
	const effects: { matchName: string; displayName: string }[] = [];
	for (let at = 0; at < components.numItems; at += 1) {
		const { matchName, displayName } = components[at] as Component;
		effects.push({ matchName, displayName });
	}
	return effects;
}

function spanOf({ start, end }: TrackItem): RawSpan {
	return { start: start.ticks, end: end.ticks };
}

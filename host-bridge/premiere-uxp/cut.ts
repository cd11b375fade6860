import type { AudioTrack, VideoTrack } from '@adobe/premierepro';
import type { Rational } from '../../protocol/time.ts';
import type { Cut, Track } from '../../protocol/timeline.ts';
import { pixelAspectOf } from '../premiere/pixel-aspect.ts';
import {
	isDropFrame,
	notesOf,
	type ReadCut as ReadCutOf,
	type ReadTrack as ReadTrackOf,
	type Shown,
	type Stretch,
	trackOf,
	type Unplaced,
} from '../premiere/read.ts';
import { frameOf, rateOf } from '../premiere/ticks.ts';
import { readClip, type TrackItem } from './clip.ts';
import type { Open } from './open.ts';
import type { Premiere } from './surroundings.ts';
import { stretchOf, ticksOf } from './time.ts';

export type ReadCut = ReadCutOf<TrackItem>;
type ReadTrack = ReadTrackOf<TrackItem>;

/**
 * A sequence as it stands. Premiere's scripting does not say which tracks are locked, how many
 * channels a track takes, or at which level a sound plays.
 */
export async function readCut(ppro: Premiere, open: Open): Promise<ReadCut> {
	const { sequence } = open;
	const tracks: ReadTrack[] = [];
	const videos = await sequence.getVideoTrackCount();
	for (let index = 0; index < videos; index++) {
		tracks.push(await readTrack(ppro, open, 'video', index, await sequence.getVideoTrack(index)));
	}
	const audios = await sequence.getAudioTrackCount();
	for (let index = 0; index < audios; index++) {
		tracks.push(await readTrack(ppro, open, 'audio', index, await sequence.getAudioTrack(index)));
	}
	const { aspect, note } = pixelAspectOf(
		await (await sequence.getSettings()).getVideoPixelAspectRatio(),
	);
	const cut: Cut = {
		sequence: await readSequence(ppro, open, aspect),
		tracks: tracks.map(({ track }) => track),
		...notesOf(note, tracks),
	};
	return { cut, tracks };
}

async function readSequence(
	ppro: Premiere,
	{ sequence, ticksPerFrame }: Open,
	pixelAspect: Rational,
): Promise<Cut['sequence']> {
	const rate = rateOf(ticksPerFrame);
	const { width, height } = await sequence.getFrameSize();
	const settings = await sequence.getSettings();
	const { type } = await settings.getVideoDisplayFormat();
	const sampled = await settings.getAudioSampleRate();
	return {
		name: sequence.name.slice(0, 500),
		rate,
		size: { width, height },
		pixelAspect,
		duration: frameOf(ticksOf(await sequence.getEndTime()), ticksPerFrame),
		startFrame: frameOf(ticksOf(await sequence.getZeroPoint()), ticksPerFrame),
		dropFrame:
			isDropFrame(type, rate) ||
			(isDropFrame(102, rate) && type === ppro.SequenceSettings.VIDEO_DISPLAY_FORMAT_2997),
		// It is typed as a rate: so many samples a second, each of so many ticks.
		sampleRate: Math.round(sampled.value),
	};
}

async function readTrack(
	ppro: Premiere,
	{ ticksPerFrame }: Open,
	kind: Track['kind'],
	index: number,
	handle: VideoTrack | AudioTrack,
): Promise<ReadTrack> {
	const { CLIP, TRANSITION } = ppro.Constants.TrackItemType;
	const unplaced: Unplaced[] = [];
	const fades: (Stretch & { name: string })[] = [];
	for (const item of handle.getTrackItems(TRANSITION, false)) {
		const at = await stretchOf(item);
		if (at) fades.push({ name: await nameOf(item), ...at });
		else unplaced.push('transition');
	}
	const clips: (Stretch & { item: TrackItem; shown: Shown })[] = [];
	for (const item of handle.getTrackItems(CLIP, false)) {
		const at = await stretchOf(item);
		if (!at) {
			unplaced.push('item');
			continue;
		}
		const duration = at.end - at.start;
		const shown = await readClip(ppro, kind, item, { duration, ticksPerFrame });
		clips.push({ item, ...at, shown });
	}
	const enabled = !(await handle.isMuted());
	return trackOf({ kind, index, enabled, locked: false }, ticksPerFrame, clips, fades, unplaced);
}

async function nameOf(item: TrackItem): Promise<string> {
	try {
		return await item.getName();
	} catch {
		return 'Transition';
	}
}

import type { AudioTrack, VideoTrack } from '@adobe/premierepro';
import { canDropFrames, type FrameRange, type Rational } from '../../protocol/time.ts';
import type { ClipSpan, Cut, Track } from '../../protocol/timeline.ts';
import { readClip, type TrackItem } from './clip.ts';
import type { Open } from './open.ts';
import { pixelAspectOf } from './pixel-aspect.ts';
import type { Premiere } from './surroundings.ts';
import { frameOf, framesTouched, rateOf, ticksOf } from './time.ts';

/** A track as it was read, with Premiere's own handles on its clips. */
export type ReadTrack = {
	readonly track: Track;
	readonly items: readonly { readonly item: TrackItem; readonly span: ClipSpan }[];
};

export type ReadCut = { readonly cut: Cut; readonly tracks: readonly ReadTrack[] };

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
		...(note === null ? {} : { notes: [note] }),
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
		dropFrame: canDropFrames(rate) && dropFormats(ppro).includes(type),
		// It is typed as a rate: so many samples a second, each of so many ticks.
		sampleRate: Math.round(sampled.value),
	};
}

/** Display formats that drop frame numbers: of 29.97, and of 59.94 by its number in the manual. */
function dropFormats({ SequenceSettings }: Premiere): readonly number[] {
	return [SequenceSettings.VIDEO_DISPLAY_FORMAT_2997, 102, 106];
}

async function readTrack(
	ppro: Premiere,
	{ ticksPerFrame }: Open,
	kind: Track['kind'],
	index: number,
	handle: VideoTrack | AudioTrack,
): Promise<ReadTrack> {
	const name = `${kind === 'video' ? 'V' : 'A'}${index + 1}`;
	const { CLIP, TRANSITION } = ppro.Constants.TrackItemType;
	const items: { item: TrackItem; span: ClipSpan }[] = [];
	const taken: FrameRange[] = [];
	for (const item of handle.getTrackItems(CLIP, false)) {
		const start = ticksOf(await item.getStartTime());
		const end = ticksOf(await item.getEndTime());
		const range = { start: frameOf(start, ticksPerFrame), end: frameOf(end, ticksPerFrame) };
		const touched = framesTouched(start, end, ticksPerFrame);
		if (touched.start < range.start || touched.end > range.end) taken.push(touched);
		if (range.end <= range.start) continue;
		const shown = await readClip(ppro, kind, item, { duration: end - start, ticksPerFrame });
		items.push({ item, span: { track: name, range, ...shown } });
	}
	const transitions: { name: string; range: FrameRange }[] = [];
	for (const item of handle.getTrackItems(TRANSITION, false)) {
		const start = ticksOf(await item.getStartTime());
		const end = ticksOf(await item.getEndTime());
		const range = framesTouched(start, end, ticksPerFrame);
		if (range.end > range.start) {
			transitions.push({ name: (await item.getName()).slice(0, 500), range });
		}
	}
	const track: Track = {
		kind,
		index,
		name,
		enabled: !(await handle.isMuted()),
		locked: false,
		clips: items.map(({ span }) => span),
		transitions,
		...(taken.length > 0 ? { taken } : {}),
	};
	return { track, items };
}

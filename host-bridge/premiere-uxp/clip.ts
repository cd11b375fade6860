import type {
	AudioClipTrackItem,
	ClipProjectItem,
	ProjectItem,
	VideoClipTrackItem,
} from '@adobe/premierepro';
import type { MediaSource, Track } from '../../protocol/timeline.ts';
import { CURVED, effectNames, type Shown, STILL, timingOf, UNTOLD } from '../premiere/read.ts';
import type { Premiere } from './surroundings.ts';
import { ticksOf } from './time.ts';

export type TrackItem = VideoClipTrackItem | AudioClipTrackItem;

type Span = { readonly duration: bigint; readonly ticksPerFrame: bigint };

/** What a clip shows: a file from a moment on, or that no one file does. */
export async function readClip(
	ppro: Premiere,
	kind: Track['kind'],
	item: TrackItem,
	span: Span,
): Promise<Shown> {
	return read(ppro, kind, item, span).catch(() => UNTOLD);
}

async function read(
	ppro: Premiere,
	kind: Track['kind'],
	item: TrackItem,
	{ duration, ticksPerFrame }: Span,
): Promise<Shown> {
	const own = {
		name: (await item.getName()).slice(0, 500),
		enabled: !(await item.isDisabled()),
	};
	const effects = effectNames(await effectsOf(item).catch(() => null));
	const more = effects.length > 0 ? { effects } : {};
	const source = await sourceOf(ppro, item);
	if (source.kind === 'synthetic') return { ...own, source, ...STILL, ...more };
	const played = timingOf({
		kind,
		duration,
		ticksPerFrame,
		from: ticksOf(await item.getInPoint()),
		to: ticksOf(await item.getOutPoint()),
		speed: await item.getSpeed(),
		isReversed: Boolean(await item.isSpeedReversed()),
	});
	return played ? { ...own, source, ...played, ...more } : { ...own, ...CURVED, ...more };
}

async function sourceOf(ppro: Premiere, item: TrackItem): Promise<MediaSource> {
	const synthetic = (what: string): MediaSource => ({ kind: 'synthetic', what });
	if (await item.isAdjustmentLayer()) return synthetic('adjustment layer');
	const clip = clipItem(ppro, await item.getProjectItem());
	if (!clip) return synthetic('title or generator');
	if (await clip.isSequence()) return synthetic('nested sequence');
	if (await clip.isMulticamClip()) return synthetic('multicamera clip');
	if (await clip.isMergedClip()) return synthetic('merged clip');
	const path = await clip.getMediaFilePath();
	if (await clip.isOffline()) {
		return {
			kind: 'offline',
			path: (path ?? '').slice(0, 4096),
			reason: 'Premiere has it offline',
		};
	}
	return path ? { kind: 'file', path } : synthetic('title or generator');
}

/** Null where it is no clip of a project. */
function clipItem(ppro: Premiere, item: ProjectItem | null): ClipProjectItem | null {
	try {
		return item && ppro.ClipProjectItem.cast(item);
	} catch {
		return null;
	}
}

async function effectsOf(item: TrackItem) {
	const chain = await item.getComponentChain();
	const all: { matchName: string; displayName: string }[] = [];
	for (let index = 0; index < chain.getComponentCount(); index++) {
		const component = chain.getComponentAtIndex(index);
		all.push({
			matchName: await component.getMatchName(),
			displayName: await component.getDisplayName(),
		});
	}
	return all;
}

import type {
	AudioClipTrackItem,
	ClipProjectItem,
	ProjectItem,
	VideoClipTrackItem,
} from '@adobe/premierepro';
import { type Rational, rational, TICKS_PER_SECOND } from '../../protocol/time.ts';
import type { ClipSpan, MediaSource, Track } from '../../protocol/timeline.ts';
import type { Premiere } from './surroundings.ts';
import { secondsOf, ticksOf } from './time.ts';

export type TrackItem = VideoClipTrackItem | AudioClipTrackItem;

type Shown = Omit<ClipSpan, 'track' | 'range'>;

/** What every clip has; by the name that is the same in every language. */
const INTRINSIC =
	/^(AE\.ADBE (Motion|Opacity)|Internal (Channel )?Volume.*|AE\.ADBE Time Remapping)$/;

/** What a clip shows: a file from a moment on, or that no one file does. */
export async function readClip(
	ppro: Premiere,
	kind: Track['kind'],
	item: TrackItem,
	{ duration, ticksPerFrame }: { readonly duration: bigint; readonly ticksPerFrame: bigint },
): Promise<Shown> {
	const own = {
		name: (await item.getName()).slice(0, 500),
		enabled: !(await item.isDisabled()),
	};
	const effects = await effectsOf(item);
	const more = effects.length > 0 ? { effects } : {};
	const still = { sourceIn: { num: 0, den: 1 }, speed: { num: 1, den: 1 } };
	const source = await sourceOf(ppro, item);
	if (source.kind === 'synthetic') return { ...own, source, ...still, ...more };
	const played = await timingOf(kind, item, duration, ticksPerFrame);
	if (played) return { ...own, source, ...played, ...more };
	return {
		...own,
		source: { kind: 'synthetic', what: 'clip of a varying speed' },
		...still,
		...more,
	};
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

/** From which moment it plays and how fast; null where its points and its speed do not fit together. */
async function timingOf(
	kind: Track['kind'],
	item: TrackItem,
	duration: bigint,
	ticksPerFrame: bigint,
) {
	const from = ticksOf(await item.getInPoint());
	const to = ticksOf(await item.getOutPoint());
	const speed = exact(await item.getSpeed());
	if (speed.num === 0) return null;
	const isReversed = Boolean(await item.isSpeedReversed());
	// In and out point are of the source: at twice the speed there is twice as much between them.
	const played = (BigInt(speed.num) * duration) / BigInt(speed.den);
	const difference = to - from - played;
	const tolerance = TICKS_PER_SECOND / 20n;
	if (speed.num !== speed.den && (difference > tolerance || difference < -tolerance)) return null;
	if (!isReversed) return { sourceIn: secondsOf(from), speed };
	// The frame that shows first is the one before the out point: a time in the middle of it.
	const last = kind === 'video' ? to - ticksPerFrame / 2n : to;
	return { sourceIn: secondsOf(last), speed: { num: -speed.num, den: speed.den } };
}

/** A speed as a person types it: to a hundredth of a per cent. */
function exact(speed: number): Rational {
	return rational(Math.round(Math.abs(speed) * 10_000), 10_000);
}

async function effectsOf(item: TrackItem): Promise<readonly string[]> {
	const chain = await item.getComponentChain();
	const found: string[] = [];
	for (let index = 0; index < chain.getComponentCount(); index++) {
		const component = chain.getComponentAtIndex(index);
		if (INTRINSIC.test(await component.getMatchName())) continue;
		found.push((await component.getDisplayName()).slice(0, 500));
	}
	return found.slice(0, 64);
}

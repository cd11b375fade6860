import { toNumber } from '../../protocol/time.ts';
import type { Media } from './probe.ts';

/** How far before the wanted time decoding starts, tried in turn; the last is the whole file. */
export const LOOKBACKS = [0.4, 1.5, 8, 40, Number.POSITIVE_INFINITY] as const;

/**
 * Goes to the last key frame at or before a time of the container's clock; nothing where that is
 * at the start anyhow. Frames before the time are decoded and not dropped: whoever reads them
 * chooses by their times.
 */
export function seekArguments(media: Media, seconds: number): readonly string[] {
	const starts = [media.video?.start, media.audio?.start].flatMap((s) => (s ? [toNumber(s)] : []));
	const target = Math.min(seconds, (media.end ?? seconds) - 0.5);
	if (media.still || target <= Math.max(...starts) + 0.5) return [];
	return ['-noaccurate_seek', '-seek_timestamp', '1', '-ss', target.toFixed(6)];
}

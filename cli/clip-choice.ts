import type { Command } from 'commander';
import { clipAt } from '../host-bridge/gap.ts';
import { findTrack } from '../host-bridge/placement.ts';
import { PickupError } from '../protocol/errors.ts';
import { type FrameRange, formatTimecode, parseTimecode } from '../protocol/time.ts';
import type { ClipSpan, Cut, Track } from '../protocol/timeline.ts';

/** Which clip of the cut, and which of its frames. */
export type ClipOptions = { readonly clip: string; readonly from?: string; readonly to?: string };

export type ChosenClip = {
	readonly clip: ClipSpan;
	readonly track: Track;
	readonly range: FrameRange;
};

/** Adds the options that name a clip, and a range in it; `example` is one, as V1@01:00:05:12. */
export function addClipOptions(command: Command, example: string): Command {
	return command
		.requiredOption('--clip <where>', `track and a timecode inside the clip, as ${example}`)
		.option('--from <timecode>', 'its first frame that counts; default: the first of the clip')
		.option('--to <timecode>', 'the frame after the last; default: the end of the clip');
}

/** Throws `usage` where no such clip is, `bad-request` or `too-short` for a range that is not in it. */
export function chooseClip(
	cut: Cut,
	options: ClipOptions,
	kinds: readonly Track['kind'][],
): ChosenClip {
	const { clip, track } = findClip(cut, options.clip, kinds);
	return { clip, track, range: rangeWithin(cut, clip, options) };
}

function findClip(cut: Cut, where: string, kinds: readonly Track['kind'][]) {
	const [, name, text] = /^([^@]+)@(.+)$/.exec(where) ?? [];
	if (name === undefined || text === undefined) {
		throw new PickupError('usage', `Expected --clip as V1@01:00:05:12, got "${where}"`);
	}
	const track = findTrack(cut, name);
	if (!track || !kinds.includes(track.kind)) {
		const names = cut.tracks.filter(({ kind }) => kinds.includes(kind)).map((each) => each.name);
		throw new PickupError('usage', `Expected one of ${names.join(', ')}, got ${name}`);
	}
	const clip = clipAt(cut, name, frameOf(cut, text));
	if (clip) return { clip, track };
	throw new PickupError('usage', `There is no clip on ${name} at ${text}`);
}

function rangeWithin(cut: Cut, clip: ClipSpan, options: ClipOptions): FrameRange {
	const start = options.from === undefined ? clip.range.start : frameOf(cut, options.from);
	const end = options.to === undefined ? clip.range.end : frameOf(cut, options.to);
	const { rate, startFrame, dropFrame } = cut.sequence;
	const at = (frame: number) => formatTimecode(frame + startFrame, rate, dropFrame);
	if (start < clip.range.start || end > clip.range.end) {
		throw new PickupError(
			'bad-request',
			`Expected a range inside ${at(clip.range.start)}–${at(clip.range.end)}, got ${at(start)}–${at(end)}`,
		);
	}
	if (end <= start) {
		throw new PickupError('too-short', `Expected --to after --from, got ${at(start)}–${at(end)}`);
	}
	return { start, end };
}

function frameOf(cut: Cut, text: string): number {
	const { rate, startFrame, dropFrame } = cut.sequence;
	try {
		return parseTimecode(text, rate, dropFrame) - startFrame;
	} catch (cause) {
		throw new PickupError('usage', (cause as Error).message, { cause });
	}
}

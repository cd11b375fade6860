import { type Command, Option } from 'commander';
import { clipAt, contextFor } from '../../host-bridge/gap.ts';
import type { Cut } from '../../host-bridge/host.ts';
import { findTrack } from '../../host-bridge/placement.ts';
import { PickupError } from '../../protocol/errors.ts';
import { type FrameRange, formatTimecode, parseTimecode } from '../../protocol/time.ts';
import type { ClipSpan } from '../../protocol/timeline.ts';
import { EXIT } from '../exit-codes.ts';
import { makeShot, type ShotOptions } from '../shot.ts';
import { addShotOptions } from '../shot-options.ts';
import { openTerminal } from '../terminal.ts';

type RetakeOptions = ShotOptions & {
	clip: string;
	from?: string;
	to?: string;
	replace: 'picture' | 'sound' | 'both';
	strength: number;
};

export function addRetake(program: Command, exit: (code: number) => void): void {
	addShotOptions(program.command('retake'))
		.description('make a range of a clip again; the new take goes on a track above')
		.requiredOption('--clip <where>', 'track and a timecode inside the clip, as V1@01:00:05:12')
		.option('--from <timecode>', 'first frame to make again; default: the first of the clip')
		.option('--to <timecode>', 'frame after the last; default: the end of the clip')
		.addOption(
			new Option('--replace <what>', 'what to make again')
				.choices(['picture', 'sound', 'both'])
				.default('both'),
		)
		.option('--strength <number>', '0 keeps the clip, 1 makes it anew', Number, 1)
		.addHelpText(
			'after',
			`
Example:
  pickup retake cut.xml --clip V1@01:00:05:12 --from 01:00:05:00 --to 01:00:06:00 --replace picture`,
		)
		.action(async (timeline: string, options: RetakeOptions) => {
			const terminal = openTerminal(options.json === true);
			const code = await makeShot(timeline, options, terminal, async (host) => {
				const cut = await host.cut();
				const { clip, track } = findClip(cut, options.clip);
				const range = rangeWithin(cut, clip, options);
				return {
					range,
					context: contextFor(cut, track, range, { allowOverlap: true }),
					where: 'above',
					picture: options.replace !== 'sound',
					sound: options.replace !== 'picture',
					compose: (shared) => ({
						kind: 'retake',
						clip,
						replace: options.replace,
						strength: options.strength,
						...shared,
					}),
				};
			});
			if (code === EXIT.ok && options.replace !== 'picture') {
				terminal.note('The clip below is untouched, so its own sound plays on: mute it there.');
			}
			exit(code);
		});
}

function findClip(cut: Cut, where: string): { clip: ClipSpan; track: string } {
	const match = /^(V\d+)@(.+)$/.exec(where);
	const [, track, text] = match ?? [];
	if (track === undefined || text === undefined) {
		throw new PickupError('usage', `Expected --clip as V1@01:00:05:12, got "${where}"`);
	}
	if (!findTrack(cut, track)) {
		const names = cut.tracks.filter((each) => each.kind === 'video').map((each) => each.name);
		throw new PickupError('usage', `Expected one of ${names.join(', ')}, got ${track}`);
	}
	const clip = clipAt(cut, track, frameOf(cut, text));
	if (clip) return { clip, track };
	throw new PickupError('usage', `There is no clip on ${track} at ${text}`);
}

function rangeWithin(cut: Cut, clip: ClipSpan, options: RetakeOptions): FrameRange {
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

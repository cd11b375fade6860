import { resolve } from 'node:path';
import type { Command } from 'commander';
import { contextFor } from '../../host-bridge/gap.ts';
import type { Placement } from '../../host-bridge/host.ts';
import { PickupError } from '../../protocol/errors.ts';
import { type FrameRange, rangesOverlap } from '../../protocol/time.ts';
import type { Cut } from '../../protocol/timeline.ts';
import { addClipOptions, type ClipOptions, chooseClip } from '../clip-choice.ts';
import { makeShot, type ShotOptions } from '../shot.ts';
import { addShotOptions } from '../shot-options.ts';
import { openTerminal } from '../terminal.ts';

type AnimateOptions = ShotOptions & ClipOptions & { firstFrame?: string };

export function addAnimate(program: Command, exit: (code: number) => void): void {
	addClipOptions(addShotOptions(program.command('animate')), 'A1@01:00:05:12')
		.description('make a picture for a clip’s sound; it goes on the top video track, or above it')
		.option('--first-frame <still>', 'the picture that it begins with')
		.addHelpText(
			'after',
			`
Example:
  pickup animate cut.xml --clip A1@01:00:05:12 --prompt "a woman at a window, talking"`,
		)
		.action(async (timeline: string, options: AnimateOptions) => {
			const terminal = openTerminal(options.json === true);
			const still = options.firstFrame;
			const first = still === undefined ? {} : { firstFrame: resolve(still) };
			const code = await makeShot(timeline, options, terminal, async (host) => {
				const cut = await host.cut();
				const { clip, range } = chooseClip(cut, options, ['audio', 'video']);
				const { track, where } = placeFor(cut, range);
				return {
					range,
					clip,
					where,
					picture: true,
					sound: false,
					context: contextFor(cut, track, range, { allowOverlap: true }),
					compose: (shared) => ({ kind: 'animate', clip, ...first, ...shared }),
				};
			});
			exit(code);
		});
}

/** Empty time of the top video track, so that nothing covers the picture, else a track above it. */
function placeFor(cut: Cut, range: FrameRange): Pick<Placement, 'track' | 'where'> {
	const top = cut.tracks.filter(({ kind }) => kind === 'video').at(-1);
	if (!top) {
		throw new PickupError('timeline-unsupported', 'Expected a video track in the timeline', {
			action: 'Add an empty video track in the editor and export again.',
		});
	}
	const isTaken = [...top.clips, ...top.transitions].some((item) =>
		rangesOverlap(item.range, range),
	);
	return { track: top.name, where: isTaken || top.locked ? 'above' : 'gap' };
}

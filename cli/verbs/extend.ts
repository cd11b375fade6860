import type { Command } from 'commander';
import { selectGap } from '../../host-bridge/gap.ts';
import type { Gap } from '../../host-bridge/host.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { FrameRange, FrameRate } from '../../protocol/time.ts';
import { parseLength } from '../lengths.ts';
import { makeShot, type ShotOptions, shotInGap } from '../shot.ts';
import { addShotOptions } from '../shot-options.ts';
import { openTerminal } from '../terminal.ts';

type ExtendOptions = ShotOptions & { gap: string; side?: 'head' | 'tail'; length?: string };

export function addExtend(program: Command, exit: (code: number) => void): void {
	addShotOptions(program.command('extend'))
		.description('continue the clip before empty time, or lead into the one after it')
		.requiredOption('--gap <gap>', 'row number, or track and timecode as V1@01:00:05:12')
		.option('--side <side>', 'tail continues the clip on the left, head leads into the right one')
		.option('--length <length>', '48, 2s or 00:00:02:00; default: the whole gap')
		.addHelpText(
			'after',
			`
Examples:
  pickup extend cut.xml --gap 3 --length 2s
  pickup extend cut.otio --gap V1@01:00:00:00 --side head --length 24`,
		)
		.action(async (timeline: string, options: ExtendOptions) => {
			const terminal = openTerminal(options.json === true);
			const code = await makeShot(timeline, options, terminal, async (host) => {
				const cut = await host.cut();
				const gap = selectGap(cut, await host.gaps(), options.gap);
				const side = sideOf(options, gap);
				const range = rangeBeside(gap, side, options.length, cut.sequence.rate);
				return shotInGap(host, gap.track, range, (shared) => ({ kind: 'extend', side, ...shared }));
			});
			exit(code);
		});
}

/**
 * The frames of the gap next to the clip that `side` continues. Throws `too-long` where the gap
 * is shorter than the length, `usage` where an open end needs a length.
 */
export function rangeBeside(
	gap: Gap,
	side: 'head' | 'tail',
	length: string | undefined,
	rate: FrameRate,
): FrameRange {
	const room = gap.end === null ? null : gap.end - gap.start;
	const frames = length === undefined ? room : parseLength(length, rate);
	if (frames === null) {
		throw new PickupError('usage', `Expected --length: ${gap.track} at ${gap.timecode} is open`, {
			action: 'Give a length such as --length 2s.',
		});
	}
	if (room !== null && frames > room) {
		throw new PickupError('too-long', `Expected at most the gap's ${room} frames, got ${frames}`);
	}
	if (side === 'tail' || gap.end === null) return { start: gap.start, end: gap.start + frames };
	return { start: gap.end - frames, end: gap.end };
}

function sideOf(options: ExtendOptions, gap: Gap): 'head' | 'tail' {
	const side = options.side ?? (gap.left === null ? 'head' : 'tail');
	if (side !== 'head' && side !== 'tail') {
		throw new PickupError('usage', `Expected --side head or --side tail, got "${side}"`);
	}
	if ((side === 'tail' ? gap.left : gap.right) === null) {
		throw new PickupError(
			'no-neighbour',
			`There is no clip on the ${side === 'tail' ? 'left' : 'right'} of ${gap.timecode} to continue`,
		);
	}
	return side;
}

import type { Command } from 'commander';
import { selectGap } from '../../host-bridge/gap.ts';
import { PickupError } from '../../protocol/errors.ts';
import { makeShot, type ShotOptions, shotInGap } from '../shot.ts';
import { addShotOptions } from '../shot-options.ts';
import { openTerminal } from '../terminal.ts';

export function addFill(program: Command, exit: (code: number) => void): void {
	addShotOptions(program.command('fill'))
		.description('fill a gap between two clips')
		.requiredOption('--gap <gap>', 'row number, or track and timecode as V1@01:00:05:12')
		.addHelpText(
			'after',
			`
Examples:
  pickup fill cut.xml --gap 2 --prompt "she crosses the bridge, wind"
  pickup fill cut.otio --gap V1@01:00:05:12 --takes 3 --codec prores-422-hq -o new`,
		)
		.action(async (timeline: string, options: ShotOptions & { gap: string }) => {
			const terminal = openTerminal(options.json === true);
			const code = await makeShot(timeline, options, terminal, async (host) => {
				const gap = selectGap(await host.cut(), await host.gaps(), options.gap);
				if (gap.kind !== 'gap' || gap.end === null) {
					throw new PickupError('no-such-gap', `${gap.track} at ${gap.timecode} is an open end`, {
						action: 'Use `pickup extend` or `pickup insert` there.',
					});
				}
				const range = { start: gap.start, end: gap.end };
				return shotInGap(host, gap.track, range, (shared) => ({ kind: 'fill', ...shared }));
			});
			exit(code);
		});
}

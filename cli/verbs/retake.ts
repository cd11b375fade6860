import { type Command, Option } from 'commander';
import { contextFor } from '../../host-bridge/gap.ts';
import { addClipOptions, type ClipOptions, chooseClip } from '../clip-choice.ts';
import { EXIT } from '../exit-codes.ts';
import { makeShot, type ShotOptions } from '../shot.ts';
import { addShotOptions } from '../shot-options.ts';
import { openTerminal } from '../terminal.ts';

type RetakeOptions = ShotOptions &
	ClipOptions & {
		replace: 'picture' | 'sound' | 'both';
		strength: number;
	};

export function addRetake(program: Command, exit: (code: number) => void): void {
	addClipOptions(addShotOptions(program.command('retake')), 'V1@01:00:05:12')
		.description('make a range of a clip again; the new take goes on a track above')
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
				const { clip, track, range } = chooseClip(cut, options, ['video']);
				return {
					range,
					context: contextFor(cut, track.name, range, { allowOverlap: true }),
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
			if (code === EXIT.ok && options.replace !== 'picture' && !options.plan) {
				terminal.note('The clip below is untouched, so its own sound plays on: mute it there.');
			}
			exit(code);
		});
}

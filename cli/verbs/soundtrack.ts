import type { Command } from 'commander';
import { contextFor } from '../../host-bridge/gap.ts';
import { rangesOverlap } from '../../protocol/time.ts';
import { addClipOptions, type ClipOptions, chooseClip } from '../clip-choice.ts';
import { EXIT } from '../exit-codes.ts';
import { makeShot, type ShotOptions } from '../shot.ts';
import { addShotOptions } from '../shot-options.ts';
import { openTerminal } from '../terminal.ts';

export function addSoundtrack(program: Command, exit: (code: number) => void): void {
	addClipOptions(addShotOptions(program.command('soundtrack')), 'V1@01:00:05:12')
		.description('make sound for a clip’s picture; it goes on an audio track that is free there')
		.addHelpText(
			'after',
			`
Example:
  pickup soundtrack cut.xml --clip V1@01:00:05:12 --prompt "gravel under slow steps, far traffic"`,
		)
		.action(async (timeline: string, options: ShotOptions & ClipOptions) => {
			const terminal = openTerminal(options.json === true);
			let isHeard = false;
			const code = await makeShot(timeline, options, terminal, async (host) => {
				const cut = await host.cut();
				const { clip, track, range } = chooseClip(cut, options, ['video']);
				const context = contextFor(cut, track.name, range, { allowOverlap: true });
				isHeard = context.sound.some((sound) => rangesOverlap(sound.range, range));
				return {
					range,
					clip,
					context,
					where: 'above',
					picture: false,
					sound: true,
					compose: (shared) => ({ kind: 'soundtrack', clip, ...shared }),
				};
			});
			if (code === EXIT.ok && isHeard && !options.plan) {
				terminal.note(
					'What is heard there already plays on beside it: mute it where it should not.',
				);
			}
			exit(code);
		});
}

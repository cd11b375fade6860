import type { Command } from 'commander';
import { ownStateFolder, runningDaemon, withDaemon } from '../daemon-link.ts';
import { EXIT } from '../exit-codes.ts';
import { openTimelineFile } from '../open-timeline.ts';
import { type BrowserOption, showPanel } from '../panel.ts';
import { openTerminal } from '../terminal.ts';

export type OpenOptions = BrowserOption & { readonly sequence?: string; readonly json?: boolean };

export function addOpen(program: Command, exit: (code: number) => void): void {
	program
		.command('open')
		.description('open the panel, on a timeline file or on the editor that is connected')
		.argument('[timeline]', 'FCP 7 XML, .otio, or a Kdenlive/MLT project')
		.option('--sequence <name>', 'which sequence, where the file has several')
		.option('--browser', 'open the panel in the browser, also where nobody seems to look')
		.option('--no-browser', 'only say where the panel is')
		.option('--json', 'print JSON')
		.addHelpText(
			'after',
			`
Examples:
  pickup open cut.xml
  pickup open reel.xml --sequence "Reel 2"
  pickup open

With a timeline the command goes on until Ctrl+C: while it runs, clips that are made in the panel land in a
new file beside the timeline, in one and the same. The timeline itself is never written to. Save over the new
file as you like: what you did there is gone on with. Its former states are in a folder beside it.`,
		)
		.action(async (timeline: string | undefined, options: OpenOptions) => {
			const terminal = openTerminal(options.json === true);
			if (timeline !== undefined) {
				await openTimelineFile(timeline, options, terminal);
			} else {
				const hosts = await withDaemon({ expectJob: false }, async (client) => {
					return (await client.call('host.watch', {})).hosts;
				});
				const daemon = await runningDaemon(ownStateFolder());
				for (const { agent, state } of hosts) {
					terminal.line(`${agent.program}: ${state.project?.name ?? 'no project is open'}`);
				}
				await showPanel(daemon, undefined, options, terminal);
				terminal.result({ port: daemon.port, hosts });
			}
			exit(EXIT.ok);
		});
}

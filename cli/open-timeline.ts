import { randomUUID } from 'node:crypto';
import { TimelineAgent } from '../host-bridge/timeline-file/agent.ts';
import { TimelineProject } from '../host-bridge/timeline-file/project.ts';
import type { Client } from '../protocol/client.ts';
import type { EditorHost } from '../protocol/hosts.ts';
import { connectAgent, ownStateFolder, runningDaemon, withDaemon } from './daemon-link.ts';
import { interruptible } from './interruptible.ts';
import { type BrowserOption, showPanel } from './panel.ts';
import type { Terminal } from './terminal.ts';
import { VERSION } from './version.ts';

/** How often it is looked whether somebody has saved the timeline, in ms. */
const LOOK_EVERY = 1000;

/**
 * Is the agent of a timeline file until it is interrupted: shows the panel on it, and what is made
 * there lands in a new file beside it. Where another command is that already, only the panel is shown.
 */
export async function openTimelineFile(
	path: string,
	options: BrowserOption & { readonly sequence?: string },
	terminal: Terminal,
): Promise<void> {
	const project = await TimelineProject.open(path, options.sequence);
	let client: Promise<Client>;
	const agent = new TimelineAgent(project, {
		id: randomUUID(),
		version: VERSION,
		look: async (file) => (await client).call('media.look', { path: file }),
		onDone: ({ label, file }) => terminal.line(`${label}: ${file}`),
		onChange: () => {
			const { state } = agent.who();
			// Where the connection is lost, the agent says how things stand when it is back.
			client.then((connected) => connected.call('host.changed', { state })).catch(() => {});
		},
	});
	const other = await openElsewhere(agent);
	if (other) {
		terminal.line(`${path} is open already, by another \`pickup open\``);
		const daemon = await runningDaemon(ownStateFolder());
		await showPanel(daemon, other.agent.id, options, terminal);
		terminal.result({ port: daemon.port, host: other.agent.id, timeline: project.path });
		return;
	}
	await interruptible(async (interrupt) => {
		const interrupted = new Promise<void>((resolve) => {
			interrupt.addEventListener('abort', () => resolve());
		});
		let giveUp = (_error: unknown) => {};
		const givenUp = new Promise<never>((_resolve, reject) => {
			giveUp = reject;
		});
		client = connectAgent({
			agent,
			onGivenUp: giveUp,
			onStatus: (status) =>
				terminal.note(
					status === 'connected'
						? 'The daemon runs again.'
						: 'The daemon has ended. Clips land when it runs again.',
				),
		});
		const connected = await client;
		const watch = setInterval(() => void agent.refresh().catch(() => {}), LOOK_EVERY);
		try {
			const daemon = await runningDaemon(ownStateFolder());
			greet(project, terminal);
			const { id } = agent.who().agent;
			await showPanel(daemon, id, options, terminal);
			terminal.result({ port: daemon.port, host: id, timeline: project.path });
			await Promise.race([interrupted, givenUp]);
			terminal.note(`Closed. Clips that are still made wait until you open ${path} again.`);
		} finally {
			clearInterval(watch);
			connected.close();
		}
	});
}

function greet(project: TimelineProject, terminal: Terminal): void {
	for (const note of project.cut.notes ?? []) terminal.note(note);
	const { output, path, sequence } = project;
	terminal.line(
		output === null
			? `“${sequence.name}” of ${path} is open: the first clip makes a new file beside it`
			: `“${sequence.name}” of ${path} is open: clips land in ${output}`,
	);
	terminal.note('End with Ctrl+C.');
}

/** The agent of another command that has the same sequence of the same file open. */
async function openElsewhere(agent: TimelineAgent): Promise<EditorHost | undefined> {
	const { hosts } = await withDaemon({ expectJob: false }, (client) =>
		client.call('host.watch', {}),
	);
	const own = agent.who().state;
	return hosts.find(
		({ state }) => state.project?.id === own.project?.id && state.sequence?.id === own.sequence?.id,
	);
}

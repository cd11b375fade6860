import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { AgentAnswers, AgentRole, ParsedAgentParams } from '../../protocol/agent.ts';
import { PickupError } from '../../protocol/errors.ts';
import { type HostAgent, type HostState, TIMELINE_FILE } from '../../protocol/hosts.ts';
import { applySteps, type Known } from './apply-steps.ts';
import type { TimelineProject } from './project.ts';

const CAN = {
	frame: false,
	addTracks: true,
	disable: true,
	swap: true,
	bin: false,
	undo: false,
	show: true,
};

/** What was done to the file, in words. */
export type Done = { readonly label: string; readonly file: string };

export type TimelineAgentOptions = {
	/** Of this run of the agent. */
	readonly id: string;
	readonly version: string;
	/** What a media file holds. Throws PickupError. */
	readonly look: (path: string) => Promise<Known>;
	readonly onDone?: (done: Done) => void;
	/** Told after every change of what `who` says. */
	readonly onChange?: () => void;
};

/** A timeline file as an editor: it has one project and one sequence, and a playhead of its own. */
export class TimelineAgent implements AgentRole {
	readonly #project: TimelineProject;
	readonly #options: TimelineAgentOptions;
	#playhead = 0;

	constructor(project: TimelineProject, options: TimelineAgentOptions) {
		this.#project = project;
		this.#options = options;
	}

	readonly who = (): { readonly agent: HostAgent; readonly state: HostState } => {
		const { id, version } = this.#options;
		return { agent: { id, program: TIMELINE_FILE, version, can: CAN }, state: this.#state };
	};

	readonly answers: AgentAnswers = {
		'agent.cut': async (where) => {
			this.#expectOpen(where);
			await this.refresh();
			return { cut: this.#project.cut, revision: this.#project.revision };
		},
		'agent.frame': () => {
			throw new PickupError('host-refused', 'A timeline file shows no picture', { field: 'host' });
		},
		'agent.edit': async (params) => {
			this.#expectOpen(params);
			return this.#edit(params);
		},
		'agent.show': (params) => {
			this.#expectOpen(params);
			this.#playhead = params.frame;
			this.#options.onChange?.();
			return {};
		},
	};

	/** Looks whether somebody has saved the file. */
	async refresh(): Promise<void> {
		const { revision } = this.#project;
		await this.#project.refresh();
		if (this.#project.revision !== revision) this.#options.onChange?.();
	}

	get #state(): HostState {
		const { path, canonicalPath, sequence, output, mediaFolder, revision } = this.#project;
		return {
			project: {
				id: createHash('sha256').update(canonicalPath).digest('hex'),
				name: basename(path).slice(0, 500),
				path,
				landsIn: output,
				mediaFolder,
			},
			sequence: { id: `${sequence.index} ${sequence.name}`, name: sequence.name },
			revision,
			playhead: this.#playhead,
			selection: null,
			busy: null,
		};
	}

	async #edit({ operation, revision: planned, steps, label }: ParsedAgentParams<'agent.edit'>) {
		const known = new Map<string, Known>();
		for (const step of steps) {
			if (step.kind !== 'place' && step.kind !== 'swap') continue;
			await expectFile(step.path);
			if (!known.has(step.path)) known.set(step.path, await this.#options.look(step.path));
		}
		const outcome = await this.#project.edit({ operation, revision: planned }, (edit) =>
			applySteps(edit, steps, known),
		);
		const { output, revision } = this.#project;
		if (outcome === 'done') {
			this.#options.onDone?.({ label, file: output ?? '' });
			this.#options.onChange?.();
		}
		return { revision, again: outcome === 'again', stale: outcome === 'stale' };
	}

	#expectOpen({
		project,
		sequence,
	}: {
		readonly project: string;
		readonly sequence: string;
	}): void {
		const open = this.#state;
		if (open.project?.id === project && open.sequence?.id === sequence) return;
		throw new PickupError('no-such-host', 'That sequence is not open here', { field: 'sequence' });
	}
}

async function expectFile(path: string): Promise<void> {
	const found = await stat(path).catch(() => null);
	if (found?.isFile()) return;
	throw new PickupError('media-offline', `Expected a clip at ${path}, found none`, { field: path });
}

import type { Project, Sequence } from '@adobe/premierepro';
import { PickupError } from '../../protocol/errors.ts';
import type { EditorState, Where } from '../agent/port.ts';
import { selectionOf } from '../premiere/read.ts';
import { frameOf } from '../premiere/ticks.ts';
import type { Premiere } from './surroundings.ts';
import { stretchOf, ticksOf } from './time.ts';

/** What is open in Premiere. */

export type Open = {
	readonly project: Project;
	readonly sequence: Sequence;
	readonly ticksPerFrame: bigint;
};

/** A sequence that is open, in front or not. Throws `no-such-host`. */
export async function find(ppro: Premiere, { project: id, sequence: of }: Where): Promise<Open> {
	try {
		const project = ppro.Project.getProject(ppro.Guid.fromString(id));
		const sequence = project.getSequence(ppro.Guid.fromString(of));
		return { project, sequence, ticksPerFrame: BigInt(await sequence.getTimebase()) };
	} catch (cause) {
		throw new PickupError('no-such-host', 'That sequence is not open in Premiere', {
			field: 'sequence',
			cause,
		});
	}
}

/** What is in front, without what the person is doing. */
export async function stateOf(ppro: Premiere): Promise<EditorState> {
	const project: Project | null = await ppro.Project.getActiveProject();
	const nothing = { project: null, sequence: null, playhead: null, selection: null, busy: null };
	if (!project) return nothing;
	const { name, path } = project;
	const own = { id: project.guid.toString(), name: name.slice(0, 500), path: path || null };
	const sequence: Sequence | null = await project.getActiveSequence();
	if (!sequence) return { ...nothing, project: own };
	const ticksPerFrame = BigInt(await sequence.getTimebase());
	const playhead = frameOf(ticksOf(await sequence.getPlayerPosition()), ticksPerFrame);
	return {
		project: own,
		sequence: { id: sequence.guid.toString(), name: sequence.name.slice(0, 500) },
		playhead,
		// What is selected is a hint; nothing waits for it.
		selection: await readSelection(sequence, ticksPerFrame).catch(() => null),
		busy: null,
	};
}

async function readSelection(
	sequence: Sequence,
	ticksPerFrame: bigint,
): Promise<EditorState['selection']> {
	const items = await (await sequence.getSelection()).getTrackItems();
	const selected = await Promise.all(items.map(stretchOf));
	const marks = {
		start: ticksOf(await sequence.getInPoint()),
		end: ticksOf(await sequence.getOutPoint()),
	};
	return selectionOf(
		selected.filter((each) => each !== null),
		marks,
		ticksPerFrame,
	);
}

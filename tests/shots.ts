import { randomUUID } from 'node:crypto';
import type { EditorHost } from '../protocol/hosts.ts';
import type { Shot } from '../protocol/shots.ts';
import type { FrameRange } from '../protocol/time.ts';

/** A press for a grey clip of the fake engine in what is open in an editor, on V1, unless `changes` say otherwise. */
export function shotIn(
	{ agent, state: { project, sequence } }: Pick<EditorHost, 'agent' | 'state'>,
	range: FrameRange,
	changes: Partial<Shot> = {},
): Shot {
	return {
		id: randomUUID(),
		host: agent.id,
		project: project!.id,
		sequence: sequence!.id,
		verb: 'fill',
		track: 'V1',
		range,
		prompt: 'grey',
		engine: 'fake',
		seed: 7,
		takes: 1,
		draft: false,
		settings: {},
		...changes,
	};
}

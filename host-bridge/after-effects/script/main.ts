import { publish } from '../../extendscript/publish.ts';
import { applyEdit } from './edit.ts';
import { askForFrame, restoreResolution } from './frame.ts';
import { isDone } from './project.ts';
import type { RawComp, RawState } from './raw.ts';
import { compOf, rawComp, rawState } from './read.ts';

const calls = {
	about: (_given: object): { version: string } => ({ version: app.version }),
	state: (_given: object): RawState => rawState(),
	comp: (given: { id: number }): RawComp | null => rawComp(given.id),
	edit: applyEdit,
	carries: (given: { operation: string }): boolean => isDone(given.operation),
	frame: askForFrame,
	restoreResolution,
	show: (given: { id: number; time: number }): { time: number } => {
		const comp = compOf(given.id) as CompItem;
		comp.time = given.time;
		return { time: comp.time };
	},
};

export type AfterEffectsCalls = typeof calls;

publish('pickupAfterEffects', calls);

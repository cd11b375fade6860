import { publish } from '../../extendscript/publish.ts';
import { carries, lookFor, note, startImport } from './bin.ts';
import { act } from './edit.ts';
import { watchExports } from './exports.ts';
import { askForFrame, endFrame, show } from './frame.ts';
import type { RawSequence, RawState } from './raw.ts';
import { rawSequence, rawState } from './read.ts';

const calls = {
	state: (_given: object): RawState => rawState(),
	sequence: (given: { id: string }): RawSequence | null => rawSequence(given.id),
	lookFor,
	startImport,
	act,
	note,
	carries,
	frame: askForFrame,
	endFrame,
	show,
};

export type PremiereCalls = typeof calls;

watchExports();
publish('pickupPremiere', calls);

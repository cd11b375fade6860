import { PickupError } from '../../protocol/errors.ts';
import type { HostAgent } from '../../protocol/hosts.ts';
import type { EditorPort } from '../agent/port.ts';
import { Editor } from '../premiere/edit.ts';
import { Playing } from '../premiere/playing.ts';
import type { TrackItem } from './clip.ts';
import { readCut } from './cut.ts';
import { watchExports } from './exports.ts';
import { grabFrame } from './frame.ts';
import { handsOn } from './hands.ts';
import { find, stateOf } from './open.ts';
import { isNoted, propertiesOf } from './operations.ts';
import type { Files, Premiere } from './surroundings.ts';
import { timeAt } from './time.ts';

/** What a plugin can be in Premiere: no call adds a track or takes an edit back, some are not in every version. */
function abilities(ppro: Premiere): HostAgent['can'] {
	return {
		frame: typeof ppro.Exporter?.exportSequenceFrame === 'function',
		addTracks: false,
		disable: false,
		swap: true,
		bin: true,
		undo: true,
		show: true,
	};
}

/** Premiere, through its UXP interface. */
export function premierePort(
	{ ppro, files }: { readonly ppro: Premiere; readonly files: Files },
	version: string,
): EditorPort {
	const editor = new Editor<TrackItem>();
	const playing = new Playing();
	const exporting = watchExports(ppro);
	return {
		program: 'Premiere',
		version,
		can: abilities(ppro),
		async state() {
			const state = await stateOf(ppro);
			const isPlaying = playing.look(state);
			if (exporting.look()) return { ...state, busy: 'exporting' };
			return { ...state, busy: isPlaying ? 'playing' : null };
		},
		cut: async (where) => (await readCut(ppro, await find(ppro, where))).cut,
		frame: async (where, frame, path) =>
			grabFrame({ ppro, files }, await find(ppro, where), frame, path),
		edit: async (where, edit) => editor.apply(await handsOn(ppro, await find(ppro, where)), edit),
		async carries(where, operation) {
			const { sequence } = await find(ppro, where);
			const properties = await propertiesOf(ppro, sequence);
			return properties !== null && isNoted(properties, operation);
		},
		async show(where, frame) {
			const { sequence, ticksPerFrame } = await find(ppro, where);
			const isThere = await sequence.setPlayerPosition(timeAt(ppro, frame, ticksPerFrame));
			if (!isThere) throw new PickupError('host-refused', 'Premiere did not move its playhead');
		},
	};
}

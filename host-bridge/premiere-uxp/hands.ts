import type { Action, SequenceEditor } from '@adobe/premierepro';
import { PickupError } from '../../protocol/errors.ts';
import type { Act, Hands } from '../premiere/edit.ts';
import { type Imported, importOnce } from './bin.ts';
import type { TrackItem } from './clip.ts';
import { readCut } from './cut.ts';
import type { Open } from './open.ts';
import { noteIn, propertiesOf } from './operations.ts';
import type { Premiere } from './surroundings.ts';
import { ticksOf, timeAt } from './time.ts';

type Add = (action: Action) => void;

/** UXP's actions in a sequence: all that are given at once are one transaction, which is one undo step. */
export async function handsOn(ppro: Premiere, open: Open): Promise<Hands<TrackItem>> {
	const { project, sequence, ticksPerFrame } = open;
	const imported = new Map<string, Imported>();
	const properties = await propertiesOf(ppro, sequence);
	return {
		sequence: sequence.guid.toString(),
		ticksPerFrame,
		read: () => readCut(ppro, open),
		async importOnce(path) {
			const item = await importOnce(ppro, project, path);
			imported.set(path, item);
			return ticksOf((await item.clip.getMedia()).duration);
		},
		async act(label, acts, operation) {
			try {
				project.lockedAccess(() => {
					const editor = ppro.SequenceEditor.getEditor(sequence);
					project.executeTransaction((transaction) => {
						const add: Add = (action) => transaction.addAction(action);
						for (const act of acts) addAct(add, editor, act);
						if (properties && operation) noteIn(ppro, add, properties, operation);
					}, label);
				});
			} catch (cause) {
				const said = (cause as { message?: unknown } | null)?.message ?? cause;
				throw new PickupError('host-refused', `Premiere refused the edit: ${said}`, { cause });
			}
		},
	};

	function addAct(add: Add, editor: SequenceEditor, act: Act<TrackItem>): void {
		if (act.kind === 'put') putIn(add, editor, act);
		else if (act.kind === 'remove') removeIn(add, editor, act.items);
		else dress(add, act);
	}

	function dress(add: Add, { path, name, draft }: Act<TrackItem> & { kind: 'dress' }): void {
		const { clip, item, bin, folder } = imported.get(path)!;
		add(clip.createSetNameAction(name));
		if (draft) {
			add(clip.createSetColorLabelAction(ppro.Constants.ProjectItemColorLabel.MANGO));
		}
		if (folder !== bin) add(folder.createMoveItemAction(item, bin));
	}

	function putIn(add: Add, editor: SequenceEditor, act: Act<TrackItem> & { kind: 'put' }): void {
		const { start, from, length, isWhole, video, audio } = act;
		const { clip, item } = imported.get(act.path)!;
		const time = (frame: number) => timeAt(ppro, frame, ticksPerFrame);
		// Points that somebody has set in the bin would trim it.
		add(clip.createClearInOutPointsAction());
		if (!isWhole) add(clip.createSetInOutPointsAction(time(from), time(from + length)));
		add(editor.createOverwriteItemAction(item, time(start), video, audio));
		if (!isWhole) add(clip.createClearInOutPointsAction());
	}

	function removeIn(add: Add, editor: SequenceEditor, items: readonly TrackItem[]): void {
		ppro.TrackItemSelection.createEmptySelection((selection) => {
			for (const item of items) selection.addItem(item, true);
			add(editor.createRemoveItemsAction(selection, false, ppro.Constants.MediaType.ANY, false));
		});
	}
}

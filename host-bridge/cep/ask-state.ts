import { PickupError } from '../../protocol/errors.ts';
import type { EditorState } from '../agent/port.ts';

export type StateOptions = {
	/** The editor, as people call it. */
	readonly program: string;
	readonly ask: () => Promise<EditorState>;
	/** After how long without an answer a dialog is taken to be open, in ms. */
	readonly dialogAfter?: number | undefined;
};

/**
 * What is open in an editor, by a script. While an editor shows a dialog it runs none: where no answer
 * comes it is told to be busy with one, as it was before. Throws `host-silent` where it never answered.
 */
export function askingState({ program, ask, dialogAfter = 2000 }: StateOptions) {
	let last: EditorState | null = null;
	/** Asked and not answered yet: no second one is asked meanwhile. */
	let asked: Promise<EditorState> | null = null;
	return async (): Promise<EditorState> => {
		asked ??= ask().finally(() => {
			asked = null;
		});
		const state = await withinTime(asked, dialogAfter);
		if (state !== null) {
			last = state;
			return state;
		}
		if (last === null) throw new PickupError('host-silent', `${program} does not answer`);
		return { ...last, busy: 'dialog' };
	};
}

async function withinTime<T>(answer: Promise<T>, milliseconds: number): Promise<T | null> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<null>((resolve) => {
		timer = setTimeout(resolve, milliseconds, null);
	});
	return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

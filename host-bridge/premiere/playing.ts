import type { EditorState } from '../agent/port.ts';

/** How long a playhead may stand still while Premiere plays, in ms: it is not told of at every frame. */
const STILL = 600;

/** Moves in the same direction before it is taken for playing; a person who clicks makes one. */
const MOVES = 3;

/** Whether Premiere plays, which it does not say: told by a playhead that goes on and on. */
export class Playing {
	#last: { sequence: string; playhead: number; at: number; moves: number } | null = null;

	look({ sequence, playhead }: EditorState, now = Date.now()): boolean {
		if (!sequence || playhead === null) {
			this.#last = null;
			return false;
		}
		const last = this.#last;
		if (last?.sequence !== sequence.id || playhead < last.playhead) {
			this.#last = { sequence: sequence.id, playhead, at: now, moves: 0 };
			return false;
		}
		if (playhead > last.playhead) {
			const moves = now - last.at <= STILL ? last.moves + 1 : 1;
			this.#last = { sequence: sequence.id, playhead, at: now, moves };
			return moves >= MOVES;
		}
		return last.moves >= MOVES && now - last.at <= STILL;
	}
}

import { expect, it } from 'vitest';
import type { EditorState } from '../../host-bridge/agent/port.ts';
import { Playing } from '../../host-bridge/premiere/playing.ts';

/** Premiere does not say that it plays: it is told by its playhead, looked at four times a second. */

const at = (playhead: number | null, sequence = 'reel'): EditorState => ({
	project: { id: 'film', name: 'Film', path: null },
	sequence: { id: sequence, name: sequence },
	playhead,
	selection: null,
	busy: null,
});

function looks(...playheads: readonly number[]): readonly boolean[] {
	const playing = new Playing();
	return playheads.map((playhead, index) => playing.look(at(playhead), index * 250));
}

it.each([
	['a playhead that stands', [10, 10, 10, 10, 10], [false, false, false, false, false]],
	['one that a person clicks on', [10, 80, 80, 80, 80], [false, false, false, false, false]],
	['one that a person steps with', [10, 11, 12, 12, 12], [false, false, false, false, false]],
	['one that goes on and on', [10, 16, 22, 28, 34], [false, false, false, true, true]],
	[
		'one that is told of late once',
		[10, 16, 22, 28, 28, 40],
		[false, false, false, true, true, true],
	],
	[
		'one that has stopped',
		[10, 16, 22, 28, 28, 28, 28],
		[false, false, false, true, true, true, false],
	],
	['one that jumps back', [10, 16, 22, 28, 5, 5], [false, false, false, true, false, false]],
])('%s', (_, playheads, expected) => {
	expect(looks(...playheads)).toEqual(expected);
});

it('another sequence in front begins anew', () => {
	const playing = new Playing();
	for (const [index, playhead] of [10, 16, 22, 28].entries()) {
		playing.look(at(playhead), index * 250);
	}
	expect(playing.look(at(40, 'other'), 1000)).toBe(false);
	expect(playing.look(at(null), 1250)).toBe(false);
});

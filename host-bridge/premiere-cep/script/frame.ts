import { problem } from '../../extendscript/publish.ts';
import { sequenceOf } from './read.ts';

/**
 * Asks for the picture of a moment as PNG, by an interface that nobody promises. Some versions take
 * no other moment than the one that the playhead is on: it is put there, and `endFrame` puts it back
 * once the picture is written, which may be later. Premiere adds an extension of its own.
 */
export function askForFrame({
	sequence: id,
	ticks,
	path,
}: {
	sequence: string;
	ticks: string;
	path: string;
}): { playhead: string; width: number; height: number } {
	const sequence = expectSequence(id);
	app.enableQE();
	if (typeof qe === 'undefined') throw cannot();
	const playhead = sequence.getPlayerPosition().ticks;
	sequence.setPlayerPosition(ticks);
	const own = qe.project.getActiveSequence();
	if (sequence.getPlayerPosition().ticks !== ticks || !own || !isInFront(id)) {
		sequence.setPlayerPosition(playhead);
		throw cannot();
	}
	own.exportFramePNG(own.CTI.timecode, path);
	return { playhead, width: sequence.frameSizeHorizontal, height: sequence.frameSizeVertical };
}

/** The playhead goes back, where nobody has moved it meanwhile. */
export function endFrame({
	sequence: id,
	ticks,
	playhead,
}: {
	sequence: string;
	ticks: string;
	playhead: string;
}): { moved: boolean } {
	const sequence = expectSequence(id);
	const moved = sequence.getPlayerPosition().ticks !== ticks;
	if (!moved) sequence.setPlayerPosition(playhead);
	return { moved };
}

/** Puts the playhead somewhere; says where it is then. */
export function show({ sequence: id, ticks }: { sequence: string; ticks: string }): {
	ticks: string;
} {
	const sequence = expectSequence(id);
	sequence.setPlayerPosition(ticks);
	return { ticks: sequence.getPlayerPosition().ticks };
}

function expectSequence(id: string): Sequence {
	const sequence = sequenceOf(id);
	if (sequence !== null) return sequence;
	throw problem('no-such-host', 'That sequence is not open');
}

function isInFront(id: string): boolean {
	const active = app.project.activeSequence as Sequence | undefined;
	return active ? active.sequenceID === id : false;
}

function cannot(): unknown {
	return problem('host-refused', 'This Premiere writes no picture of a frame for a script');
}

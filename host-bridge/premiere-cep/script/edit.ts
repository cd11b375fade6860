import { problem } from '../../extendscript/publish.ts';
import { told } from '../../extendscript/told.ts';
import { ALL_MEDIA, bin, clearPoints, isInBin, itemOf } from './bin.ts';
import type { RawAct, RawEdit, RawSpan } from './raw.ts';
import { eachClip, sequenceOf, standingIn } from './read.ts';

/** Mango, in the order that scripts know; it is what drafts have. */
const DRAFT_LABEL = 7;

/** One call is one undo step; Premiere may make two of one. */
const MOST_UNDO_STEPS = 3;

type Of<K extends RawAct['kind']> = RawAct & { kind: K };

/** Does the acts in order. What went wrong is for the other side to see and to put right. */
export function act({ sequence: id, signature, acts }: RawEdit): { done: number } {
	const sequence = sequenceOf(id);
	if (sequence === null) throw problem('no-such-host', 'That sequence is not open');
	if (standingIn(sequence).join('\n') !== signature) {
		throw problem('host-refused', 'The sequence has changed in this moment', 'Try again.');
	}
	for (let at = 0; at < acts.length; at += 1) {
		const each = acts[at] as RawAct;
		if (each.kind === 'put') put(sequence, each);
		else if (each.kind === 'dress') dress(each);
		else remove(sequence, each);
	}
	return { done: acts.length };
}

function put(sequence: Sequence, wanted: Of<'put'>): void {
	const item = expectItem(wanted.path);
	const before = standingIn(sequence);
	// Points that somebody has set in the bin would trim it.
	clearPoints(item);
	if (wanted.of !== null) {
		item.setInPoint(timeOf(wanted.of.start), ALL_MEDIA);
		item.setOutPoint(timeOf(wanted.of.end), ALL_MEDIA);
	}
	try {
		overwriteInSomeForm(sequence, item, wanted, before);
	} finally {
		clearPoints(item);
	}
}

/**
 * The manual has a text of seconds for a time, the typings a `Time`, and either may be taken for none:
 * what comes elsewhere, or over others, is undone, and the other form tried. That one is kept which
 * was right.
 */
function overwriteInSomeForm(
	sequence: Sequence,
	item: ProjectItem,
	wanted: Of<'put'>,
	before: string[],
): void {
	for (let tries = 0; tries < FORMS; tries += 1) {
		let thrown: unknown = null;
		try {
			overwrite(sequence, item, wanted);
		} catch (error) {
			thrown = error;
		}
		const isRight = isAsWanted(sequence, before, wanted);
		if (isRight && thrown === null) return;
		const isBack = isRight || undoneTo(sequence, before);
		const isOver = thrown !== null && tries + 1 === FORMS;
		if (!isBack || isOver) throw misplaced(isBack, thrown);
		form = (form + 1) % FORMS;
	}
	throw misplaced(true, null);
}

/** 0: as a `Time`; 1: as text. */
let form = 0;
const FORMS = 2;

function misplaced(isBack: boolean, thrown: unknown): unknown {
	if (thrown !== null && isBack) return thrown;
	return problem(
		'host-refused',
		`Premiere put a clip elsewhere than it was told to${isBack ? ', which was undone' : ''}`,
		isBack ? 'Look whether the sequence is as it was.' : 'Undo in Premiere until it is as it was.',
	);
}

/** The sequence's own call names both tracks; that of a track leaves the sound to Premiere. */
function overwrite(sequence: Sequence, item: ProjectItem, { at, video, audio }: Of<'put'>): void {
	const time = timeOf(at.start);
	if (typeof sequence.overwriteClip === 'function') {
		sequence.overwriteClip(item, form === 0 ? time : String(time.seconds), video, audio);
		return;
	}
	const track = sequence.videoTracks[video] as Track | undefined;
	if (track) track.overwriteClip(item, form === 0 ? time : time.seconds);
}

/** Whether all that was not to be covered stands as before, and nothing has come elsewhere. */
function isAsWanted(sequence: Sequence, before: string[], wanted: Of<'put'>): boolean {
	const now = standingIn(sequence);
	for (let at = 0; at < before.length; at += 1) {
		const line = before[at] as string;
		if (!isCovered(line, wanted) && !isAmong(now, line)) return false;
	}
	const { start } = wanted.at;
	for (let at = 0; at < now.length; at += 1) {
		const line = now[at] as string;
		if (!isAmong(before, line) && !isNear(line.split(' ')[2] as string, start)) return false;
	}
	return true;
}

/** Text of seconds may be some ticks beside a frame. */
function isNear(ticks: string, wanted: string): boolean {
	return Math.abs(Number(ticks) - Number(wanted)) < TICKS_OF_A_MILLISECOND;
}

const TICKS_OF_A_MILLISECOND = 254016000;

function isCovered(line: string, { at, video, audio }: Of<'put'>): boolean {
	const [kind, track, start, end] = line.split(' ') as [string, string, string, string];
	const index = kind === 'video' ? video : audio;
	return (
		Number(track) === index && Number(start) < Number(at.end) && Number(at.start) < Number(end)
	);
}

function isAmong(lines: string[], wanted: string): boolean {
	for (let at = 0; at < lines.length; at += 1) if (lines[at] === wanted) return true;
	return false;
}

/** By an interface that nobody promises. */
function undoneTo(sequence: Sequence, before: string[]): boolean {
	const wanted = before.join('\n');
	try {
		app.enableQE();
		for (let step = 0; step < MOST_UNDO_STEPS; step += 1) {
			if (standingIn(sequence).join('\n') === wanted) return true;
			if (typeof qe !== 'undefined') qe.project.undo();
		}
	} catch (_error) {
		// Then it is not.
	}
	return standingIn(sequence).join('\n') === wanted;
}

function dress({ path, name, draft }: Of<'dress'>): void {
	const item = expectItem(path);
	// Every call is an undo step, also one that changes nothing.
	if (item.name !== name) item.name = name;
	if (draft) item.setColorLabel(DRAFT_LABEL);
	if (!isInBin(item)) item.moveBin(bin());
}

function remove(sequence: Sequence, { clips }: Of<'remove'>): void {
	for (let at = 0; at < clips.length; at += 1) {
		// With one of two that are linked the other may have gone.
		const clip = clipOf(sequence, clips[at] as string);
		if (clip !== null) clip.remove(false, false);
	}
}

function clipOf(sequence: Sequence, id: string): TrackItem | null {
	let found: TrackItem | null = null;
	eachClip(sequence, (clip) => {
		if (told(() => clip.nodeId) === id) found = clip;
	});
	return found;
}

function expectItem(path: string): ProjectItem {
	const item = itemOf(path);
	if (item !== null) return item;
	throw problem('media-offline', `Expected ${path} in the project, found it no more`);
}

function timeOf(ticks: RawSpan['start']): Time {
	const time = new Time();
	time.ticks = ticks;
	return time;
}

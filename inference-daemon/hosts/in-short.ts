import type { ErrorCode, Problem } from '../../protocol/errors.ts';

/**
 * Why something was not made or placed, for an editor's own small view: what happened and what to do
 * about it in half a sentence, without the numbers that the panel and a report have.
 */
export function inShort({ code, message }: Pick<Problem, 'code' | 'message'>): string {
	return KNOWN[code] ?? message;
}

const KNOWN: Partial<Record<ErrorCode, string>> = {
	'out-of-memory': 'memory ran out; close other programs or fill a shorter gap',
	'disk-full': 'the disk is full; free some space and press Fill again',
	'folder-not-writable': 'the folder for the clips cannot be written to',
	'media-offline': 'a clip beside the gap is offline; relink it and press Fill again',
	'media-unreadable': 'a clip beside the gap cannot be read; see that it plays',
	'engine-died': 'the engine stopped in the middle; press Fill again',
	'engine-failed': 'the engine could not make it; the panel says why',
	'engine-unavailable': 'no engine is ready for it; Setup in the panel says what it needs',
	'engine-cannot': 'the engine does not make this; choose another one in the panel',
	'no-such-engine': 'the engine of the last shot is not here; choose one in the panel',
	'bad-weights': 'a file of the model is damaged; the panel says which',
	'ffmpeg-missing': 'ffmpeg is missing; Setup in the panel says where to get it',
	'ffmpeg-stopped': 'ffmpeg was ended from outside; press Fill again',
	'encode-failed': 'the clip could not be written; the panel says why',
	'too-long': 'the gap is too long for one clip; the panel fills a part of it',
	'too-short': 'the gap is too short',
	'no-neighbour': 'no clip stands beside the gap',
	'no-free-track': 'no track is free there; add one and press Fill again, or see the panel',
	'placement-conflict': 'its place was taken meanwhile',
	'host-gone': 'the editor was closed meanwhile',
	'host-silent': 'the editor did not answer',
	internal: 'a defect in Pickup; the panel has the details to report',
};

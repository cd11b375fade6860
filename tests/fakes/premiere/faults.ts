/** What Premiere and its scripting are reported to do wrong; each can be switched on by its name. */
export const FAULTS = {
	'an edit does nothing': 'executeTransaction gives true, and nothing was placed',
	'an edit is refused': 'executeTransaction gives false, and nothing was placed',
	'sound on A1': 'linked sound lands on the first audio track, whichever was named',
	'a clip comes out a frame longer': 'what is placed covers a frame more than its media has',
	'a clip lands elsewhere': 'it comes two seconds later than it was wanted, with success',
	'a track out of range is ignored': 'an index too high gives success with nothing placed',
	'an import does nothing': 'importFiles gives true, and nothing was imported',
	'an import lands in the root': 'although a bin was named',
	'an import comes late': 'importFiles gives true before the item is there',
	'labels are ignored': 'the colour of an item stays as it is',
	'marks stay': 'in and out points of an item in the bin are not cleared',
	'removing takes linked clips along': 'the sound of a removed picture goes too, and the other way',
	'removing does nothing': 'the action succeeds, and the clips stand there',
	'a frame with one extension': 'exportSequenceFrame writes frame.png as it was named',
	'a frame comes late': 'the file is there a while after the promise was kept',
	'a frame comes in pieces': 'the file has its name before it has its end',
	'a frame is of another size': 'it is as large as the viewer shows it',
	'a frame is never written': 'exportSequenceFrame gives true all the same',
	// It is feared to throw what it is asked of some items.
	'a clip does not say what it shows': 'the picture of the person, on the first track',
	'a sound does not say where it stands': 'that of the person, on the first track',
	'transitions do not say where they stand': 'nor what they are called',
	'a sequence in the project does not say its path': 'it throws, since it has none',
	'something without times is selected': 'a caption, which has no start and no end',
} as const;

/** What its scripts are reported or feared to do wrong besides. */
export const SCRIPT_FAULTS = {
	'answers stay empty': 'scripts run, and their callbacks get an empty text',
	'a clip is put at the start': 'overwriteClip takes its time for none',
	'a Time is taken for none':
		'overwriteClip reads seconds as text, as its manual says, and nothing else',
	'a clip is put at the start, and QE undoes nothing': 'and what nobody promises does nothing',
	'sequences have no overwriteClip':
		'as in the typings; that of a track leaves the sound to Premiere',
	'items have no clearInPoint': 'as in the typings of version 15',
	'locks are not told': 'isLocked says no of every track',
	'notes are refused': 'setProjectMetadata throws',
	'there is no QE': 'enableQE does nothing',
} as const;

export type Fault = keyof typeof FAULTS | keyof typeof SCRIPT_FAULTS;

/** Those that a landing can meet. */
export const LANDING_FAULTS = (Object.keys(FAULTS) as Fault[]).filter(
	(fault) => !fault.startsWith('a frame '),
);

export const SCRIPT_LANDING_FAULTS: readonly Fault[] = [
	...LANDING_FAULTS,
	...(Object.keys(SCRIPT_FAULTS) as (keyof typeof SCRIPT_FAULTS)[]),
];

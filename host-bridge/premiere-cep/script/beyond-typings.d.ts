/**
 * What scripts of Premiere find and `types-for-adobe` does not have; where each is from is in
 * `tests/fakes/premiere/beyond-typings.json`. None is taken for granted.
 */

interface Sequence {
	overwriteClip?(
		item: ProjectItem,
		time: Time | string,
		videoTrack: number,
		audioTrack: number,
	): boolean;
}

interface ProjectItem {
	/** Not in all versions from 15.4 on. */
	clearInPoint?(): boolean;
	clearOutPoint?(): boolean;
	isOffline?(): boolean;
	isMulticamClip?(): boolean;
}

interface QeSequence {
	readonly CTI: { readonly timecode: string };
	exportFramePNG(time: string, path: string): boolean;
}

/** Not there before `app.enableQE()`, and promised by nobody. */
declare const qe:
	| { readonly project: { getActiveSequence(): QeSequence | undefined; undo(): boolean } }
	| undefined;

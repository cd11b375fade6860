import type { Brief, EditStep, HostAgent, HostState } from '../../protocol/hosts.ts';
import type { Size } from '../../protocol/schemas.ts';
import type { Cut } from '../../protocol/timeline.ts';

/**
 * An editor as an agent needs it: what only the editor's own interface can do. Its methods throw
 * PickupError for what cannot be done. They are called one after the other, `frame` alone may run
 * beside others.
 */
export type EditorPort = {
	/** As it calls itself, and its version where it says one. */
	readonly program: string;
	readonly version: string;
	readonly can: HostAgent['can'];
	/** What is open and what the person does. Asked several times a second. */
	readonly state: () => Promise<EditorState>;
	/** A sequence as it stands. Its revision is told by comparing it with the one before. */
	readonly cut: (where: Where) => Promise<Cut>;
	/** Writes the picture of a frame as PNG to a path that is free. */
	readonly frame: (where: Where, frame: number, path: string) => Promise<Size>;
	/**
	 * Does all steps as one that can be undone, or none, and keeps the operation's id in the project
	 * beside what it placed. The cut is the one that the steps were planned for.
	 */
	readonly edit: (where: Where, edit: Edit, cut: Cut) => Promise<void>;
	/** Whether the project says that an operation was done. */
	readonly carries: (where: Where, operation: string) => Promise<boolean>;
	/** Puts the playhead on a frame. */
	readonly show: (where: Where, frame: number) => Promise<void>;
};

/** A sequence, by the ids in the state. It was in front when it was asked for. */
export type Where = { readonly project: string; readonly sequence: string };

export type EditorState = Omit<HostState, 'revision'>;

export type Edit = {
	readonly operation: string;
	readonly label: string;
	readonly steps: readonly EditStep[];
};

/** What an agent is told and may show. */
export type AgentStatus = {
	/** Why it is not connected; null where it is. */
	readonly away: string | null;
	/** What to do about that; null where it is to start Pickup, or to wait. */
	readonly advice: string | null;
	/** The page to open for this editor; null while there is none. */
	readonly panel: string | null;
	readonly brief: Brief | null;
};

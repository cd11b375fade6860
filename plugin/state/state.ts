import type { EngineDescription } from '../../protocol/engines.ts';
import type { Problem } from '../../protocol/errors.ts';
import type { EditorHost } from '../../protocol/hosts.ts';
import type { DiskUse } from '../../protocol/media.ts';
import type { Check, Params, PanelState as Shared } from '../../protocol/rpc.ts';
import type { Shot, ShotPlan } from '../../protocol/shots.ts';
import type { Cut } from '../../protocol/timeline.ts';
import type { Jobs } from './jobs.ts';
import type { PhaseMark } from './phases.ts';
import { FIRST_WISH, type Wish } from './wish.ts';

/** How things stand with the daemon. Times are of the panel's clock, ms. */
export type LinkState =
	| { readonly kind: 'starting'; readonly since: number }
	| { readonly kind: 'connected' }
	| {
			readonly kind: 'lost';
			readonly since: number;
			readonly problem: Problem | null;
			readonly hope: Hope;
	  }
	/** It answers, and will not have this panel. */
	| { readonly kind: 'refused'; readonly problem: Problem };

/**
 * What is known of a daemon that does not answer: it ended by itself and an editor starts it anew,
 * somebody stopped it, or it did not come back.
 */
export type Hope = 'restarts' | 'stopped' | 'gone';

export type OpenCut = {
	readonly host: string;
	readonly project: string;
	readonly sequence: string;
	readonly revision: number;
	readonly cut: Cut;
};

export type PlanState =
	| { readonly kind: 'none' }
	/** What was known before stays to be read. */
	| { readonly kind: 'asking'; readonly before: ShotPlan | null }
	| { readonly kind: 'ready'; readonly shot: Shot; readonly plan: ShotPlan }
	| { readonly kind: 'refused'; readonly shot: Shot; readonly problem: Problem };

export type Tab = 'cut' | 'history' | 'setup';
export type HistoryFilter = 'all' | 'starred' | 'placed' | 'drafts';

/** What this one panel looks at; kept over a reload. */
export type View = {
	readonly tab: Tab;
	readonly host: string | null;
	/** What is open there: when the editor goes, no other film takes its place by itself. */
	readonly film: Film | null;
	readonly track: string | null;
	/** Where an editor cannot move its playhead, the panel has one of its own. */
	readonly frame: number | null;
	/** The takes that are compared: of which press, which two, and which of them shows. */
	readonly compared: Compared | null;
	/** The place where something else is asked for although there are takes. */
	readonly fresh: string | null;
	readonly isMoreOpen: boolean;
	/** The list of the keys. */
	readonly isHelpOpen: boolean;
	readonly search: string;
	readonly filter: HistoryFilter;
	readonly chosenClip: string | null;
};

export type Film = {
	readonly program: string;
	readonly project: string;
	readonly name: string;
};

export type Compared = {
	readonly shot: string;
	readonly a: string;
	readonly b: string | null;
	readonly shows: 'a' | 'b';
};

export type Undo = {
	readonly kind: 'cleared' | 'cancelled' | 'deleted';
	readonly jobs: readonly string[];
};

/** Why something that the person did was refused. */
export type Refused = {
	readonly problem: Problem;
	/** Names what was looked at and asked for then. */
	readonly about: string;
	/** What was to be placed, where it was that. */
	readonly landing: Params<'clip.land'> | null;
};

export type PanelState = {
	readonly link: LinkState;
	readonly version: string | null;
	readonly engines: readonly EngineDescription[];
	readonly hosts: readonly EditorHost[];
	readonly hasHosts: boolean;
	readonly jobs: Jobs;
	readonly hasJobs: boolean;
	/** Number of the newest preview of a job, and of each phase where it began. */
	readonly previews: ReadonlyMap<string, number>;
	readonly phases: ReadonlyMap<string, readonly PhaseMark[]>;
	readonly shared: Shared;
	readonly cut: OpenCut | null;
	/** Why the cut of the open sequence is not here. */
	readonly cutProblem: Problem | null;
	readonly plan: PlanState;
	readonly view: View;
	readonly wish: Wish;
	/** A press that is on its way. */
	readonly isPressing: boolean;
	/** What was pressed for before its plan was there: done once it is. */
	readonly keptPress: Omit<Shot, 'id'> | null;
	/** What the daemon refused last of what the person did; gone with what it was about. */
	readonly refusal: Refused | null;
	/** What can be taken back: jobs that were cleared out of the queue, cancelled or deleted. */
	readonly undo: Undo | null;
	readonly checks: readonly Check[] | null;
	/** What clips take on the disk, as last told. */
	readonly disk: DiskUse | null;
};

export const FIRST_VIEW: View = {
	tab: 'cut',
	host: null,
	film: null,
	track: null,
	frame: null,
	compared: null,
	fresh: null,
	isMoreOpen: false,
	isHelpOpen: false,
	search: '',
	filter: 'all',
	chosenClip: null,
};

export function firstState(now: number, kept: Kept | null): PanelState {
	return {
		link: { kind: 'starting', since: now },
		version: null,
		engines: [],
		hosts: [],
		hasHosts: false,
		jobs: new Map(),
		hasJobs: false,
		previews: new Map(),
		phases: new Map(),
		shared: { memory: {}, paused: false },
		cut: null,
		cutProblem: null,
		plan: { kind: 'none' },
		view: { ...FIRST_VIEW, ...kept?.view },
		wish: { ...FIRST_WISH, ...kept?.wish },
		isPressing: false,
		keptPress: null,
		refusal: null,
		undo: null,
		checks: null,
		disk: null,
	};
}

/** What a page keeps over its reload. */
export type Kept = { readonly view: View; readonly wish: Wish };

import type { Gap } from '../../host-bridge/host.ts';
import type { EngineDescription } from '../../protocol/engines.ts';
import type { Problem } from '../../protocol/errors.ts';
import type { RequestKind } from '../../protocol/generation.ts';
import type { EditorHost } from '../../protocol/hosts.ts';
import { pathsOf } from '../../protocol/jobs.ts';
import type { Shot } from '../../protocol/shots.ts';
import type { Cut } from '../../protocol/timeline.ts';
import { oncePer } from './once-per.ts';
import { gapsOn, type Place, placeAt } from './place.ts';
import {
	failedTake,
	isLive,
	isReady,
	type ShotView,
	shotAt,
	shotsIn,
	unplacedTake,
} from './shots.ts';
import type { Film, OpenCut, PanelState } from './state.ts';
import { chosenVerb, type Reason, verbReasons } from './verbs.ts';
import { engineFor, keyOf, type Quality, qualityFor, settingsFor, targetOf } from './wish.ts';

/** What the Cut tab shows. */
export type Scene =
	| { readonly kind: 'starting' }
	| { readonly kind: 'refused'; readonly problem: Problem }
	/** Which film was open, where one was. */
	| { readonly kind: 'no-editor'; readonly film: Film | null }
	| { readonly kind: 'no-sequence'; readonly host: EditorHost }
	| { readonly kind: 'unreadable'; readonly host: EditorHost; readonly problem: Problem }
	| CutScene;

export type CutScene = {
	readonly kind: 'cut';
	readonly host: EditorHost;
	readonly open: OpenCut;
	readonly cut: Cut;
	readonly place: Place;
	readonly playhead: number;
	/** Of the track, those that clips of ours fill among them. */
	readonly gaps: readonly Gap[];
	readonly shots: readonly ShotView[];
	/** The press that belongs here; null where there was none, or something else is asked for. */
	readonly shot: ShotView | null;
	/** The one that is out of sight while something else is asked for. */
	readonly behind: ShotView | null;
	readonly mode: Mode;
	readonly asks: Ask;
	/** Nothing was ever made here, and only drafts can be. */
	readonly isFirstRun: boolean;
};

/** `request`: something can be asked for; the others are stages of what was. */
export type Mode = 'request' | 'running' | 'takes' | 'error' | 'conflict';

/** What would be made now. */
export type Ask = {
	readonly verb: RequestKind;
	readonly reasons: Readonly<Record<RequestKind, Reason>>;
	readonly engine: EngineDescription | null;
	readonly quality: Quality;
	/** Without an id; null where the verb is not possible here. */
	readonly shot: Omit<Shot, 'id'> | null;
};

/** Many parts of the page ask for it at each change. */
export const sceneOf = oncePer((state: PanelState): Scene => {
	const { link } = state;
	if (link.kind === 'refused') return { kind: 'refused', problem: link.problem };
	if (!state.hasHosts || !state.hasJobs) return { kind: 'starting' };
	const host = hostOf(state);
	if (!host) return { kind: 'no-editor', film: state.view.film };
	if (!host.state.project || !host.state.sequence) return { kind: 'no-sequence', host };
	const open = cutOf(state, host);
	if (open) return cutScene(state, host, open);
	if (state.cutProblem) return { kind: 'unreadable', host, problem: state.cutProblem };
	return { kind: 'starting' };
});

/**
 * The editor that the panel looks at: the chosen one, which has another id when it was started anew;
 * where none was chosen the first with an open sequence. Never another film than the one that was open.
 */
export function hostOf({ hosts, view }: Pick<PanelState, 'hosts' | 'view'>): EditorHost | null {
	const { film } = view;
	const chosen = hosts.find(({ agent }) => agent.id === view.host);
	if (chosen) return chosen;
	if (film) return hosts.find((host) => isOpenIn(host, film)) ?? null;
	return hosts.find(({ state }) => state.sequence !== null) ?? hosts[0] ?? null;
}

/** What is open in an editor; null where that is nothing. */
export function filmOf({ agent, state: { project } }: EditorHost): Film | null {
	return project && { program: agent.program, project: project.id, name: project.name };
}

function isOpenIn({ agent, state }: EditorHost, { program, project }: Film): boolean {
	return agent.program === program && state.project?.id === project;
}

/** The panel's own playhead where the editor has none to move. */
export function playheadOf({ view }: Pick<PanelState, 'view'>, host: EditorHost): number {
	const { playhead } = host.state;
	if (host.agent.can.show) return Math.max(0, playhead ?? view.frame ?? 0);
	return Math.max(0, view.frame ?? playhead ?? 0);
}

/** The presses for the sequence that is open in an editor, newest first. */
export function shotsOf(jobs: PanelState['jobs'], host: EditorHost): readonly ShotView[] {
	const { project, sequence } = host.state;
	if (!project || !sequence) return [];
	return shotsIn(jobs, { project: project.id, sequence: sequence.id });
}

function cutOf({ cut }: PanelState, host: EditorHost): OpenCut | null {
	const isIts =
		cut?.host === host.agent.id &&
		cut.project === host.state.project?.id &&
		cut.sequence === host.state.sequence?.id;
	return isIts ? cut : null;
}

function cutScene(state: PanelState, host: EditorHost, open: OpenCut): CutScene {
	const { cut } = open;
	const playhead = playheadOf(state, host);
	const place = placeAt(cut, state.view.track, playhead);
	const shots = shotsOf(state.jobs, host);
	const found = shotAt(shots, place, playhead);
	const isFresh = state.view.fresh === keyOf(place);
	const mode = found && !isFresh ? modeOf(found) : 'request';
	const { engines } = state;
	const canFinish = engines.some(({ ready, draft }) => ready && !draft);
	return {
		kind: 'cut',
		host,
		open,
		cut,
		place,
		playhead,
		gaps: place.kind === 'nothing' ? [] : gapsOn(cut, place.track, ourPaths(state.jobs)),
		shots,
		shot: mode === 'request' ? null : found,
		behind: isFresh ? found : null,
		mode,
		asks: askOf(state, host, { cut, place, playhead }),
		isFirstRun: state.jobs.size === 0 && !canFinish,
	};
}

/** Of all finished clips. */
const ourPaths = oncePer(
	(jobs: PanelState['jobs']): ReadonlySet<string> =>
		new Set([...jobs.values()].flatMap(({ clip }) => (clip ? pathsOf(clip) : []))),
);

function modeOf(shot: ShotView): Mode {
	if (failedTake(shot)) return 'error';
	if (shot.takes.some(isLive)) return 'running';
	if (unplacedTake(shot)) return 'conflict';
	return shot.takes.some(isReady) ? 'takes' : 'request';
}

function askOf(
	{ wish, engines }: PanelState,
	host: EditorHost,
	where: { cut: Cut; place: Place; playhead: number },
): Ask {
	const reasons = verbReasons({ ...where, engines });
	const verb = chosenVerb(wish.verb, reasons, where.place);
	const engine = engineFor(verb, wish, engines);
	const quality = qualityFor(verb, wish, engines);
	const target = targetOf(verb, wish, where);
	const { project, sequence } = host.state;
	if (reasons[verb] !== null || !engine || !target || !project || !sequence) {
		return { verb, reasons, engine, quality, shot: null };
	}
	const stills = wish.stills.filter(({ frame }) => frame < target.range.end - target.range.start);
	const inFolder = engine.takes.loras ? (engine.model?.loras ?? []) : [];
	const styles = wish.styles.filter(({ path }) => inFolder.includes(path));
	const shot: Omit<Shot, 'id'> = {
		host: host.agent.id,
		project: project.id,
		sequence: sequence.id,
		verb,
		track: target.track,
		range: target.range,
		...(target.side ? { side: target.side } : {}),
		...(verb === 'retake' ? { replace: wish.replace } : {}),
		...(verb === 'insert' ? { images: stills.map((still) => ({ ...still, strength: 1 })) } : {}),
		prompt: wish.prompt.trim(),
		...(isGuided(engine) && wish.negativePrompt.trim() !== ''
			? { negativePrompt: wish.negativePrompt.trim() }
			: {}),
		engine: engine.name,
		seed: wish.seed,
		// A draft is the same with every seed.
		takes: engine.draft ? 1 : wish.takes,
		draft: wish.draft && !engine.draft && hasDraft(verb, engines),
		...(wish.lands?.at === keyOf(where.place) ? { lands: wish.lands.as } : {}),
		...(styles.length > 0 ? { loras: styles } : {}),
		settings: settingsFor(engine, { ...wish, quality }),
	};
	return { verb, reasons, engine, quality, shot };
}

/** Whether a negative prompt is heeded. */
export function isGuided({ model }: EngineDescription): boolean {
	return model?.guided ?? false;
}

/** Whether a draft can be placed while a shot of that kind is made. */
export function hasDraft(verb: RequestKind, engines: readonly EngineDescription[]): boolean {
	return engines.some(({ ready, draft, kinds }) => ready && draft && kinds.includes(verb));
}

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { JobEvent } from '../../protocol/jobs.ts';
import type { Notice } from '../../protocol/rpc.ts';
import { type Actions, actionsOf, type Chance } from './actions.ts';
import { followCut } from './follow-cut.ts';
import { followFilm } from './follow-film.ts';
import { followPress } from './follow-press.ts';
import { followQueue } from './follow-queue.ts';
import { applyEvent, withJobs } from './jobs.ts';
import { type Link, type LinkOptions, openLink } from './link.ts';
import { Media } from './media.ts';
import { memoryOf, phasesIn, phasesKey } from './memory.ts';
import { withPhase } from './phases.ts';
import { followPlan } from './planning.ts';
import { followRefusal } from './refusal.ts';
import { filmOf, hostOf, sceneOf } from './scene.ts';
import { firstState, type Kept, type PanelState } from './state.ts';
import { NEW_SEEDS } from './wish.ts';

declare function setTimeout(callback: () => void, milliseconds: number): unknown;

/** How long a daemon that died may take to come back before it is said what can be done, in ms. */
const PATIENCE = 15_000;

export type PanelOptions = Pick<LinkOptions, 'endpoint' | 'openSocket' | 'version'> &
	Chance & {
		/** What the page kept over its reload; null for a page that was just opened. */
		readonly kept: Kept | null;
		/** The editor that the page was opened for. */
		readonly host: string | null;
		/** The time, in ms since 1970. */
		readonly now: () => number;
	};

export type Panel = {
	readonly store: StoreApi<PanelState>;
	readonly actions: Actions;
	readonly media: Media;
	readonly close: () => void;
};

/** Everything that a panel knows and can do; what draws it only reads the store. */
export function openPanel(options: PanelOptions): Panel {
	const { kept, now } = options;
	const first = firstState(now(), kept);
	const view = { ...first.view, host: options.host ?? first.view.host };
	const seed = kept ? first.wish.seed : options.randomInteger(NEW_SEEDS);
	const store = createStore<PanelState>()(() => ({
		...first,
		view,
		wish: { ...first.wish, seed },
	}));
	let hasHabits = kept !== null;

	const link: Link = openLink({
		endpoint: options.endpoint,
		openSocket: options.openSocket,
		version: options.version,
		onHello: ({ engines, version }) => {
			store.setState({ link: { kind: 'connected' }, engines, version });
		},
		onNotice: (notice) => receiveNotice(notice),
		onJobs: ({ jobs }) => store.setState({ jobs: withJobs(new Map(), jobs), hasJobs: true }),
		onEvent: (event) => {
			receiveEvent(event);
			order.onEvent(event);
		},
		onLost: (problem, wasStopped) => {
			const { link: known, hosts } = store.getState();
			if (known.kind === 'starting' && problem === null) return;
			const isNew = known.kind !== 'lost';
			const since = known.kind === 'lost' || known.kind === 'starting' ? known.since : now();
			// Editors that had spoken to it start one that died, and not one that was stopped.
			const first = wasStopped ? 'stopped' : hosts.length > 0 ? 'restarts' : 'gone';
			store.setState({ link: { kind: 'lost', since, problem, hope: isNew ? first : known.hope } });
			if (isNew && first === 'restarts') setTimeout(() => giveUpHope(since), PATIENCE);
		},
		onRefused: (problem) => store.setState({ link: { kind: 'refused', problem } }),
	});
	const stopFilm = followFilm(store);
	const stopCut = followCut(store, link.call);
	const order = followQueue(store, link.call);
	const stopPlan = followPlan(store, link.call, options.randomUuid());
	const actions = actionsOf(store, link.call, options);
	const stopPress = followPress(store, actions.press);
	const stopRefusal = followRefusal(store);

	function giveUpHope(since: number): void {
		const { link } = store.getState();
		if (link.kind !== 'lost' || link.since !== since || link.hope !== 'restarts') return;
		store.setState({ link: { ...link, hope: 'gone' } });
	}

	function receiveNotice(notice: Notice): void {
		if (notice.method === 'hosts') {
			store.setState({ hosts: notice.params.hosts, hasHosts: true });
			stayWithFilm();
		} else if (notice.method === 'panel') {
			store.setState({ shared: notice.params });
			if (!hasHabits) adoptHabits();
		}
	}

	/** The editor that shows is the one that is chosen from then on. */
	function stayWithFilm(): void {
		const state = store.getState();
		const host = hostOf(state);
		const film = host && filmOf(host);
		if (!film) return;
		const { view: known } = state;
		const isKnown = known.film?.program === film.program && known.film.project === film.project;
		if (isKnown && known.host === host.agent.id) return;
		store.setState({ view: { ...known, host: host.agent.id, film } });
	}

	/** A page that was just opened asks for as much, and as good, as the last one. */
	function adoptHabits(): void {
		hasHabits = true;
		const { wish, shared } = store.getState();
		store.setState({ wish: { ...wish, ...memoryOf(shared).habits } });
	}

	function receiveEvent(event: JobEvent): void {
		const state = store.getState();
		const jobs = applyEvent(state.jobs, event);
		const { jobId } = event;
		if (event.kind === 'preview') {
			store.setState({ previews: new Map(state.previews).set(jobId, event.seq) });
			return;
		}
		if (event.kind === 'started') {
			const phases = new Map(state.phases);
			phases.delete(jobId);
			store.setState({ jobs, phases });
			return;
		}
		if (event.kind === 'progress') {
			const marks = state.phases.get(jobId) ?? [];
			const more = withPhase(marks, event.phase, event.progress);
			const phases = more === marks ? state.phases : new Map(state.phases).set(jobId, more);
			store.setState({ jobs, phases });
			return;
		}
		if (event.kind === 'done') rememberPhases(jobId);
		store.setState({ jobs });
		if (event.kind === 'cancelled' && isLookedAt(state, jobId)) {
			store.setState({ undo: { kind: 'cancelled', jobs: [jobId] } });
		}
	}

	/** Whether it was made for what is under the playhead. */
	function isLookedAt(state: PanelState, jobId: string): boolean {
		const scene = sceneOf(state);
		const shot = scene.kind === 'cut' ? (scene.shot ?? scene.behind) : null;
		return shot?.takes.some(({ job }) => job.id === jobId) ?? false;
	}

	/** Every panel sees the same phases: only what is new is written. */
	function rememberPhases(jobId: string): void {
		const { jobs, phases, shared } = store.getState();
		const job = jobs.get(jobId);
		const marks = phases.get(jobId);
		if (!job || !marks) return;
		const { engine } = job.plan;
		const known = phasesIn(shared, engine, job.kind);
		const isKnown =
			known.length === marks.length &&
			known.every(({ phase, from }, index) => {
				const mark = marks[index]!;
				return mark.phase === phase && Math.abs(mark.from - from) < 0.05;
			});
		if (isKnown) return;
		const key = phasesKey(engine, job.kind);
		link.call('panel.remember', { key, value: marks.map((mark) => ({ ...mark })) }).catch(() => {});
	}

	return {
		store,
		actions,
		media: new Media(link.call),
		close() {
			stopFilm();
			stopCut();
			order.stop();
			stopPlan();
			stopPress();
			stopRefusal();
			link.close();
		},
	};
}

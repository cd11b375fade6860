import type { StoreApi } from 'zustand/vanilla';
import { PickupError, problemOf } from '../../protocol/errors.ts';
import type { EditorHost } from '../../protocol/hosts.ts';
import type { Job } from '../../protocol/jobs.ts';
import type { Destination, Landing } from '../../protocol/landings.ts';
import type { Params } from '../../protocol/rpc.ts';
import { LAST_REQUEST } from '../../protocol/shots.ts';
import { withJobs } from './jobs.ts';
import type { Link } from './link.ts';
import { type MemoryKey, memoryOf, withPrompt } from './memory.ts';
import { closedGaps, placingAt, stepFrom } from './place.ts';
import { aboutOf } from './refusal.ts';
import { type CutScene, filmOf, sceneOf } from './scene.ts';
import type { ShotView, TakeView } from './shots.ts';
import type { PanelState, Refused, View } from './state.ts';
import { habitsOf, keyOf, NEW_SEEDS, type Wish } from './wish.ts';

/** What is random is handed in: not all surroundings have it from the same place. */
export type Chance = {
	readonly randomUuid: () => string;
	/** 0 ≤ n < most. */
	readonly randomInteger: (most: number) => number;
};

/** What a person can do in a panel. Refusals are told in the state, nothing is thrown. */
export type Actions = ReturnType<typeof actionsOf>;

export function actionsOf(
	store: StoreApi<PanelState>,
	call: Link['call'],
	{ randomUuid, randomInteger }: Chance,
) {
	/** Does it; what is refused stands in the state for as long as what it was about is looked at. */
	async function attempt(
		work: () => Promise<unknown>,
		landing: Refused['landing'] = null,
	): Promise<void> {
		store.setState({ refusal: null });
		const about = aboutOf(store.getState());
		try {
			await work();
		} catch (error) {
			store.setState({ refusal: { problem: problemOf(error), about, landing } });
		}
	}

	function cutScene(): CutScene | null {
		const scene = sceneOf(store.getState());
		return scene.kind === 'cut' ? scene : null;
	}

	function look(change: Partial<View>): void {
		store.setState(({ view }) => ({ view: { ...view, ...change } }));
	}

	function wish(change: Partial<Wish>): void {
		store.setState((state) => ({
			wish: { ...state.wish, ...change },
			refusal: null,
			keptPress: null,
		}));
	}

	function remember(key: MemoryKey, value: Parameters<typeof write>[1]): void {
		void attempt(() => write(key, value));
	}

	function write(
		key: MemoryKey | typeof LAST_REQUEST,
		value: Parameters<typeof call<'panel.remember'>>[1]['value'],
	) {
		return call('panel.remember', { key, value });
	}

	/**
	 * Jobs that an answer tells of before their events do. Of those that are known the events tell: an
	 * answer may be older than what has been told since.
	 */
	function know(jobs: readonly Job[]): void {
		store.setState((state) => {
			const unknown = jobs.filter(({ id }) => !state.jobs.has(id));
			return unknown.length > 0 ? { jobs: withJobs(state.jobs, unknown) } : {};
		});
	}

	const actions = {
		look,
		wish,
		remember,

		/** The editor to look at. */
		choose(host: EditorHost): void {
			look({ host: host.agent.id, film: filmOf(host), track: null, frame: null });
		},

		tab(tab: View['tab']): void {
			look({ tab });
		},

		/** Puts the playhead on a frame: the editor's, or the panel's own where that has none. */
		show(frame: number): void {
			const scene = cutScene();
			if (!scene) return;
			const { agent } = scene.host;
			if (agent.can.show) void attempt(() => call('host.show', { host: agent.id, frame }));
			else look({ frame });
		},

		/** To the gap or edit before or after. */
		step(by: -1 | 1): void {
			const scene = cutScene();
			if (!scene || scene.place.kind === 'nothing') return;
			const { place, gaps, playhead } = scene;
			const frame = stepFrom({ track: place.track, gaps }, playhead, by);
			if (frame !== null) actions.show(frame);
		},

		/** To the nth gap of the track, from 1. */
		toGap(row: number): void {
			const scene = cutScene();
			if (!scene) return;
			const gap = closedGaps(scene.gaps).find((each) => each.row === row);
			if (gap) actions.show(gap.start);
		},

		/** Something else is asked for where there are takes; or back to them. */
		askAnew(): void {
			const scene = cutScene();
			if (scene) look({ fresh: keyOf(scene.place) });
		},

		backToTakes(): void {
			look({ fresh: null });
		},

		newSeed(): void {
			wish({ seed: randomInteger(NEW_SEEDS) });
		},

		/** The filled button: makes what the plan says, once there is one. */
		async press(): Promise<void> {
			const scene = cutScene();
			const { plan, isPressing, wish: asked } = store.getState();
			if (isPressing || !scene?.asks.shot) return;
			if (plan.kind === 'asking') {
				store.setState({ keptPress: scene.asks.shot, refusal: null });
				return;
			}
			if (plan.kind !== 'ready') return;
			const shot = { ...scene.asks.shot, id: randomUuid() };
			store.setState({ isPressing: true, undo: null });
			await attempt(async () => {
				const { jobs } = await call('shot.submit', { shot });
				know(jobs);
				look({ fresh: null, compared: null });
				if (!asked.isSeedLocked) actions.newSeed();
				const { prompts } = memoryOf(store.getState().shared);
				await write('prompts', [...withPrompt(prompts, shot.prompt)]);
				await write('habits', { ...habitsOf(asked) } as never);
				const { project, prompt, negativePrompt, engine, takes, draft, loras, settings } = shot;
				const last = { project, prompt, negativePrompt, engine, takes, draft, loras, settings };
				// As text and back: what is not set is not there.
				await write(LAST_REQUEST, JSON.parse(JSON.stringify(last)));
			});
			store.setState({ isPressing: false });
		},

		/** What was pressed for and is not begun is not wanted. */
		dropPress(): void {
			store.setState({ keptPress: null });
		},

		cancel(jobId: string): void {
			void attempt(() => call('job.cancel', { jobId }));
		},

		/** Goes on although an editor is busy. */
		goOn(jobId: string): void {
			void attempt(() => call('job.continue', { jobId }));
		},

		retry(jobId: string): void {
			void attempt(() => call('job.retry', { jobId }));
		},

		/** Moves a queued job before another one, or last. */
		move(jobId: string, before: string | null): void {
			void attempt(() => call('job.move', { jobId, before }));
		},

		/** Takes jobs out of the queue; `undo` puts them back. */
		clear(jobIds: readonly string[]): void {
			void attempt(async () => {
				for (const jobId of jobIds) await call('job.cancel', { jobId });
				store.setState({ undo: { kind: 'cleared', jobs: jobIds } });
			});
		},

		pause(paused: boolean): void {
			void attempt(() => call('queue.pause', { paused }));
		},

		/** Out of the history; the file stays where it is, and `undo` brings it back. */
		remove(jobIds: readonly string[]): void {
			void attempt(async () => {
				await call('clip.mark', { jobIds: [...jobIds], deleted: true });
				store.setState({ undo: { kind: 'deleted', jobs: jobIds } });
			});
		},

		undo(): void {
			const { undo } = store.getState();
			if (!undo) return;
			void attempt(async () => {
				if (undo.kind === 'deleted') {
					await call('clip.mark', { jobIds: [...undo.jobs], deleted: false });
				} else {
					for (const jobId of undo.jobs) await call('job.retry', { jobId });
				}
				store.setState({ undo: null });
			});
		},

		forgetUndo(): void {
			store.setState({ undo: null });
		},

		star({ id, starred }: Pick<Job, 'id' | 'starred'>): void {
			void attempt(() => call('clip.mark', { jobIds: [id], starred: !starred }));
		},

		/** Puts a take in the cut, in the place of whichever take of its press stands there. */
		use({ id, destination }: ShotView, { job }: TakeView): void {
			const scene = cutScene();
			if (!scene) return;
			landAt(scene, job.id, destination, destination.where, id);
		},

		/** On a track above what stands there now. */
		placeAbove({ destination }: ShotView, { job }: TakeView): void {
			const scene = cutScene();
			if (!scene) return;
			landAt(scene, job.id, destination, 'above', null);
		},

		/** One more take of a press, made as this one was but for its seed. */
		vary({ job }: TakeView): void {
			void attempt(async () => {
				const seed = randomInteger(NEW_SEEDS);
				const varied = await call('shot.vary', { id: randomUuid(), like: job.id, seed });
				know([varied.job]);
			});
		},

		/** Once more, from the playhead on. */
		placeHere(job: Job): void {
			const scene = cutScene();
			if (!scene || scene.place.kind === 'nothing') return;
			const { place, playhead, host } = scene;
			land({
				jobId: job.id,
				host: host.agent.id,
				track: place.track.name,
				...placingAt(place, playhead),
				replaces: null,
			});
		},

		/** What was just refused, without its sound. */
		placePicture(): void {
			const landing = store.getState().refusal?.landing;
			if (landing) land({ ...landing, lands: 'picture' });
		},

		/** The same of a take that was made and found no place. */
		placePictureOf({ destination }: ShotView, { job }: TakeView): void {
			const scene = cutScene();
			if (!scene) return;
			landAt(scene, job.id, { ...destination, sound: false }, destination.where, null);
		},

		/** No longer wanted in the cut: it is taken out, or waits no more. */
		withdraw({ id }: Landing): void {
			void attempt(() => call('clip.withdraw', { landing: id }));
		},

		/** Shows the file that has what landed in the system's file manager. */
		revealLanded(host: string): void {
			void attempt(() => call('host.reveal', { host }));
		},

		/** Shows the file in the system's file manager. */
		reveal(jobId: string): void {
			void attempt(() => call('media.reveal', { jobId }));
		},

		/** Files go to the system's trash; those that may be used in a project stay. */
		trash(jobIds: readonly string[]): void {
			void attempt(async () => {
				const { kept } = await call('history.trash', { jobIds: [...jobIds] });
				if (kept[0]) throw PickupError.from(kept[0].problem);
			});
		},

		/** What clips of a project take; null: of all. */
		lookAtDisk(project: string | null): void {
			call('history.disk', project === null ? {} : { project }).then(
				(disk) => store.setState({ disk }),
				() => {},
			);
		},

		compare(compared: View['compared']): void {
			look({ compared });
		},

		check(): void {
			store.setState({ checks: null });
			void attempt(async () => {
				const [{ checks }, { engines }] = await Promise.all([
					call('machine.check', {}),
					call('engine.list', {}),
				]);
				store.setState({ checks, engines });
			});
		},
	};

	/** What its press had left out stays out. */
	function landAt(
		{ host }: CutScene,
		jobId: string,
		{ track, range, picture, sound }: Destination,
		where: Destination['where'],
		replaces: string | null,
	): void {
		const lands = picture && !sound ? 'picture' : 'whole';
		const at = { host: host.agent.id, track, frame: range.start, where };
		land({ jobId, ...at, replaces, lands });
	}

	function land(wanted: Params<'clip.land'>): void {
		void attempt(() => call('clip.land', wanted), wanted);
	}

	return actions;
}

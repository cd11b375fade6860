import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import {
	disturbed,
	type LandingPlan,
	planLanding,
	planRemoval,
	rangeFor,
	standingItems,
	standsAsPlanned,
} from '../../host-bridge/landing.ts';
import { PickupError, problemOf } from '../../protocol/errors.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import type { AgentResult, EditStep } from '../../protocol/hosts.ts';
import type { Clip, Job } from '../../protocol/jobs.ts';
import type {
	Destination,
	LandAgain,
	LandedItem,
	Landing,
	WaitsFor,
} from '../../protocol/landings.ts';
import type { Journal } from '../jobs/journal.ts';
import type { Log } from '../log.ts';
import type { Cuts } from './cuts.ts';
import type { Connected, Hosts, Where } from './hosts.ts';
import { lookForLanded, standingOf } from './look-for-landed.ts';
import { movesFor, movingSteps, putBeside } from './move-beside.ts';
import { isOpen, sameSequence, standingBesides, standsAt } from './standing.ts';

export type LandingsOptions = {
	readonly journal: Journal;
	readonly hosts: Hosts;
	readonly cuts: Cuts;
	readonly log: Log;
	/** Where clips of projects are that were never saved. */
	readonly unsaved: string;
};

/** A person who edits makes many changes in a row. How long after the last one it is looked, in ms. */
const LOOK_AFTER = 250;

/** How long it is put off at most, whoever goes on editing: another editor may be waiting. In ms. */
const LOOK_WITHIN = 1000;

/** How long until an editor that did not answer is asked again, in ms. */
const ASK_AGAIN = 15_000;

/** A sequence that changes each time between reading and editing is left alone for a while. */
const MOST_STALE = 5;

/**
 * Lands finished clips, one after the other in each editor, and keeps true what is known of where
 * they stand. What was begun when the daemon or the editor ended is looked at before it is done again.
 */
export class Landings {
	readonly #options: LandingsOptions;
	readonly #turns = new Map<string, Promise<unknown>>();
	/** Landings that are being worked on. */
	readonly #busy = new Set<string>();
	/** By agent: the sequence and revision whose clips were last looked for. */
	readonly #lookedAt = new Map<string, string>();
	#timer: ReturnType<typeof setTimeout> | undefined;
	/** By when it is looked at the latest, on the clock of `performance`. */
	#lookBy = Number.POSITIVE_INFINITY;
	#ended = false;

	constructor(options: LandingsOptions) {
		this.#options = options;
		options.hosts.onChange(() => this.#lookSoon(LOOK_AFTER));
		options.journal.onEvents((events) => {
			const matters = events.some(({ kind }) => kind === 'done' || kind === 'accepted');
			if (matters) this.#lookSoon(0);
		});
		this.#lookSoon(0);
	}

	end(): void {
		this.#ended = true;
		clearTimeout(this.#timer);
	}

	/**
	 * Wants a finished clip at a place of the sequence that is open; one that stands there, or is on
	 * its way, is not wanted twice. Throws `wrong-state`, `no-such-host`, `placement-conflict`.
	 */
	async landAgain(wish: LandAgain): Promise<void> {
		const host = this.#options.hosts.find(wish.host);
		await this.#inTurn(host, () => this.#landAgain(wish));
	}

	/** Takes a clip out of the cut again. Throws `no-such-host` where its project is not open. */
	async withdraw(id: string): Promise<Job> {
		const { journal } = this.#options;
		const landing = this.#found(id);
		if (landing.state === 'waiting') {
			journal.land({ ...stamped(landing), state: 'withdrawn' });
		} else if (landing.state === 'landed' || landing.state === 'landing') {
			const { host, where, waitsFor } = this.#hostOf(landing.destination);
			if (!host) {
				const { program, sequence } = landing.destination;
				throw new PickupError(
					'no-such-host',
					`Expected ${sequence.name} to be open in ${program}, to take the clip out of it (${waitsFor})`,
					{ field: 'landing' },
				);
			}
			await this.#inTurn(host, () => this.#takeOut(id, host, where));
		}
		return journal.job(landing.jobId);
	}

	async #landAgain({ jobId, host: id, track, frame, where, replaces }: LandAgain): Promise<void> {
		const { journal, hosts, cuts } = this.#options;
		const { job, request } = journal.record(jobId);
		const clip = clipOf(job);
		const { where: open, ...host } = hosts.openSequence(id);
		const { cut } = await cuts.now(host, open);
		// What was taken out by hand is not in the way; then the gap is what counts.
		const stands =
			replaces !== null &&
			this.#rivals(replaces, job.id).some((path) => standingItems(cut, path).length > 0);
		const destination: Destination = {
			program: host.agent.program,
			project: { id: host.state.project!.id, name: host.state.project!.name },
			sequence: host.state.sequence!,
			name: request.output.name.replace(/^pickup/, 'Pickup'),
			track,
			range: { start: frame, end: frame + clip.frames },
			leansOn: 'start',
			where,
			...partsOf(request),
			replaces: stands ? replaces : null,
		};
		if (standsAt(cut, clip, destination)) return;
		const begun = job.landings.find(
			(other) =>
				isOpen(other) &&
				sameSequence(other.destination, destination) &&
				rangeFor(other.destination, clip.frames).start === frame,
		);
		if (begun) return this.#land(begun.id);
		// It is told at once where that cannot be.
		planLanding(cut, {
			clip,
			destination,
			rivals: this.#rivalsOf(job.id, destination),
			can: host.agent.can,
		});
		const landing: Landing = {
			...stamped({ id: randomUUID(), jobId: job.id, destination }),
			state: 'waiting',
			waitsFor: 'editor',
		};
		journal.land(landing);
		await this.#land(landing.id);
	}

	#lookSoon(wait: number): void {
		if (this.#ended) return;
		const now = performance.now();
		this.#lookBy = Math.min(this.#lookBy, now + (wait === 0 ? 0 : LOOK_WITHIN));
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.#look(), Math.max(0, Math.min(wait, this.#lookBy - now)));
	}

	/** Everything that is open has its turn, in the order of the presses. */
	#look(): void {
		this.#lookBy = Number.POSITIVE_INFINITY;
		const { journal, hosts } = this.#options;
		const open = journal.landings.inState('waiting', 'landing');
		for (const landing of open) {
			const job = journal.find(landing.jobId);
			if (!job || this.#busy.has(landing.id)) continue;
			if (job.state !== 'done') continue;
			if (landing.state === 'waiting' && this.#isOvertaken(job)) {
				journal.land({ ...stamped(landing), state: 'withdrawn' });
				continue;
			}
			const { host, waitsFor } = this.#hostOf(landing.destination);
			if (host) {
				this.#busy.add(landing.id);
				void this.#inTurn(host, () => this.#land(landing.id))
					.catch((error) => this.#notAnswered(`${landing.id} is not landed yet`, error))
					.finally(() => this.#busy.delete(landing.id));
			} else if (landing.state === 'waiting' && landing.waitsFor !== waitsFor) {
				journal.land({ ...stamped(landing), state: 'waiting', waitsFor });
			}
		}
		for (const { agent } of hosts.list()) {
			const host = hosts.find(agent.id);
			const { project, sequence, revision, busy } = host.state;
			if (!project || !sequence || busy) continue;
			// Of several with the same sequence one counts, or a clip would come and go.
			const where = { project: project.id, sequence: sequence.id };
			if (hosts.withSequence(agent.program, where)?.agent.id !== agent.id) continue;
			const key = JSON.stringify([project.id, project.path, sequence.id, revision]);
			if (this.#lookedAt.get(agent.id) === key) continue;
			this.#lookedAt.set(agent.id, key);
			const look = async () => {
				await this.#moveBeside(host);
				await lookForLanded(this.#options, host);
			};
			void this.#inTurn(host, look).catch((error) => {
				this.#lookedAt.delete(agent.id);
				this.#notAnswered(`the clips in ${agent.program} were not looked for`, error);
			});
		}
		for (const id of this.#lookedAt.keys()) {
			if (!hosts.list().some(({ agent }) => agent.id === id)) this.#lookedAt.delete(id);
		}
	}

	#notAnswered(what: string, error: unknown): void {
		if (this.#ended) return;
		this.#options.log.info(`${what}: ${problemOf(error).message}`);
		setTimeout(() => this.#lookSoon(0), ASK_AGAIN).unref();
	}

	/** A draft that waits when a take of its shot is finished has nothing to show any more. */
	#isOvertaken({ takeOf }: Job): boolean {
		if (takeOf?.take !== 0) return false;
		return this.#options.journal
			.ofShot(takeOf.shot)
			.some(
				({ state, landings, takeOf: other }) =>
					other?.take !== 0 && state === 'done' && landings.length > 0,
			);
	}

	/** The editor that can take it now; else what it waits for. */
	#hostOf({ program, project, sequence }: Destination): HostFound {
		const where = { project: project.id, sequence: sequence.id };
		const host = this.#options.hosts.withSequence(program, where);
		if (!host) return { host: null, waitsFor: 'editor' };
		if (host.state.sequence?.id !== sequence.id) return { host: null, waitsFor: 'sequence' };
		if (host.state.busy) return { host: null, waitsFor: host.state.busy };
		return { host, where };
	}

	/** One attempt. Throws where the editor gave no answer: then nobody knows, and it is asked again. */
	async #land(id: string): Promise<void> {
		const { journal, cuts } = this.#options;
		const landing = this.#found(id);
		if (!isOpen(landing)) return;
		const { destination } = landing;
		const { host, where } = this.#hostOf(destination);
		if (!host) return;
		const job = journal.job(landing.jobId);
		const clip = clipOf(job);
		await this.#settleRivals(landing);
		for (let tries = 0; tries < MOST_STALE; tries++) {
			const read = await cuts.now(host, where);
			// Somebody may have withdrawn it meanwhile.
			if (!isOpen(this.#found(id))) return;
			if (landing.state === 'landing') {
				// What an editor that ended in the middle had done.
				const items = standingBesides(read.cut, clip, landing, job.landings);
				if (items.length > 0) return this.#landed(landing, items, []);
			}
			const rivals = this.#rivalsOf(job.id, destination);
			let plan: LandingPlan;
			try {
				await expectFile(clip);
				plan = planLanding(read.cut, { clip, destination, rivals, can: host.agent.can });
			} catch (error) {
				if (!(error instanceof PickupError)) throw error;
				return this.#toBin(landing, error, host, where);
			}
			if (!isOpen(this.#found(id))) return;
			journal.land({ ...stamped(landing), state: 'landing' });
			const answer = await this.#edit(host, where, {
				operation: landing.id,
				revision: read.revision,
				label: destination.name,
				steps: [...plan.steps],
			});
			if (answer instanceof PickupError) return this.#refused(landing, answer, plan, host, where);
			if (answer.stale) continue;
			const after = await cuts.now(host, where);
			if (standsAsPlanned(after.cut, clip.path, plan)) {
				const isAlone = answer.revision === after.revision && !answer.again;
				const lost = isAlone ? disturbed(read.cut, after.cut, [clip.path, ...rivals]) : [];
				const notes = lost.map((what) => `${what} is no longer where it was: look at the cut.`);
				const items = standingBesides(after.cut, clip, landing, job.landings);
				return this.#landed(landing, items, [...plan.notes, ...notes]);
			}
			if (answer.again) {
				journal.land({ ...stamped(landing), state: 'gone' });
				return;
			}
			const told = new PickupError(
				'host-refused',
				`${host.agent.program} said that it had placed the clip, but it does not stand there`,
				{ field: 'host' },
			);
			return this.#toBin(landing, told, host, where);
		}
		throw new PickupError(
			'host-refused',
			'The sequence changed each time before it could be edited',
		);
	}

	/** What it is to replace may have been asked for without an answer: then nobody knows yet what stands. */
	async #settleRivals({ id, jobId, destination }: Landing): Promise<void> {
		const { journal } = this.#options;
		if (destination.replaces === null) return;
		const rivals = journal.ofShot(destination.replaces).map((job) => job.id);
		const begun = journal.landings.inState('landing');
		const own = begun.findIndex((other) => other.id === id);
		for (const other of begun.slice(0, own === -1 ? begun.length : own)) {
			const isRival = other.jobId !== jobId && rivals.includes(other.jobId);
			if (isRival && sameSequence(other.destination, destination)) await this.#land(other.id);
		}
	}

	/** It may have become busy, or have done it all the same; else the clip is kept for the person. */
	async #refused(
		landing: Landing,
		why: PickupError,
		plan: LandingPlan,
		host: Connected,
		where: Where,
	): Promise<void> {
		const { journal, hosts, cuts } = this.#options;
		const { state } = await host.link.ask('agent.who', {});
		hosts.changed(host.link, state);
		const { waitsFor } = this.#hostOf(landing.destination);
		if (waitsFor) return journal.land({ ...stamped(landing), state: 'waiting', waitsFor });
		const after = await cuts.now(host, where);
		const job = journal.job(landing.jobId);
		const clip = clipOf(job);
		if (!standsAsPlanned(after.cut, clip.path, plan)) {
			return this.#toBin(landing, why, host, where);
		}
		const items = standingBesides(after.cut, clip, landing, job.landings);
		return this.#landed(landing, items, plan.notes);
	}

	#landed(landing: Landing, items: readonly LandedItem[], notes: readonly string[]): void {
		const { journal, log } = this.#options;
		const { replaces } = landing.destination;
		const rivals = replaces === null ? [] : journal.ofShot(replaces);
		const replaced = rivals
			.filter(({ id }) => id !== landing.jobId)
			.flatMap(({ landings }) => landings)
			.filter(({ state }) => state === 'landed' || state === 'landing')
			.map((other) => ({ ...stamped(other), state: 'replaced', by: landing.jobId }) as const);
		// What gives way is told first, so that nobody sees two takes in one place.
		journal.land(...replaced, {
			...stamped(landing),
			state: 'landed',
			items,
			...(notes.length > 0 ? { notes } : {}),
		});
		log.info(`${landing.jobId} landed in ${landing.destination.sequence.name}`);
	}

	/** Keeps the clip where the person finds it, and says why it is not in the cut. */
	async #toBin(landing: Landing, why: PickupError, host: Connected, where: Where): Promise<void> {
		const clip = clipOf(this.#options.journal.job(landing.jobId));
		let kept: 'bin' | 'folder' = 'folder';
		if (host.agent.can.bin && why.code !== 'media-offline') {
			const { revision } = await this.#options.cuts.now(host, where);
			const answer = await this.#edit(host, where, {
				operation: randomUUID(),
				revision,
				label: landing.destination.name,
				steps: [{ kind: 'bin', path: clip.path, name: landing.destination.name }],
			});
			if (!(answer instanceof PickupError) && !answer.stale) kept = 'bin';
		}
		this.#notLanded(landing, why, kept);
	}

	#notLanded(landing: Landing, why: PickupError, kept: 'bin' | 'folder'): void {
		const { journal, log } = this.#options;
		journal.land({ ...stamped(landing), state: 'not-landed', problem: why.toProblem(), kept });
		log.info(`${landing.jobId} is not landed: ${why.message}`);
	}

	/** What was begun is settled first. */
	async #takeOut(id: string, host: Connected, where: Where): Promise<void> {
		await this.#land(id);
		const landing = this.#found(id);
		if (landing.state === 'landed') await this.#remove(landing, host, where);
		if (landing.state !== 'waiting') return;
		this.#options.journal.land({ ...stamped(landing), state: 'withdrawn' });
	}

	async #remove(landing: Landing, host: Connected, where: Where): Promise<void> {
		const { journal, cuts } = this.#options;
		const { path } = clipOf(journal.job(landing.jobId));
		for (let tries = 0; tries < MOST_STALE; tries++) {
			const { cut, revision } = await cuts.now(host, where);
			const items = standingOf(journal, cut, landing).get(landing.id) ?? [];
			if (items.length === 0) return journal.land({ ...stamped(landing), state: 'withdrawn' });
			const answer = await this.#edit(host, where, {
				operation: randomUUID(),
				revision,
				label: `Remove ${landing.destination.name}`,
				steps: planRemoval(items, path),
			});
			if (answer instanceof PickupError) throw answer;
		}
		throw new PickupError('host-refused', `The clip still stands in ${host.agent.program}`, {
			action: 'Take it out by hand.',
		});
	}

	/** An error that the editor answers with is given back; one of no answer is thrown. */
	async #edit(
		host: Connected,
		where: Where,
		edit: { operation: string; revision: number; label: string; steps: EditStep[] },
	): Promise<AgentResult<'agent.edit'> | PickupError> {
		try {
			return await host.link.ask('agent.edit', { ...where, ...edit });
		} catch (error) {
			const isUnknown =
				!(error instanceof PickupError) ||
				['host-gone', 'host-silent', 'bad-message'].includes(error.code);
			if (isUnknown) throw error;
			return error;
		}
	}

	/** A project that was saved for the first time has a place for the clips that it had before. */
	async #moveBeside(host: Connected): Promise<void> {
		const { journal, cuts, log, unsaved } = this.#options;
		const moves = movesFor(host, { journal, unsaved });
		const { project, sequence } = host.state;
		if (moves.length === 0 || !project || !sequence) return;
		const where = { project: project.id, sequence: sequence.id };
		const { cut, revision } = await cuts.now(host, where);
		const marks = new Map(
			await Promise.all(moves.map(async (move) => [move, await putBeside(move)] as const)),
		);
		const there = moves.filter((move) => marks.get(move) !== null);
		const steps = movingSteps(cut, there);
		if (steps.length > 0) {
			const label = 'Pickup: clips beside the project';
			const answer = await this.#edit(host, where, {
				operation: randomUUID(),
				revision,
				label,
				steps: [...steps],
			});
			if (answer instanceof PickupError || answer.stale) {
				log.info(
					`clips stay in ${unsaved}: ${answer instanceof PickupError ? answer.message : 'the cut changed'}`,
				);
				return;
			}
		}
		for (const move of there) {
			const clip = { ...clipOf(move.job), path: move.to };
			journal.moved(move.job.id, clip, marks.get(move)!);
		}
	}

	/** Clips of a shot, beside one, that stand in its sequence or did when it was last looked. */
	#rivals(shot: string, except: string): readonly string[] {
		return this.#options.journal
			.ofShot(shot)
			.filter(({ id }) => id !== except)
			.filter(({ landings }) =>
				landings.some(({ state }) => state === 'landed' || state === 'landing' || state === 'gone'),
			)
			.flatMap(({ clip }) => (clip ? [clip.path] : []));
	}

	#rivalsOf(jobId: string, { replaces }: Destination): readonly string[] {
		return replaces === null ? [] : this.#rivals(replaces, jobId);
	}

	/** Throws `no-such-job`. */
	#found(id: string): Landing {
		const landing = this.#options.journal.landings.find(id);
		if (landing) return landing;
		throw new PickupError('no-such-job', `Expected the id of a landing, got ${id}`, {
			field: 'landing',
		});
	}

	/** One thing after the other in each editor. */
	#inTurn<T>(host: Connected, work: () => Promise<T>): Promise<T> {
		const before = this.#turns.get(host.agent.id) ?? Promise.resolve();
		const turn = before.then(work, work);
		this.#turns.set(host.agent.id, turn);
		const forget = () => {
			if (this.#turns.get(host.agent.id) === turn) this.#turns.delete(host.agent.id);
		};
		turn.then(forget, forget);
		return turn;
	}
}

type HostFound =
	| { readonly host: Connected; readonly where: Where; readonly waitsFor?: never }
	| { readonly host: null; readonly where?: never; readonly waitsFor: WaitsFor };

/** Which of its media are of use in the cut. */
function partsOf(request: GenerationRequest): Pick<Destination, 'picture' | 'sound'> {
	const replace = request.kind === 'retake' ? request.replace : 'both';
	return {
		picture: request.kind !== 'soundtrack' && replace !== 'sound',
		sound: request.kind !== 'animate' && replace !== 'picture',
	};
}

function stamped({ id, jobId, destination }: Pick<Landing, 'id' | 'jobId' | 'destination'>) {
	return { id, jobId, destination, at: new Date().toISOString() };
}

function clipOf(job: Job): Clip {
	if (job.clip !== null && job.state === 'done') return job.clip;
	throw new PickupError('wrong-state', `Job ${job.id} has no finished clip: it is ${job.state}`, {
		field: 'jobId',
	});
}

async function expectFile({ path }: Clip): Promise<void> {
	const found = await stat(path).catch(() => null);
	if (found?.isFile()) return;
	throw new PickupError('media-offline', `Expected the finished clip at ${path}, it is gone`);
}

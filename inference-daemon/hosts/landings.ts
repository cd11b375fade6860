import { PickupError, problemOf } from '../../protocol/errors.ts';
import type { Job, JobEvent } from '../../protocol/jobs.ts';
import type { LandAgain } from '../../protocol/landings.ts';
import { isOvertaken, passOn } from './by-itself.ts';
import type { Connected } from './hosts.ts';
import { land } from './land.ts';
import { landAgain } from './land-again.ts';
import { foundLanding, type LandingRoom, stamped } from './landing-room.ts';
import { lookForLanded } from './look-for-landed.ts';
import { MoveBeside } from './move-beside.ts';
import { takeOut } from './take-out.ts';

/** What happens to jobs that something may be landed after. */
const MATTERS: ReadonlySet<JobEvent['kind']> = new Set(['accepted', 'done', 'failed', 'cancelled']);

/** A person who edits makes many changes in a row. How long after the last one it is looked, in ms. */
const LOOK_AFTER = 250;

/** How long it is put off at most, whoever goes on editing: another editor may be waiting. In ms. */
const LOOK_WITHIN = 1000;

/** How long until an editor that did not answer is asked again, in ms. */
const ASK_AGAIN = 15_000;

/**
 * Lands finished clips, one after the other in each editor, and keeps true what is known of where
 * they stand. What was begun when the daemon or the editor ended is looked at before it is done again.
 */
export class Landings {
	readonly #options: LandingRoom;
	readonly #beside: MoveBeside;
	readonly #turns = new Map<string, Promise<unknown>>();
	/** Landings that are being worked on. */
	readonly #busy = new Set<string>();
	/** By agent: the sequence and revision whose clips were last looked for. */
	readonly #lookedAt = new Map<string, string>();
	#timer: ReturnType<typeof setTimeout> | undefined;
	/** By when it is looked at the latest, on the clock of `performance`. */
	#lookBy = Number.POSITIVE_INFINITY;
	#ended = false;

	constructor(options: LandingRoom) {
		this.#options = options;
		this.#beside = new MoveBeside(options);
		options.hosts.onChange(() => this.#lookSoon(LOOK_AFTER));
		options.journal.onEvents((events) => {
			const matters = events.some(({ kind }) => MATTERS.has(kind));
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
		await this.#inTurn(host, () => landAgain(this.#options, wish));
	}

	/** Takes a clip out of the cut again, or has one that found no place stay where it is. Throws `no-such-host` where its project is not open. */
	async withdraw(id: string): Promise<Job> {
		const { journal, hosts } = this.#options;
		const landing = foundLanding(journal, id);
		if (landing.state === 'waiting' || landing.state === 'not-landed') {
			journal.land({ ...stamped(landing), state: 'withdrawn' });
		} else if (landing.state === 'landed' || landing.state === 'landing') {
			const { host, where, waitsFor } = hosts.readyFor(landing.destination);
			if (!host) {
				const { program, sequence } = landing.destination;
				throw new PickupError(
					'no-such-host',
					`Expected ${sequence.name} to be open in ${program}, to take the clip out of it (${waitsFor})`,
					{ field: 'landing' },
				);
			}
			await this.#inTurn(host, () => takeOut(this.#options, id, host, where));
		}
		return journal.job(landing.jobId);
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
		passOn(journal);
		const open = journal.landings.inState('waiting', 'landing');
		for (const landing of open) {
			const job = journal.find(landing.jobId);
			if (!job || this.#busy.has(landing.id)) continue;
			if (job.state !== 'done') continue;
			if (landing.state === 'waiting' && isOvertaken(journal, landing, job)) {
				journal.land({ ...stamped(landing), state: 'withdrawn' });
				continue;
			}
			const { host, waitsFor } = hosts.readyFor(landing.destination);
			if (host) {
				this.#busy.add(landing.id);
				void this.#inTurn(host, () => land(this.#options, landing.id))
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
				await this.#beside.move(host);
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

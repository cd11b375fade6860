import { randomUUID } from 'node:crypto';
import { findGaps, gapUnder } from '../../host-bridge/gap.ts';
import { PickupError, problemOf } from '../../protocol/errors.ts';
import type { Brief } from '../../protocol/hosts.ts';
import { type Job, pauseSays } from '../../protocol/jobs.ts';
import type { Landing } from '../../protocol/landings.ts';
import {
	LAST_REQUEST,
	type LastRequest,
	lastRequestSchema,
	type Shot,
} from '../../protocol/shots.ts';
import type { Journal } from '../jobs/journal.ts';
import type { Cuts } from './cuts.ts';
import type { Connected, Hosts } from './hosts.ts';
import { inShort } from './in-short.ts';
import type { Shots } from './shots.ts';

export type BriefsOptions = {
	readonly journal: Journal;
	readonly hosts: Hosts;
	readonly cuts: Cuts;
	readonly shots: Shots;
};

/** A playhead that moves tells of itself all the time. Least time between two briefs, in ms. */
const TELL_EVERY = 200;

/** Jobs that are looked through for those of an editor. */
const LAST_JOBS = 50;

/** Tells agents what they may show beside their Fill button, and does what that button asks for. */
export class Briefs {
	readonly #options: BriefsOptions;
	readonly #told = new Map<string, string>();
	#timer: ReturnType<typeof setTimeout> | undefined;
	#ended = false;

	constructor(options: BriefsOptions) {
		this.#options = options;
		const soon = () => this.#soon();
		options.hosts.onChange(soon);
		options.journal.onEvents(soon);
		options.journal.panel.onChange(soon);
	}

	end(): void {
		this.#ended = true;
		clearTimeout(this.#timer);
	}

	/** To an agent that has registered, even if it was told the same before. */
	tell(agent: string): void {
		this.#told.delete(agent);
		this.#soon();
	}

	/**
	 * Fills the gap at the editor's playhead with the last request. Throws the refusal, in words that fit
	 * the editor's small view.
	 */
	async fill(host: Connected): Promise<readonly Job[]> {
		const { hosts, shots } = this.#options;
		const { gap } = await this.#gap(host);
		const { where } = hosts.openSequence(host.agent.id);
		const shot: Shot = {
			id: randomUUID(),
			host: host.agent.id,
			project: where.project,
			sequence: where.sequence,
			verb: 'fill',
			track: gap.track,
			range: { start: gap.start, end: gap.end },
			seed: null,
			...this.#lastRequest(where.project),
		};
		try {
			return await shots.submit(shot);
		} catch (error) {
			const { code, message, action, field } = problemOf(error);
			throw new PickupError(code, `Not filled: ${inShort({ code, message })}`, {
				cause: error,
				action,
				field,
			});
		}
	}

	#soon(): void {
		if (this.#ended || this.#timer !== undefined) return;
		this.#timer = setTimeout(() => {
			this.#timer = undefined;
			void this.#tellAll();
		}, TELL_EVERY);
	}

	async #tellAll(): Promise<void> {
		const { hosts } = this.#options;
		const connected = hosts.list().map(({ agent }) => hosts.find(agent.id));
		for (const id of this.#told.keys()) {
			if (!connected.some(({ agent }) => agent.id === id)) this.#told.delete(id);
		}
		await Promise.all(
			connected.map(async (host) => {
				const brief = await this.#briefOf(host);
				const text = JSON.stringify(brief);
				if (this.#told.get(host.agent.id) === text) return;
				this.#told.set(host.agent.id, text);
				host.link.brief(brief);
			}),
		);
	}

	async #briefOf(host: Connected): Promise<Brief> {
		const { prompt } = this.#lastRequest(host.state.project?.id);
		const found = await this.#gap(host).catch((error: unknown) => problemOf(error).message);
		const refusal = typeof found === 'string' ? found : null;
		const gap = typeof found === 'string' ? null : found.text;
		return { gap, prompt, refusal, ...this.#doingFor(host) };
	}

	/** Throws why there is none at the playhead. */
	async #gap(host: Connected) {
		const { hosts, cuts } = this.#options;
		const { where, ...open } = hosts.openSequence(host.agent.id);
		const { cut } = await cuts.of(open, where);
		const gaps = findGaps(cut);
		const gap = gapUnder(gaps, open.state.playhead ?? 0);
		if (gap) {
			const text = `${gap.track} ${gap.timecode}, ${gap.end - gap.start} frames`;
			return { gap, text };
		}
		const between = gaps.filter(({ kind }) => kind === 'gap');
		const first = between[0];
		throw new PickupError(
			'no-such-gap',
			first
				? `No gap at the playhead. There ${between.length === 1 ? 'is one' : `are ${between.length}, the first`} at ${first.timecode}`
				: 'There is no gap in this sequence',
			{ field: 'playhead' },
		);
	}

	/** As it was pressed last; the words only where that was for the project, else its own last ones. */
	#lastRequest(project: string | undefined): Omit<LastRequest, 'project'> {
		const { journal } = this.#options;
		const kept = lastRequestSchema.safeParse(journal.panel.state.memory[LAST_REQUEST] ?? {});
		const { project: of, ...last } = kept.success ? kept.data : lastRequestSchema.parse({});
		if (of === undefined || of === project) return last;
		const { negativePrompt: _, ...rest } = last;
		const own = journal
			.jobs(undefined, LAST_JOBS)
			.find(({ landings }) => landings.some((each) => each.destination.project.id === project));
		return { ...rest, prompt: own ? journal.record(own.id).request.prompt : '' };
	}

	#doingFor({ agent, state }: Connected): Pick<Brief, 'job' | 'said'> {
		const mine = this.#options.journal
			.jobs(undefined, LAST_JOBS)
			.flatMap((job) => job.landings.map((landing) => ({ job, landing })))
			.filter(
				({ landing: { destination } }) =>
					destination.program === agent.program && destination.project.id === state.project?.id,
			);
		// The place of a clip that was not made may still wait for it: it could be tried again.
		const open = mine.filter(
			({ job, landing }) =>
				(landing.state === 'waiting' || landing.state === 'landing') &&
				job.state !== 'failed' &&
				job.state !== 'cancelled',
		);
		const now = open.find(({ job }) => job.state === 'running') ?? open.at(-1);
		const last = mine.find(({ landing }) => !open.some((each) => each.landing === landing));
		return {
			job: now
				? { id: now.job.id, text: doingOf(now.job, now.landing), progress: now.job.progress }
				: null,
			said: last && !now ? saidOf(last) : null,
		};
	}
}

function doingOf({ state, phase, pause }: Job, landing: Landing): string {
	if (state === 'queued') return 'waits for its turn';
	if (state !== 'done') return pause ? pauseSays(pause) : phase;
	if (landing.state !== 'waiting') return 'is being placed';
	return `is ready, waits for ${WAITS[landing.waitsFor]}`;
}

const WAITS = {
	clip: 'the clip',
	editor: 'the editor',
	sequence: 'its sequence to be open',
	playing: 'the editor to stop playing',
	rendering: 'the editor to end rendering',
	exporting: 'the editor to end exporting',
	dialog: 'the editor’s dialog to be answered',
} as const;

const KEPT = { bin: 'in the bin', folder: 'in its folder' } as const;

function saidOf({ job, landing }: { readonly job: Job; readonly landing: Landing }): string | null {
	const { name } = landing.destination;
	if (job.problem) return `${name} was not made: ${inShort(job.problem)}`;
	switch (landing.state) {
		case 'landed':
			return `${name} is in the cut`;
		case 'not-landed':
			return `${name} is not in the cut but ${KEPT[landing.kept]}: ${inShort(landing.problem)}`;
		case 'gone':
			return `${name} is no longer in the cut`;
		case 'replaced':
		case 'withdrawn':
		case 'waiting':
		case 'landing':
			return null;
	}
}

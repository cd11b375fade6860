import { randomInt, randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { describeLanding, planLanding } from '../../host-bridge/landing.ts';
import { type ComposedTake, composeTake, DRAFT, placeOf } from '../../host-bridge/shot.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { Plan } from '../../protocol/generation.ts';
import { inTurn } from '../../protocol/in-turn.ts';
import type { Job } from '../../protocol/jobs.ts';
import type { Destination, Landing } from '../../protocol/landings.ts';
import type { Params } from '../../protocol/rpc.ts';
import type { Estimate, Shot, ShotPlan } from '../../protocol/shots.ts';
import type { Cut } from '../../protocol/timeline.ts';
import type { Surroundings } from '../jobs/admission.ts';
import { planRequest } from '../jobs/admission.ts';
import type { Journal } from '../jobs/journal.ts';
import type { JobQueue, Wish } from '../jobs/queue.ts';
import { lookAt } from '../media/look.ts';
import type { Cuts } from './cuts.ts';
import type { Connected, Hosts } from './hosts.ts';
import { mediaFolder } from './media-folder.ts';
import { pressAt, standingOfPress, without } from './same-place.ts';
import { idOfTake } from './take-id.ts';

export type ShotsOptions = {
	readonly journal: Journal;
	readonly queue: JobQueue;
	readonly hosts: Hosts;
	readonly cuts: Cuts;
	readonly surroundings: Surroundings;
	/** For clips of projects that were never saved. */
	readonly unsaved: string;
};

/** A draft has its turn before what takes minutes. */
const DRAFT_PRIORITY = 10;

/** An estimate goes by this many finished clips at most. */
const LAST_CLIPS = 6;

/** Makes jobs of what a person presses in a panel. */
export class Shots {
	readonly #options: ShotsOptions;
	/** By the shot: what is being made jobs of. */
	readonly #underWay = new Map<string, Promise<readonly Job[]>>();
	/** One press is taken after the other: a second one for the same place has to see the first. */
	readonly #inTurn = inTurn();

	constructor(options: ShotsOptions) {
		this.#options = options;
	}

	/** Throws the refusal, of the engine or of the place in the cut. */
	async plan(shot: Shot): Promise<ShotPlan> {
		return this.#planIn(await this.#read(shot, { fresh: false }), shot);
	}

	/** Throws the refusal; then nothing is queued. The same shot again is the jobs that it has. */
	submit(shot: Shot): Promise<readonly Job[]> {
		const begun = this.#underWay.get(shot.id);
		if (begun) return begun;
		const jobs = this.#inTurn(() => this.#submit(shot)).finally(() => {
			this.#underWay.delete(shot.id);
		});
		this.#underWay.set(shot.id, jobs);
		return jobs;
	}

	async #submit(shot: Shot): Promise<readonly Job[]> {
		const { journal, queue } = this.#options;
		const known = numbersOf(shot).flatMap((take) => journal.find(idOfTake(shot.id, take)) ?? []);
		if (known.length > 0) return known;
		// What the person did just before the press counts.
		const read = await this.#read(shot, { fresh: true });
		const { plan, draft, folder } = await this.#planIn(read, shot);
		await mkdir(folder, { recursive: true });
		const seed = shot.seed ?? randomInt(2 ** 32);
		if (read.begun !== null) return this.#submitMore(read, shot, read.begun, seed);
		// A plan that is a draft anyhow needs none before it.
		const hasDraft = draft !== null && !plan.draft;
		const wishes = numbersOf(shot)
			.filter((take) => take !== DRAFT.take || hasDraft)
			.map((take): Wish => {
				const composed = this.#compose(read, shot, take, seed + Math.max(0, take - 1));
				return {
					request: composed.request,
					priority: take === DRAFT.take ? DRAFT_PRIORITY : 0,
					takeOf: { shot: shot.id, take },
					// The other takes are for choosing between, unless nothing comes of this one.
					...(take <= 1 ? { landing: landingOf(composed) } : {}),
				};
			});
		return queue.submitAll(wishes);
	}

	/** More takes of a place where one stands or is about to; the first of them takes its place. */
	#submitMore(read: Read, shot: Shot, begun: string, seed: number): Promise<readonly Job[]> {
		const wishes = numbersOf(shot).filter((own) => own !== DRAFT.take);
		return this.#options.queue.submitTakes(
			begun,
			wishes.map((own) => (take: number) => {
				const id = idOfTake(shot.id, own);
				const { request, destination } = this.#compose(read, shot, take, seed + own - 1, id);
				const landing = landingOf({ request, destination });
				return { request, ...(own === 1 ? { landing } : {}) };
			}),
		);
	}

	/**
	 * One more take of a press, made of the very request of one of its takes; it lands nowhere by
	 * itself. Throws `bad-request` for a job that no press made, and what `submit` of a queue throws.
	 */
	async vary({ id, like, seed }: Params<'shot.vary'>): Promise<Job> {
		const { journal, queue } = this.#options;
		const known = journal.find(id);
		if (known) return known;
		const { job, request } = journal.record(like);
		if (job.takeOf === null) {
			throw new PickupError('bad-request', `Expected a take of a press, got job ${like}`, {
				field: 'like',
			});
		}
		const { shot } = job.takeOf;
		await mkdir(request.output.folder, { recursive: true });
		const [varied] = await queue.submitTakes(shot, [
			(take) => {
				const name = request.output.name.replace(/(draft|take \d+)$/, `take ${take}`);
				return { request: { ...request, id, seed, output: { ...request.output, name } } };
			},
		]);
		return varied!;
	}

	async #planIn(read: Read, shot: Shot): Promise<ShotPlan> {
		const take = this.#compose(read, shot, 1, shot.seed ?? 0);
		const plan = await planRequest(take.request, this.#options.surroundings);
		const lands = shot.lands === 'bin' ? '' : landsOn(read, plan, take.destination);
		// One that is placed meanwhile has no place in a bin.
		const hasDraft = !plan.draft && read.begun === null && shot.lands !== 'bin';
		return {
			plan,
			draft: hasDraft ? await this.#draftPlan(read, shot) : null,
			estimate: this.#estimate(plan),
			lands,
			folder: take.request.output.folder,
		};
	}

	async #read(shot: Shot, { fresh }: { readonly fresh: boolean }): Promise<Read> {
		const { hosts, cuts } = this.#options;
		const { where, ...host } = hosts.openSequence(shot.host);
		if (where.project !== shot.project || where.sequence !== shot.sequence) {
			throw new PickupError(
				'placement-conflict',
				`Another sequence is open in ${host.agent.program} now: ${host.state.sequence?.name}`,
				{ field: 'shot.sequence', action: 'Go back to the sequence, or choose the place again.' },
			);
		}
		const { cut } = await (fresh ? cuts.now(host, where) : cuts.of(host, where));
		const sized = cut.sizeAssumed ? await this.#sizedLikeMedia(cut, shot) : cut;
		const project = host.state.project!;
		const { journal } = this.#options;
		const begun = pressAt(journal, sized, {
			...placeOf(sized, shot),
			program: host.agent.program,
			project,
			sequence: host.state.sequence!,
		});
		const standing = begun === null ? [] : standingOfPress(journal, sized, begun);
		return { host, project, cut: sized, bare: without(sized, standing), begun, standing };
	}

	#compose(
		{ bare, host, project, begun }: Read,
		shot: Shot,
		take: number,
		seed: number,
		id = idOfTake(shot.id, take),
	): ComposedTake {
		return composeTake(bare, shot, take, {
			id,
			program: host.agent.program,
			project: { id: project.id, name: project.name },
			sequence: host.state.sequence!,
			folder: mediaFolder(project, this.#options.unsaved),
			codec: host.agent.can.codec,
			seed: seed % 2 ** 32,
			shot: begun ?? shot.id,
		});
	}

	/** Null where none is wanted, or none can be made of this. */
	async #draftPlan(read: Read, shot: Shot): Promise<Plan | null> {
		if (!shot.draft) return null;
		const { surroundings } = this.#options;
		const engines = await surroundings.engines.describe(await surroundings.findFfmpeg());
		const draftEngine = engines.find(({ name }) => name === DRAFT.engine);
		if (!draftEngine?.ready || !draftEngine.kinds.includes(shot.verb)) return null;
		const { request } = this.#compose(read, shot, DRAFT.take, 0);
		return planRequest(request, surroundings).catch((error: unknown) => {
			if (error instanceof PickupError) return null;
			throw error;
		});
	}

	/** Going by what the last clips of the same engine took for as many pixels. */
	#estimate(plan: Plan): Estimate | null {
		const perWork = this.#options.journal
			.lastDone(plan.engine, LAST_CLIPS)
			.flatMap(({ plan: done, startedAt, endedAt }) => {
				if (startedAt === null || endedAt === null) return [];
				return [(Date.parse(endedAt) - Date.parse(startedAt)) / 1000 / workOf(done)];
			})
			.sort((a, b) => a - b);
		const middle = perWork[Math.floor(perWork.length / 2)];
		if (middle === undefined) return null;
		return { seconds: Math.max(0, middle * workOf(plan)), of: perWork.length };
	}

	/** A timeline that does not say how large its picture is gets clips as large as their neighbours. */
	async #sizedLikeMedia(cut: Cut, { track, range }: Shot): Promise<Cut> {
		const ffmpeg = await this.#options.surroundings.findFfmpeg();
		const clips = cut.tracks.find(({ name }) => name === track)?.clips ?? [];
		const beside = clips.filter(
			(clip) => clip.range.end >= range.start && clip.range.start <= range.end,
		);
		for (const { source } of beside) {
			if (source.kind !== 'file' || ffmpeg === null) continue;
			const { size } = await lookAt(ffmpeg, source.path);
			if (size) return { ...cut, sequence: { ...cut.sequence, size } };
		}
		return cut;
	}
}

type Read = {
	readonly host: Connected;
	readonly project: NonNullable<Connected['state']['project']>;
	readonly cut: Cut;
	/** The cut without the clips that the new ones are to take the place of. */
	readonly bare: Cut;
	/** The press that this one goes on with, and its clips that stand in the cut. */
	readonly begun: string | null;
	readonly standing: readonly string[];
};

/** For people. Throws what `planLanding` throws. */
function landsOn({ cut, host, standing }: Read, plan: Plan, destination: Destination): string {
	const { frames, samples, draft } = plan;
	const landing = planLanding(cut, {
		clip: { path: '', frames, rate: cut.sequence.rate, samples, draft },
		destination,
		rivals: standing,
		can: host.agent.can,
	});
	return describeLanding(cut, landing);
}

/** Of its draft and its takes. */
function numbersOf({ takes }: Shot): readonly number[] {
	return Array.from({ length: takes + 1 }, (_, take) => take);
}

/** A landing that waits for its clip. */
export function landingOf({
	request,
	destination,
}: Pick<ComposedTake, 'request' | 'destination'>): Landing {
	return {
		state: 'waiting',
		id: randomUUID(),
		jobId: request.id,
		destination,
		at: new Date().toISOString(),
		waitsFor: 'clip',
	};
}

function workOf({ workSize, workFrames, passes, steps }: Plan): number {
	return workSize.width * workSize.height * workFrames * passes * Math.max(1, steps);
}

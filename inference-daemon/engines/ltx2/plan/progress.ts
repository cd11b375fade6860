import { keep, type Place, readKept } from '../../../../files/json-cache.ts';
import type { Report } from '../../engine.ts';

/** One part of a job. */
export type Phase = {
	/** The same from job to job; may come again later in a plan, not twice in a row. */
	readonly name: string;
	/** What the editor reads. */
	readonly title: string;
	/** How much there is to do, in any unit that all phases share: operations, for example. */
	readonly work: number;
};

type Progress = Extract<Report, { kind: 'progress' }>;

type Wanted = {
	/** Where times are kept. */
	readonly folder: string;
	/** What they belong to: model, device, precision. */
	readonly key: string;
	/** Seconds, from any point on. */
	readonly clock?: () => number;
};

/** Progress of a job, each phase weighted by the time that it took in earlier ones. */
export async function openMeter(wanted: Wanted, phases: readonly Phase[]): Promise<Meter> {
	const { folder, key, clock = () => performance.now() / 1000 } = wanted;
	const place = { folder, key, kind: 'times' };
	return new Meter(place, clock, speedsFrom(await readKept(place)), phases);
}

/** Of a measured phase, below which it had nothing to do: its result was there already. */
const NOTHING = 0.02;
/** The same in seconds, of a phase that was never measured. */
const NOTHING_SECONDS = 0.05;
/** How much a new measurement counts. */
const SHARE_OF_NEWEST = 0.3;

/** Seconds for one unit of work, by the names of phases. */
type Speeds = ReadonlyMap<string, number>;

type Timed = Phase & { readonly seconds: number };

export class Meter {
	readonly #place: Place;
	readonly #clock: () => number;
	readonly #speeds: Speeds;
	readonly #measured = new Map<string, { seconds: number; work: number }>();
	#phases: readonly Timed[];
	/** The phases from this one on share what is left of the progress above `#from`. */
	#first = 0;
	#from = 0;
	#progress = 0;
	#current = -1;
	#since = 0;
	#isRunning = false;

	constructor(place: Place, clock: () => number, speeds: Speeds, phases: readonly Phase[]) {
		this.#place = place;
		this.#clock = clock;
		this.#speeds = speeds;
		this.#phases = timed(phases, speeds);
	}

	/**
	 * So much of a phase is done, 0…1. The phases before it are over; what it brings forward is never
	 * taken back. Throws RangeError for a phase that is not to come.
	 */
	at(name: string, fraction: number): Progress {
		const index = this.#phases.findIndex((phase, i) => i >= this.#current && phase.name === name);
		if (index < 0) {
			const left = this.#phases.slice(Math.max(0, this.#current)).map((phase) => phase.name);
			throw new RangeError(`Expected a phase of ${left.join(', ')}, got ${name}`);
		}
		if (index !== this.#current) this.#turnTo(index);
		const share = fraction > 0 ? Math.min(1, fraction) : 0;
		if (share === 1) this.#end();
		this.#progress = Math.max(this.#progress, Math.min(1, this.#reached(share)));
		return { kind: 'progress', progress: this.#progress, phase: this.#phases[index]!.title };
	}

	/** Something else to read, as far as it has come. */
	with(text: string): Progress {
		return { kind: 'progress', progress: this.#progress, phase: text };
	}

	/** What is still to be done from now on is another plan; progress goes on from where it stands. */
	again(phases: readonly Phase[]): void {
		this.#phases = timed(phases, this.#speeds);
		this.#startOver(0);
		this.#current = -1;
		this.#isRunning = false;
	}

	/** Keeps the times of the phases that came to their end. Never throws. */
	async close(): Promise<void> {
		if (this.#measured.size === 0) return;
		const measured = [...this.#measured];
		this.#measured.clear();
		const speeds = new Map(speedsFrom(await readKept(this.#place)));
		for (const [name, { seconds, work }] of measured) {
			const old = speeds.get(name) ?? seconds / work;
			speeds.set(name, old + SHARE_OF_NEWEST * (seconds / work - old));
		}
		await keep(this.#place, Object.fromEntries(speeds));
	}

	#turnTo(index: number): void {
		this.#end();
		// What was passed over needs no time: the rest of the progress is for the rest of the work.
		if (index > this.#current + 1) this.#startOver(index);
		this.#current = index;
		this.#since = this.#clock();
		this.#isRunning = true;
	}

	#end(): void {
		if (!this.#isRunning) return;
		this.#isRunning = false;
		const { name, work, seconds: expected } = this.#phases[this.#current]!;
		const seconds = this.#clock() - this.#since;
		const least = this.#speeds.has(name) ? NOTHING * expected : NOTHING_SECONDS;
		if (!(seconds > least)) {
			this.#startOver(this.#current + 1);
			return;
		}
		if (work === 0) return;
		const before = this.#measured.get(name) ?? { seconds: 0, work: 0 };
		this.#measured.set(name, { seconds: before.seconds + seconds, work: before.work + work });
	}

	#startOver(first: number): void {
		this.#first = first;
		this.#from = this.#progress;
	}

	#reached(share: number): number {
		const done = this.#phases.slice(this.#first, Math.max(this.#first, this.#current));
		const rest = this.#phases.slice(this.#first);
		if (rest.length === 0) return 1;
		const total = secondsOf(rest);
		const current = this.#current < this.#first ? 0 : this.#phases[this.#current]!.seconds;
		if (total === 0) return this.#from;
		return this.#from + ((1 - this.#from) * (secondsOf(done) + share * current)) / total;
	}
}

/** A phase that was never measured goes as fast as those that were; without any, work is seconds. */
function timed(phases: readonly Phase[], speeds: Speeds): readonly Timed[] {
	const wrong = phases.find(({ work }) => !(work >= 0 && work < Number.POSITIVE_INFINITY));
	if (wrong) throw new RangeError(`Expected an amount of work of ${wrong.name}, got ${wrong.work}`);
	const known = phases.filter(({ name }) => speeds.has(name));
	const work = known.reduce((sum, phase) => sum + phase.work, 0);
	const seconds = known.reduce((sum, phase) => sum + phase.work * speeds.get(phase.name)!, 0);
	const usual = work > 0 ? seconds / work : 1;
	return phases.map((phase) => ({
		...phase,
		seconds: phase.work * (speeds.get(phase.name) ?? usual),
	}));
}

function secondsOf(phases: readonly Timed[]): number {
	return phases.reduce((sum, { seconds }) => sum + seconds, 0);
}

function speedsFrom(value: unknown): Speeds {
	const isSpeed = ([, speed]: readonly [string, unknown]) =>
		typeof speed === 'number' && Number.isFinite(speed) && speed > 0;
	return new Map(Object.entries(value ?? {}).filter(isSpeed) as [string, number][]);
}

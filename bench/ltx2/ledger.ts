import { ownTime, programsTime, threadTime } from './processor.ts';

/** Milliseconds of processor: of all of a process' threads, and of its programs. */
export type Taken = { readonly own: number; readonly programs: number };

/** What was taken while no network was at work, and beside one that was. */
export type Balance = { readonly alone: Taken; readonly beside: Taken };

/** Numbers that both threads see, by their places. */
const [OWN, PROGRAMS, STAND_IN, SINCE_OWN, SINCE_PROGRAMS, IS_AT_WORK] = [0, 1, 2, 3, 4, 5];
const BYTES = 6 * Float64Array.BYTES_PER_ELEMENT;

/**
 * Tells processor time while a network is at work from that while none is. Looking costs some itself,
 * all of it while one is at work; what the thread that stands in for networks takes then counts for nothing.
 */
export class Ledger {
	readonly memory: SharedArrayBuffer;
	readonly #at: Float64Array;
	#sinceThread = 0;

	constructor(memory = new SharedArrayBuffer(BYTES)) {
		this.memory = memory;
		this.#at = new Float64Array(memory);
	}

	/** A network is at work from now on. */
	begin(): void {
		this.#at[SINCE_OWN] = ownTime();
		this.#sinceThread = threadTime();
		this.#at[SINCE_PROGRAMS] = programsTime();
		this.#at[IS_AT_WORK] = 1;
	}

	/** It has done its work; from the thread that told its beginning. */
	end(): void {
		const programs = programsTime();
		this.#at[STAND_IN]! += threadTime() - this.#sinceThread;
		const own = ownTime();
		this.#at[IS_AT_WORK] = 0;
		this.#at[OWN]! += own - this.#at[SINCE_OWN]!;
		this.#at[PROGRAMS]! += programs - this.#at[SINCE_PROGRAMS]!;
	}

	/** Since the process began. */
	read(): Balance {
		const [own, programs] = [ownTime(), programsTime()];
		const isAtWork = this.#at[IS_AT_WORK] === 1;
		const inside = {
			own: this.#at[OWN]! + (isAtWork ? own - this.#at[SINCE_OWN]! : 0),
			programs: this.#at[PROGRAMS]! + (isAtWork ? programs - this.#at[SINCE_PROGRAMS]! : 0),
		};
		return {
			alone: { own: own - inside.own, programs: programs - inside.programs },
			beside: { ...inside, own: inside.own - this.#at[STAND_IN]! },
		};
	}
}

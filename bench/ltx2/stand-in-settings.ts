/** Under which a job's main thread leaves them for the threads that it starts. */
export const STAND_IN = 'stand-in';

export type StandIn = {
	/** Of the job's ledger. */
	readonly memory: SharedArrayBuffer;
	/**
	 * Milliseconds of a session that is opened, a quarter of them, and run, where nothing else is said:
	 * see `benchOverhead`.
	 */
	readonly session: number;
};

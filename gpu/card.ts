/** A graphics card of NVIDIA's, as its driver describes it. */
export type Card = {
	readonly name: string;
	/** Bytes; null where the card shares the processor's or the driver does not tell. */
	readonly memory: number | null;
	/** Bytes of it that no program uses now; null as above. */
	readonly free: number | null;
	/** The driver's version, as 580.95.05; null where it does not tell. */
	readonly driver: string | null;
	/** What it can compute, as 8.9; null where an old driver does not tell. */
	readonly compute: number | null;
};

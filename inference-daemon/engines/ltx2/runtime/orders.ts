import type { InferenceSession } from 'onnxruntime-node';
import type { ElementType } from '../graph/onnx.ts';

/** What JavaScript holds a tensor's elements in. */
export type Elements = Float32Array | BigInt64Array | Int32Array | Uint8Array | Uint16Array;

/** Numbers on their way between the threads, or the id of those that the networks' thread holds. */
export type Fed =
	| { readonly type: ElementType; readonly data: Elements; readonly shape: readonly number[] }
	| number;

/** What a session is opened by. */
export type Opening = {
	readonly graph: Uint8Array;
	readonly provider: string;
	readonly settings: InferenceSession.SessionOptions;
};

/** What the networks' thread is asked for. It takes one order after the other. */
export type Order =
	| ({ readonly kind: 'open' } & Opening)
	| {
			readonly kind: 'run';
			readonly session: number;
			readonly inputs: Readonly<Record<string, Fed>>;
			/** Whether outputs come back or are held there. */
			readonly outputs: 'come' | 'stay';
			/** Whether to look for NaN and infinity first. */
			readonly isWatched: boolean;
	  }
	| ({
			/** A session for one run. */
			readonly kind: 'once';
			readonly inputs: Readonly<Record<string, Fed>>;
			/** Those that stay are in memory, as the session does not. */
			readonly outputs: 'come' | 'stay';
			readonly isWatched: boolean;
	  } & Opening)
	| {
			/** One network after the other; numbers that one gives are there for those behind it. */
			readonly kind: 'chain';
			readonly links: readonly Link[];
			/** By name, for every link that takes them. */
			readonly inputs: Readonly<Record<string, Fed>>;
			/** Outputs by these names are known by others to the links behind. */
			readonly renamed: Readonly<Record<string, string>>;
			/** Whether the last link's come back, or all that are known in the end stay there. */
			readonly outputs: 'come' | 'stay';
			/** What both threads see of it, by `CHAIN`. */
			readonly state: Int32Array<SharedArrayBuffer>;
	  }
	| { readonly kind: 'hold'; readonly value: Exclude<Fed, number> }
	| { readonly kind: 'read'; readonly value: number }
	| { readonly kind: 'close'; readonly session: number };

/** Places of a chain's state: not 0 where no further link is to begin; the link that has begun. */
export const CHAIN = { stop: 0, link: 1 } as const;

/** A session that is open, or one for this run, and the names of its inputs. */
export type Link = { readonly takes: readonly string[] } & ({ readonly session: number } | Opening);

export type Kind = Order['kind'];

/** What an order gives. */
export type Given = {
	readonly open: { readonly session: number };
	readonly run:
		| { readonly outputs: Readonly<Record<string, Output>> }
		| { readonly wrong: Wrong; readonly wrongInput: Wrong | null };
	readonly once: Given['run'];
	/** null where it was stopped. */
	readonly chain: { readonly outputs: Readonly<Record<string, Output>> | null };
	readonly hold: { readonly value: number };
	readonly read: { readonly data: Elements };
	readonly close: Record<never, never>;
};

export type Output = { readonly shape: readonly number[] } & (
	| { readonly data: Elements }
	| { readonly value: number; readonly location: string }
);

/** A number that is not finite. */
export type Wrong = { readonly name: string; readonly index: number };

/** What goes to the networks' thread. */
export type Message = {
	/** Values that are held there and wanted no more, before anything else is done. */
	readonly dropped: readonly number[];
	/** To be answered. */
	readonly asked: { readonly id: number; readonly order: Order } | null;
};

export type Reply =
	| { readonly order: number; readonly given: Given[Kind] }
	| { readonly order: number; readonly failure: string };

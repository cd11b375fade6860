import { createHash } from 'node:crypto';
import type { Feed, Graph } from '../graph/graph.ts';
import { blocksGraph, headGraph, type Transformer, tailGraph } from '../networks/transformer.ts';
import type { SkippedSelfAttention } from '../networks/transformer-block.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';

export type Kind = 'head' | 'block' | 'tail';

/** Of which blocks, by number, streams do not look at themselves. */
export type Skipped = ReadonlyMap<number, SkippedSelfAttention> | undefined;

/** What a part is for work of one size. */
export type Part = {
	/** The same for parts that one session can run. */
	readonly key: string;
	readonly graph: Graph;
	/** Its own weights. */
	readonly feeds: readonly Feed[];
};

/** The number of a block among the parts. */
export function partOfBlock(block: number): number {
	return 1 + block;
}

/** A transformer as what runs one after the other: its head, its blocks and its tail, numbered from 0. */
export class TransformerParts {
	readonly #checkpoint: Checkpoint;
	readonly #blocks: number;
	/** By which they are at which sizes. */
	readonly #known = new Map<string, Part>();
	/** The first of those that are equal. */
	readonly #graphs = new Map<string, Graph>();

	constructor(checkpoint: Checkpoint, blocks: number) {
		this.#checkpoint = checkpoint;
		this.#blocks = blocks;
	}

	get count(): number {
		return partOfBlock(this.#blocks) + 1;
	}

	kindOf(part: number): Kind {
		if (part === 0) return 'head';
		return part === this.count - 1 ? 'tail' : 'block';
	}

	/** All weights that any pass takes of a part. Throws as `of`. */
	weightsOf(part: number, model: Transformer): readonly Feed[] {
		return this.of(part, { ...model, work: { ...model.work, isolated: false } }).feeds;
	}

	/** Throws PickupError `bad-weights` that names what the checkpoint lacks. */
	of(part: number, model: Transformer, skipped?: Skipped): Part {
		const skips = skipped?.has(part - partOfBlock(0)) ? skipped : undefined;
		const which = JSON.stringify([part, model.work, skips && [...skips]]);
		const known = this.#known.get(which);
		if (known) return known;
		const graph = this.#graph(part, model, skips);
		this.#checkpoint.check();
		const key = createHash('sha256').update(graph.encode()).digest('hex');
		const first = this.#graphs.get(key) ?? graph;
		this.#graphs.set(key, first);
		const made = { key, graph: first, feeds: graph.feeds };
		this.#known.set(which, made);
		return made;
	}

	#graph(part: number, model: Transformer, skipSelfAttention: Skipped): Graph {
		const kind = this.kindOf(part);
		if (kind === 'block') {
			const block = part - partOfBlock(0);
			return blocksGraph(model, block, block, skipSelfAttention && { skipSelfAttention });
		}
		// They scale and shift all that the blocks do: in int8 they alone would double the error.
		const { weightInputs: weights } = model;
		const exact = { ...model, weightInputs: weights === 'int8' ? 'float' : weights } as const;
		return kind === 'head' ? headGraph(exact) : tailGraph(exact);
	}
}

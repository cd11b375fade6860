import type { Weights } from '../weights/checkpoint.ts';
import type { Tensor } from '../weights/safetensors.ts';
import type { Graph, Precision, Shape, Value } from './graph.ts';
import { Operators } from './operators.ts';
import { parameter } from './parameter.ts';

/**
 * A module of a network while it is put into a graph: the operators, and its weights by the names that
 * the checkpoint has below the module's path.
 */
export class Scope extends Operators {
	readonly weights: Weights;

	/** `path` is what nodes and inputs are called after. */
	constructor(graph: Graph, weights: Weights, path = weights.prefix) {
		super(graph, path);
		this.weights = weights;
	}

	/** The module of that name in this one: `at('attn1')`, `at('transformer_blocks.3')`. */
	at(name: string | number): Scope {
		const path = this.path === '' ? String(name) : `${this.path}.${name}`;
		return new Scope(this.graph, this.weights.at(name), path);
	}

	/** The same module under another path: equal parts of a network make equal graphs. */
	as(path: string): Scope {
		return new Scope(this.graph, this.weights, path);
	}

	has(name: string): boolean {
		return this.weights.has(name);
	}

	/** A tensor of the checkpoint as float32, whatever it is stored in. */
	param(name: string, shape: Shape): Value {
		return this.#in('float32', name, shape);
	}

	/** A tensor of the checkpoint in the type in which the graph multiplies matrices. */
	matrix(name: string, shape: Shape): Value {
		return this.#in(this.graph.precision, name, shape);
	}

	/** Rows `from ≤ i < to` of a matrix of that shape, read as they are where it is stored as it is. */
	matrixRows(name: string, shape: readonly [number, number], from: number, to: number): Value {
		const stored = this.weights.stored(name, shape);
		const { precision } = this.graph;
		const rows = [to - from, shape[1]];
		if (stored?.kind !== 'plain') {
			return this.slice(parameter(this, stored, shape, precision), 0, from, to);
		}
		const { tensor } = stored;
		const row = tensor.bytes / shape[0];
		const some = { offset: tensor.offset + from * row, bytes: (to - from) * row, shape: rows };
		return this.cast(this.graph.weight({ ...tensor, ...some }), precision);
	}

	/** A matrix of the checkpoint, [n, k], as int8; see `Graph.fedInt8`. */
	int8(name: string, shape: readonly [number, number]) {
		return this.graph.fedInt8(`${this.path}.${name}`, this.weights.int8(name, shape), shape);
	}

	/** A part of a LoRA in the type wanted. */
	lowRank(tensor: Tensor, name: string, type: Precision): Value {
		const { weightInputs } = this.graph;
		if (weightInputs === null || weightInputs === 'stored') {
			return this.cast(this.graph.weight(tensor), type);
		}
		const stored = { kind: 'plain', tensor } as const;
		return this.cast(this.graph.fed(`${this.path}.${name}`, stored, tensor.shape), type);
	}

	#in(type: Precision, name: string, shape: Shape): Value {
		const stored = this.weights.stored(name, shape);
		const { weightInputs } = this.graph;
		if (weightInputs === null || weightInputs === 'stored') {
			return parameter(this, stored, shape, type);
		}
		return this.cast(this.graph.fed(`${this.path}.${name}`, stored, shape), type);
	}
}

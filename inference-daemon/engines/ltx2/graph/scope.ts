import type { Weights } from '../weights/checkpoint.ts';
import type { Graph, Shape, Value } from './graph.ts';
import { Operators } from './operators.ts';
import { parameter } from './parameter.ts';

/**
 * A module of a network while it is put into a graph: the operators, and its weights by the names that
 * the checkpoint has below the module's path.
 */
export class Scope extends Operators {
	readonly weights: Weights;

	constructor(graph: Graph, weights: Weights) {
		super(graph, weights.prefix);
		this.weights = weights;
	}

	/** The module of that name in this one: `at('attn1')`, `at('transformer_blocks.3')`. */
	at(name: string | number): Scope {
		return new Scope(this.graph, this.weights.at(name));
	}

	has(name: string): boolean {
		return this.weights.has(name);
	}

	/** A tensor of the checkpoint as float32, whatever it is stored in. */
	param(name: string, shape: Shape): Value {
		return parameter(this, this.weights.stored(name, shape), shape, 'float32');
	}

	/** A tensor of the checkpoint in the type in which the graph multiplies matrices. */
	matrix(name: string, shape: Shape): Value {
		return parameter(this, this.weights.stored(name, shape), shape, this.graph.precision);
	}
}

import { Graph, type Precision, type Value } from '../graph/graph.ts';
import { attention, linear, type Rotary, rotate } from '../graph/layers.ts';
import { Scope } from '../graph/scope.ts';
import type { Weights } from '../weights/checkpoint.ts';
import { type RotaryTable, rotaryTable } from './rope.ts';

export type ConnectorConfig = {
	readonly heads: number;
	/** Of all heads together. */
	readonly width: number;
	readonly layers: number;
	/** Learned tokens that fill up a prompt. */
	readonly registers: number;
	/** The position that stands for 1 in the rotary table. */
	readonly maxPosition: number;
	/** Each head's result is multiplied by 2 · sigmoid of a gate (2.3 on). */
	readonly gated: boolean;
	readonly feedForwardBias: boolean;
};

/** Tokens of context that the official pipelines give the transformer, however short the prompt. */
export const CONTEXT_TOKENS = 1024;

const EPSILON = 1e-6;

export type ConnectorOptions = {
	/** Tokens of context, a multiple of the registers; default CONTEXT_TOKENS. */
	readonly length?: number;
	readonly precision?: Precision;
	/** Is told `input` and `block0`, `block1`, … [length, width]. */
	readonly watch?: (graph: Graph, name: string, value: Value) => void;
};

/**
 * `features` [n, width] of a prompt's tokens and all `connectorRows` → `context` [length, width], of
 * which all tokens count. `weights` are those below `…_embeddings_connector`.
 */
export function connectorGraph(
	weights: Weights,
	config: ConnectorConfig,
	n: number,
	{ length = CONTEXT_TOKENS, precision, watch }: ConnectorOptions = {},
): Graph {
	const { heads, width, layers } = config;
	const graph = new Graph('connector', { precision });
	const m = new Scope(graph, weights);
	const table = [length, heads, width / heads / 2];
	const rope = { cos: graph.input('cos', table), sin: graph.input('sin', table) };
	let x = fillUp(m, graph.input('features', [n, width]), length, config.registers);
	watch?.(graph, 'input', x);
	for (let i = 0; i < layers; i++) {
		const block = m.at('transformer_1d_blocks').at(i);
		x = m.add(x, selfAttention(block.at('attn1'), m.rmsNorm(x, null, EPSILON), rope, config));
		x = m.add(x, feedForward(block.at('ff'), m.rmsNorm(x, null, EPSILON), config));
		watch?.(graph, `block${i}`, x);
	}
	graph.output('context', m.rmsNorm(x, null, EPSILON));
	return graph;
}

/** What the graph wants beside `features`: `cos`, `sin` [length, heads, width / heads / 2]. */
export function connectorRows(config: ConnectorConfig, length: number): RotaryTable {
	const { heads, width, maxPosition } = config;
	const positions = Float32Array.from({ length }, (_, i) => i);
	return rotaryTable([positions], { width, heads, maxPositions: [maxPosition] });
}

/** Register p mod `count` at each position p from the end of the prompt on. */
function fillUp(m: Scope, features: Value, length: number, count: number): Value {
	const [tokens, width] = features.shape as [number, number];
	if (tokens > length || length % count !== 0) {
		throw m.mismatch(`at most ${length} tokens, a multiple of ${count}`, `${tokens}`);
	}
	const registers = m.param('learnable_registers', [count, width]);
	const whole = new Array<Value>(Math.floor((length - tokens) / count)).fill(registers);
	const started = tokens % count;
	const rest = started === 0 ? [] : [m.slice(registers, 0, started, count)];
	return m.concat([features, ...rest, ...whole], 0);
}

function selfAttention(m: Scope, x: Value, rope: Rotary, config: ConnectorConfig): Value {
	const { heads, width, gated } = config;
	const turned = (name: string, norm: string) => {
		const scale = m.at(norm).param('weight', [width]);
		return rotate(m, m.rmsNorm(linear(m.at(name), x, width), scale, EPSILON), rope, heads);
	};
	// 1 / √d is taken into the queries: products of float16 stay small.
	const q = m.mul(turned('to_q', 'q_norm'), Math.sqrt(heads / width));
	const k = turned('to_k', 'k_norm');
	let out = attention(m, q, k, linear(m.at('to_v'), x, width), { heads, scale: 1 });
	if (gated) {
		const gate = m.mul(m.unary('Sigmoid', linear(m.at('to_gate_logits'), x, heads)), 2);
		const byHead = m.reshape(out, [x.shape[0]!, heads, width / heads]);
		out = m.reshape(m.mul(byHead, m.reshape(gate, [x.shape[0]!, heads, 1])), x.shape);
	}
	return linear(m.at('to_out.0'), out, width);
}

function feedForward(m: Scope, x: Value, { width, feedForwardBias: bias }: ConnectorConfig): Value {
	const h = m.gelu(linear(m.at('net.0.proj'), x, 4 * width, { bias }));
	return linear(m.at('net.2'), h, width, { bias });
}

import { Graph, type Precision, type Value } from '../graph/graph.ts';
import { attention, linear, type Rotary, rotate } from '../graph/layers.ts';
import { Scope } from '../graph/scope.ts';
import type { Weights } from '../weights/checkpoint.ts';
import { type RotaryTable, rotaryTable } from './rope.ts';

export type ConnectorConfig = {
	readonly heads: number;
	readonly headWidth: number;
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

/**
 * `features` [n, heads · headWidth] of a prompt's tokens and `connectorInputs` → `context`
 * [length, heads · headWidth], of which all tokens count.
 */
export function connectorGraph(
	weights: Weights,
	config: ConnectorConfig,
	n: number,
	length = CONTEXT_TOKENS,
	precision: Precision = 'float32',
): Graph {
	const { heads, headWidth } = config;
	const graph = new Graph(weights.prefix, precision);
	const features = graph.input('features', [n, heads * headWidth]);
	const table = [length, heads, headWidth / 2];
	const rope = { cos: graph.input('cos', table), sin: graph.input('sin', table) };
	graph.output('context', connector(new Scope(graph, weights), features, rope, config));
	return graph;
}

/** What the graph wants beside `features`: `cos`, `sin` [length, heads, headWidth / 2] of 0 … length − 1. */
export function connectorInputs(config: ConnectorConfig, length = CONTEXT_TOKENS): RotaryTable {
	const { heads, headWidth, maxPosition } = config;
	const positions = Float32Array.from({ length }, (_, position) => position);
	return rotaryTable([positions], {
		...{ width: heads * headWidth, heads, maxPositions: [maxPosition] },
	});
}

/** As `connectorGraph`; `watch` is told `input` and `block0`, `block1`, … [length, width] as they are made. */
export function connector(
	m: Scope,
	features: Value,
	rope: Rotary,
	config: ConnectorConfig,
	watch?: (name: string, value: Value) => void,
): Value {
	let x = fillUp(m, features, rope.cos.shape[0]!, config.registers);
	watch?.('input', x);
	for (let i = 0; i < config.layers; i++) {
		const block = m.at('transformer_1d_blocks').at(i);
		x = m.add(x, selfAttention(block.at('attn1'), m.rmsNorm(x, null, EPSILON), rope, config));
		x = m.add(x, feedForward(block.at('ff'), m.rmsNorm(x, null, EPSILON), config));
		watch?.(`block${i}`, x);
	}
	return m.rmsNorm(x, null, EPSILON);
}

/** Register p mod `count` at each position p from the end of the prompt on. */
function fillUp(m: Scope, features: Value, length: number, count: number): Value {
	const [tokens, width] = features.shape as [number, number];
	if (tokens > length || length % count !== 0) {
		throw m.mismatch(`at most ${length} tokens, a multiple of ${count}`, `${tokens}`);
	}
	const registers = m.param('learnable_registers', [count, width]);
	const whole = Math.floor((length - tokens) / count);
	const first = tokens % count;
	const rest = first === 0 ? [] : [m.slice(registers, 0, first, count)];
	return m.concat([features, ...rest, ...new Array<Value>(whole).fill(registers)], 0);
}

function selfAttention(m: Scope, x: Value, rope: Rotary, config: ConnectorConfig): Value {
	const [tokens, width] = x.shape as [number, number];
	const { heads, headWidth, gated } = config;
	const turned = (name: string, norm: string) => {
		const y = linear(m.at(name), x, width);
		const scale = m.at(norm).param('weight', [width]);
		return rotate(m, m.rmsNorm(y, scale, EPSILON), rope, heads);
	};
	const [q, k] = [turned('to_q', 'q_norm'), turned('to_k', 'k_norm')];
	let out = attention(m, q, k, linear(m.at('to_v'), x, width), { heads });
	if (gated) {
		const logits = linear(m.at('to_gate_logits'), x, heads);
		const gate = m.reshape(m.mul(m.unary('Sigmoid', logits), 2), [tokens, heads, 1]);
		out = m.reshape(m.mul(m.reshape(out, [tokens, heads, headWidth]), gate), [tokens, width]);
	}
	return linear(m.at('to_out.0'), out, width);
}

function feedForward(m: Scope, x: Value, { feedForwardBias: bias }: ConnectorConfig): Value {
	const width = x.shape.at(-1)!;
	const h = m.gelu(linear(m.at('net.0.proj'), x, 4 * width, { bias }));
	return linear(m.at('net.2'), h, width, { bias });
}

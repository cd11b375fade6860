import { Graph, type Value } from '../graph/graph.ts';
import { Scope } from '../graph/scope.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import { middles, type RotaryOptions, rotaryTurns, type Table } from './rope.ts';
import type { StreamConfig, TransformerConfig } from './transformer-config.ts';

/** Where the tokens of a stream are. */
export type StreamPositions = {
	readonly stream: StreamConfig;
	/** [axes, tokens, 2]: where each starts and ends in seconds, then pixels down and across. */
	readonly bounds: Table;
};

type Input = { readonly data: Float32Array | BigInt64Array; readonly shape: readonly number[] };

/**
 * The rotary tables of streams s, `s.cos`, `s.sin`, `s.cross_cos` and `s.cross_sin` as `rotaryTable`
 * has them, as a graph without weights, and what it takes. Tables are large (100 MB for 121 frames of
 * 768×512) and made of few numbers, which are put where they belong on the device itself.
 */
export function rotaryGraph(
	config: TransformerConfig,
	streams: readonly StreamPositions[],
): { readonly graph: Graph; readonly inputs: Readonly<Record<string, Input>> } {
	const graph = new Graph('rotary tables');
	const m = new Scope(graph, new Checkpoint([]).root);
	const inputs: Record<string, Input> = {};
	const give = (name: string, type: 'float32' | 'int64', input: Input) => {
		inputs[name] = input;
		return graph.input(name, input.shape, type);
	};
	const addTables = (name: string, positions: readonly Float32Array[], options: RotaryOptions) => {
		const { turns, padding } = rotaryTurns(positions, options);
		const rows = turns.map(({ rows }, axis) => give(`${name}rows ${axis}`, 'int64', rows));
		for (const part of ['cos', 'sin'] as const) {
			const along = turns.map((turn, axis) => {
				return m.gather(give(`${name}${part} ${axis}`, 'float32', turn[part]), rows[axis]!);
			});
			const angles = padded(m, alternating(m, along), padding, part === 'cos' ? 1 : 0);
			const { width, heads } = options;
			const shape = [angles.shape[0]!, heads, width / 2 / heads];
			graph.output(`${name}${part}`, m.reshape(angles, shape));
		}
	};
	const { theta, cross } = config;
	for (const { stream, bounds } of streams) {
		const { name, width, heads, maxPositions } = stream;
		const positions = middles(bounds);
		addTables(`${name}.`, positions, { width, heads, maxPositions, theta });
		addTables(`${name}.cross_`, positions.slice(0, 1), {
			width: cross.width,
			heads: cross.heads,
			maxPositions: [cross.maxSeconds],
			theta,
		});
	}
	return { graph, inputs };
}

/** Of axes' [tokens, frequencies] the first numbers of all, then the second ones, [tokens, axes · frequencies]. */
function alternating(m: Scope, along: readonly Value[]): Value {
	const [tokens, count] = along[0]!.shape as [number, number];
	if (along.length === 1) return along[0]!;
	const apart = along.map((values) => m.reshape(values, [tokens, count, 1]));
	return m.reshape(m.concat(apart, 2), [tokens, count * along.length]);
}

function padded(m: Scope, angles: Value, padding: number, value: number): Value {
	if (padding === 0) return angles;
	const first = m.expand(m.constant([value], [1, 1]), [angles.shape[0]!, padding]);
	return m.concat([first, angles], 1);
}

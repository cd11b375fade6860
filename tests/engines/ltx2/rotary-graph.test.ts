import { expect, it } from 'vitest';
import {
	middles,
	rotaryTable,
	type Table,
} from '../../../inference-daemon/engines/ltx2/networks/rope.ts';
import { rotaryGraph } from '../../../inference-daemon/engines/ltx2/networks/rotary-graph.ts';
import { transformerConfig } from '../../../inference-daemon/engines/ltx2/networks/transformer-config.ts';
import { goldenCase, goldenWeights, PROVIDERS, runGraph } from './golden.ts';

const CASES = PROVIDERS.flatMap((provider) =>
	(
		[
			['dit-2.0', 'uniform-large'],
			['dit-2.3', 'first-frame-strength'],
			['dit-2.5', 'keyframe-slot'],
		] as const
	).map(([network, name]) => ({ provider, network, name })),
);

it.each(CASES)('$network $name on $provider: each number is that of the table', async (given) => {
	const { provider, network, name } = given;
	const { config: checkpoint } = await goldenWeights(network);
	const config = transformerConfig(checkpoint.transformer);
	const { tensors } = await goldenCase(network, name);
	const bounds = (stream: string): Table => {
		const { data, shape } = tensors[`in.${stream}_positions`]!;
		return { data, shape: shape.slice(1) };
	};
	const streams = [config.video, config.audio];
	const { graph, inputs } = rotaryGraph(
		config,
		streams.map((stream) => ({ stream, bounds: bounds(stream.name) })),
	);
	const made = await runGraph(graph, inputs, provider);
	const { cross, theta } = config;
	for (const { name: s, width, heads, maxPositions } of streams) {
		const positions = middles(bounds(s));
		const own = rotaryTable(positions, { width, heads, maxPositions, theta });
		const crossed = rotaryTable(positions.slice(0, 1), {
			width: cross.width,
			heads: cross.heads,
			maxPositions: [cross.maxSeconds],
			theta,
		});
		expect(made[`${s}.cos`]).toEqual(own.cos);
		expect(made[`${s}.sin`]).toEqual(own.sin);
		expect(made[`${s}.cross_cos`]).toEqual(crossed.cos);
		expect(made[`${s}.cross_sin`]).toEqual(crossed.sin);
	}
	expect(Object.keys(made)).toHaveLength(8);
});

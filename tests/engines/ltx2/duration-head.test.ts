import { describe, expect, it } from 'vitest';
import {
	durationConfig,
	durationHeadGraph,
} from '../../../inference-daemon/engines/ltx2/networks/duration-head.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import { PickupError } from '../../../protocol/errors.ts';
import { type Case, errorOf, goldenCase, goldenWeights, PROVIDERS } from './golden.ts';

describe.each(PROVIDERS)('on %s', (provider) => {
	it('gives the reference’s seconds for each prompt', async () => {
		const checkpoint = await goldenWeights('duration-head');
		const config = durationConfig(checkpoint.config);
		const { tensors } = await goldenCase('duration-head', 'context');
		const [batch, tokens] = tensors['in.video_context']!.shape as [number, number];
		const graph = durationHeadGraph(checkpoint.at('duration_head'), config, tokens);
		checkpoint.check();
		expect(checkpoint.unused()).toEqual([]);
		const session = await Session.open(graph, { provider });
		const seconds: number[] = [];
		for (let row = 0; row < batch; row++) {
			const video = rowOf(tensors['in.video_context']!, row);
			const audio = rowOf(tensors['in.audio_context']!, row);
			const found = await session.run({ video, audio });
			seconds.push(...(found.seconds!.data as Float32Array));
		}
		await session.release();
		const found = { data: Float32Array.from(seconds), shape: [batch] };

		expect(errorOf(found, tensors['out.seconds']!)).toBeLessThan(1e-5);
	});
});

it('LTX-2.5’s widths stand in where the file does not tell', () => {
	expect(durationConfig()).toEqual({
		transformer: { cross_attention_dim: 4096, audio_cross_attention_dim: 2048 },
		duration_head: {
			pooler_hidden_dim: 256,
			num_queries: 1,
			num_pooler_heads: 4,
			mlp_hidden: 256,
		},
	});
});

it('a head with more than one query is refused by name', () => {
	expect(() => durationConfig({ duration_head: { num_queries: 2 } })).toThrow(PickupError);
	expect(() => durationConfig({ duration_head: { num_queries: 2 } })).toThrow(/num_queries/);
});

function rowOf({ data, shape }: Case['tensors'][string], row: number) {
	const [, tokens, width] = shape as [number, number, number];
	const size = tokens * width;
	return { data: data.subarray(row * size, (row + 1) * size), shape: [tokens, width] };
}

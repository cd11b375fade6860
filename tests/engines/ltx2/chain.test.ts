import { afterEach, describe, expect, it } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import {
	type ChainOptions,
	runChain,
} from '../../../inference-daemon/engines/ltx2/runtime/chain.ts';
import { liveSessions, onSessions } from '../../../inference-daemon/engines/ltx2/runtime/live.ts';
import { releaseAll } from '../../../inference-daemon/engines/ltx2/runtime/on-device.ts';
import type { Resident } from '../../../inference-daemon/engines/ltx2/runtime/resident.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { anonymous, power } from './small-graphs.ts';
import { tinyCheckpoint } from './tiny.ts';

afterEach(() => expect(liveSessions()).toEqual([]));

const CPU = { provider: 'cpu', renamed: { next: 'x', y: 'x' }, outputs: 'come' } as const;

/** next = x · scale + add, [n]. */
function step(name: string, n = 2): Graph {
	const graph = new Graph(name);
	const m = new Scope(graph, new Checkpoint([]).root);
	const [x, scale, add] = ['x', 'scale', 'add'].map((input) => graph.input(input, [n]));
	graph.output('next', m.add(m.mul(x!, scale!), add!));
	return graph;
}

const numbers = (...data: number[]) => ({ data: Float32Array.from(data), shape: [data.length] });
const inputs = { x: numbers(1, 2), scale: numbers(2, 3), add: numbers(10, 20) };

describe.each(['in sessions that are open', 'each in a session of its own'])('Graphs %s', (how) => {
	async function chain(graphs: readonly Graph[], options: Partial<ChainOptions> = {}) {
		const isOpen = how.startsWith('in');
		const sessions = isOpen ? await Promise.all(graphs.map((graph) => Session.open(graph))) : [];
		const links = graphs.map((graph, i) => ({ graph, session: sessions[i] ?? null }));
		try {
			return await runChain(links, inputs, { ...CPU, ...options });
		} finally {
			await Promise.all(sessions.map((session) => session.release()));
		}
	}

	it('take what those before them give', async () => {
		const { next } = await chain([step('first'), step('second'), step('third')]);
		// ((1 · 2 + 10) · 2 + 10) · 2 + 10, and the like.
		expect(next).toEqual({ data: Float32Array.of(78, 314), shape: [2] });
	});

	it('leave what is known in the end, for others', async () => {
		const { x, ...others } = await chain([step('first'), step('second')], { outputs: 'stay' });
		expect(others).toEqual({});
		const { next } = await runChain(
			[{ graph: step('third'), session: null }],
			{ ...inputs, x: x! },
			CPU,
		);
		expect(next!.shape).toEqual([2]);
		expect([...(next as { data: Float32Array }).data]).toEqual([78, 314]);
		expect([...(await (x as Resident).read()).data]).toEqual([34, 98]);
		releaseAll({ x: x! });
	});

	it('are told of in their order, each once', async () => {
		const begun: number[] = [];
		const graphs = Array.from({ length: 9 }, (_, i) => step(`step ${i}`));
		await chain(graphs, { onLink: (index) => begun.push(index) });
		expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
	});

	it('end with the one that fails, which is named', async () => {
		const graph = new Graph('nonsense');
		const m = new Scope(graph, new Checkpoint([]).root);
		// Its second row is beyond the end.
		const at = graph.constant('at', 'int64', [2], BigInt64Array.of(0n, 7n));
		graph.output('next', m.op('Gather', [graph.input('x', [2]), at], [2]));
		const made = chain([step('first'), graph, step('third')]);
		await expect(made).rejects.toMatchObject({
			code: 'engine-failed',
			message: expect.stringContaining('Expected nonsense to run on cpu'),
		});
	});
});

it('no graph begins after the signal is aborted', async () => {
	const reason = new Error('given up');
	const stop = new AbortController();
	const begun: number[] = [];
	const graphs = [0, 1, 2, 3].map((i) => power(512, 60, `power ${i}`));
	const seen: string[] = [];
	const end = onSessions((names) => seen.push(...names));
	const data = new Float32Array(512 * 512);
	const made = runChain(
		graphs.map((graph) => ({ graph, session: null })),
		{ x: { data, shape: [512, 512] } },
		{
			...CPU,
			signal: stop.signal,
			onLink(index) {
				begun.push(index);
				if (index === 1) stop.abort(reason);
			},
		},
	);
	await expect(made).rejects.toBe(reason);
	end();
	expect(begun).toEqual([0, 1]);
	expect(seen).toEqual(['power 0', 'power 1']);
});

it('nothing is asked for where the signal was aborted before', async () => {
	const links = [{ graph: step('first'), session: null }];
	const signal = AbortSignal.abort(new Error('given up'));
	await expect(runChain(links, inputs, { ...CPU, signal })).rejects.toThrow('given up');
});

it('what is replaced gives its memory back at once', async () => {
	const side = 1024;
	const x = { data: new Float32Array(side * side), shape: [side, side] };
	const graph = power(side, 1);
	const before = anonymous();
	let most = 0;
	const links = Array.from({ length: 60 }, () => ({ graph, session: null }));
	const look = () => {
		most = Math.max(most, anonymous());
	};
	await runChain(links, { x }, { ...CPU, onLink: look });
	look();
	// Each is 4 MB.
	expect(most - before).toBeLessThan(120);
});

it('what does not fit together is refused before anything runs', async () => {
	const links = [step('first'), step('second', 3)].map((graph) => ({ graph, session: null }));
	await expect(runChain(links, inputs, CPU)).rejects.toThrow('second: expected x of [3], got [2]');
	const { add: _, ...fewer } = inputs;
	await expect(runChain(links, fewer, CPU)).rejects.toThrow('first: expected input add, got none');
});

it('a graph whose numbers nobody has looked at yet is refused', async () => {
	const checkpoint = await Checkpoint.open(await tinyCheckpoint('ltx-2-tiny'));
	const graph = new Graph('scale');
	const m = new Scope(graph, checkpoint.at('model.diffusion_model'));
	const table = m.param('scale_shift_table', [
		2,
		checkpoint.shape('model.diffusion_model.scale_shift_table')![1]!,
	]);
	graph.output('next', m.add(table, graph.input('x', table.shape)));
	const x = { data: new Float32Array(2 * table.shape[1]!), shape: table.shape };
	const chain = () => runChain([{ graph, session: null }], { x }, CPU);
	await expect(chain()).rejects.toThrow('Expected scale to have been run before');
	const { next } = await Session.once(graph, { x });
	expect((await chain()).next).toEqual(next);
});

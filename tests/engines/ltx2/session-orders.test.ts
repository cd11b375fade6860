import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import { DeviceMemory } from '../../../inference-daemon/engines/ltx2/runtime/device-memory.ts';
import { liveSessions } from '../../../inference-daemon/engines/ltx2/runtime/live.ts';
import type { Provider } from '../../../inference-daemon/engines/ltx2/runtime/provider.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import { DeviceValue } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { AGAIN, SEED, tries } from '../../tries.ts';
import { anonymous } from './small-graphs.ts';
import { useSwiftShader } from './swiftshader.ts';

useSwiftShader();
afterEach(() => expect(liveSessions()).toEqual([]));

/** At once in one process. */
const MOST_SESSIONS = 4;
const SIDE = 64;

/** x · scale, so many times over. */
function powers(nodes: number): Graph {
	const graph = new Graph(`powers of ${nodes}`);
	const m = new Scope(graph, new Checkpoint([]).root);
	let y = graph.input('x', [SIDE, SIDE]);
	const half = m.constant(diagonal(0.5), [SIDE, SIDE]);
	for (let i = 0; i < nodes; i++) y = m.matmul(y, half);
	graph.output('y', y);
	return graph;
}

function diagonal(value: number): Float32Array {
	const data = new Float32Array(SIDE * SIDE);
	for (let i = 0; i < SIDE; i++) data[i * (SIDE + 1)] = value;
	return data;
}

const order = fc.oneof(
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant('open' as const),
			provider: fc.constantFrom<Provider>('cpu', 'webgpu'),
			nodes: fc.integer({ min: 1, max: 12 }),
		}),
	},
	{
		weight: 6,
		arbitrary: fc.record({
			kind: fc.constant('run' as const),
			at: fc.nat(MOST_SESSIONS - 1),
			/** Turns of the event loop after which it is given up; none: never. */
			givenUp: fc.option(fc.nat(3)),
			isOnDevice: fc.boolean(),
			isWaitedFor: fc.boolean(),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant('release' as const),
			at: fc.nat(MOST_SESSIONS - 1),
			isWaitedFor: fc.boolean(),
		}),
	},
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
);

type Order = typeof order extends fc.Arbitrary<infer T> ? T : never;
type Open = { readonly session: Session; readonly nodes: number; readonly provider: Provider };

/** Does what it is told to sessions of both providers, and checks all that comes of it. */
class Bench {
	readonly #open: Open[] = [];
	readonly #underWay: Promise<void>[] = [];
	#memory: Promise<DeviceMemory> | null = null;

	async do(asked: Order): Promise<void> {
		switch (asked.kind) {
			case 'open': {
				if (this.#open.length === MOST_SESSIONS) return;
				const { provider, nodes } = asked;
				this.#open.push({
					session: await Session.open(powers(nodes), { provider }),
					nodes,
					provider,
				});
				return;
			}
			case 'run': {
				const open = this.#open[asked.at];
				if (!open) return;
				const run = this.#run(open, asked);
				this.#underWay.push(run);
				if (asked.isWaitedFor) await run;
				return;
			}
			case 'release': {
				const [open] = this.#open.splice(asked.at, 1);
				const released = open?.session.release() ?? Promise.resolve();
				this.#underWay.push(released);
				if (asked.isWaitedFor) await released;
				return;
			}
			case 'forget': {
				await Promise.all(this.#underWay.splice(0));
				await (await this.#memory)?.release();
				this.#memory = null;
			}
		}
	}

	async end(): Promise<void> {
		await Promise.all(this.#underWay.splice(0));
		await Promise.all(this.#open.splice(0).map(({ session }) => session.release()));
		await (await this.#memory)?.release();
	}

	async #run({ session, nodes, provider }: Open, asked: Extract<Order, { kind: 'run' }>) {
		const reason = new Error('given up');
		const stop = new AbortController();
		const x = { data: diagonal(2 ** nodes), shape: [SIDE, SIDE] };
		const isKept = asked.isOnDevice && provider === 'webgpu';
		if (isKept) this.#memory ??= DeviceMemory.open('webgpu');
		const inputs = isKept ? await (await this.#memory!).hold({ x }) : { x };
		const running = session.run(inputs, { signal: stop.signal });
		const givingUp = this.#giveUp(asked.givenUp, () => stop.abort(reason));
		try {
			const { y } = await running;
			expect(y).not.toBeInstanceOf(DeviceValue);
			expect(y!.data).toEqual(diagonal(1));
		} catch (error) {
			const isReleased = /was released before/.test(String(error));
			if (error !== reason && !isReleased) throw error;
		}
		await givingUp;
	}

	async #giveUp(turns: number | null, stop: () => void): Promise<void> {
		if (turns === null) return;
		for (let i = 0; i < turns; i++) await turn();
		stop();
	}
}

it(`sessions that are opened, run, given up and released in any order end as they should (${AGAIN})`, async () => {
	const rounds = tries(300, 10_000);
	const settled = Math.floor(rounds / 3);
	let before = 0;
	const orders = fc.sample(fc.array(order, { minLength: 4, maxLength: 12 }), {
		seed: SEED,
		numRuns: rounds,
	});
	for (const [round, asked] of orders.entries()) {
		const bench = new Bench();
		try {
			for (const one of asked) await bench.do(one);
		} finally {
			await bench.end();
		}
		expect(liveSessions()).toEqual([]);
		if (round === settled) before = anonymous();
	}
	// Megabytes; what is lost is lost in every round.
	expect(anonymous() - before).toBeLessThan(150);
});

import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import { liveSessions } from '../../../inference-daemon/engines/ltx2/runtime/live.ts';
import { Resident } from '../../../inference-daemon/engines/ltx2/runtime/resident.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { anonymous, power } from './small-graphs.ts';

vi.mock('../../../inference-daemon/engines/built-file.ts', { spy: true });

const folder = mkdtempSync(join(tmpdir(), 'pickup-thread-'));
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => expect(liveSessions()).toEqual([]));

function identity(side: number) {
	const data = new Float32Array(side * side);
	for (let i = 0; i < side; i++) data[i * (side + 1)] = 1;
	return { data, shape: [side, side] };
}

test('all else goes on while a network runs', async () => {
	const session = await Session.open(power(768, 12));
	let [isDone, turns] = [false, 0];
	const running = session.run({ x: identity(768) }).then((outputs) => {
		isDone = true;
		return outputs;
	});
	while (!isDone) {
		await turn();
		turns += 1;
	}
	expect(turns).toBeGreaterThan(100);
	expect((await running).y!.data[769]).toBe(1);
	await session.release();
});

test('orders are carried out one after the other', async () => {
	const session = await Session.open(power(256, 8));
	const ended: number[] = [];
	const runs = [0, 1, 2].map(async (run) => {
		await session.run({ x: identity(256) });
		ended.push(run);
	});
	const released = session.release().then(() => ended.push(3));
	await Promise.all([...runs, released]);
	expect(ended).toEqual([0, 1, 2, 3]);
});

test('numbers are copied unless they are given', async () => {
	const session = await Session.open(power(2, 1));
	const [lent, given] = [identity(2), identity(2)];
	await session.run({ x: lent });
	expect([...lent.data]).toEqual([1, 0, 0, 1]);
	const { y } = await session.run({ x: { ...given, isGiven: true } });
	expect(given.data).toHaveLength(0);
	expect([...y!.data]).toEqual([1, 0, 0, 1]);
	await session.release();
});

test('a part of an array is given as a copy, and the rest stays', async () => {
	const session = await Session.open(power(2, 1));
	const whole = Float32Array.of(9, 1, 0, 0, 1, 9);
	const x = { data: whole.subarray(1, 5), shape: [2, 2], isGiven: true };
	expect([...(await session.run({ x })).y!.data]).toEqual([1, 0, 0, 1]);
	expect([...whole]).toEqual([9, 1, 0, 0, 1, 9]);
	await session.release();
});

test('what is held there serves many runs, of any session', async () => {
	const held = await Resident.of(identity(2));
	for (let i = 0; i < 3; i++) {
		const session = await Session.open(power(2, 1));
		expect([...(await session.run({ x: held })).y!.data]).toEqual([1, 0, 0, 1]);
		await session.release();
	}
	expect([...(await held.read()).data]).toEqual([1, 0, 0, 1]);
	held.release();
	await expect(held.read()).rejects.toThrow('released before');
});

test('outputs that stay outlive their session on the CPU', async () => {
	const session = await Session.open(power(2, 1));
	const { y } = await session.forward({ x: identity(2) });
	await session.release();
	expect([...(await y!.read()).data]).toEqual([1, 0, 0, 1]);
	y!.release();
});

test('values that are released are let go there, with the next order or without one', async () => {
	const session = await Session.open(power(1024, 1));
	const x = await Resident.of(identity(1024));
	const start = anonymous();
	for (let i = 0; i < 200; i++) {
		const { y } = await session.forward({ x });
		y!.release();
	}
	// Each is 4 MB.
	expect(anonymous() - start).toBeLessThan(400);
	x.release();
	await session.release();
});

test('what ONNX Runtime says comes through, and the thread goes on', async () => {
	const graph = new Graph('nonsense');
	const m = new Scope(graph, new Checkpoint([]).root);
	graph.output('y', m.op('NoSuchOperator', [graph.input('x', [1])], [1]));
	await expect(Session.open(graph)).rejects.toMatchObject({
		message: expect.stringMatching(/NoSuchOperator/),
		cause: expect.any(Error),
	});
	const session = await Session.open(power(2, 1));
	await session.release();
});

test('where the thread ends, what waits for it fails with the reason, and another one takes its place', async () => {
	const program = join(folder, 'ends.mjs');
	await writeFile(
		program,
		`import { parentPort } from 'node:worker_threads';
		parentPort.on('message', ({ asked }) => {
			if (asked.order.kind === 'run') process.exit(3);
			parentPort.postMessage({ order: asked.id, given: { session: 1 } });
		});`,
	);
	vi.resetModules();
	const { builtFile } = await import('../../../inference-daemon/engines/built-file.ts');
	vi.mocked(builtFile).mockReturnValueOnce(program);
	const fresh = await import('../../../inference-daemon/engines/ltx2/runtime/session.ts');
	const session = await fresh.Session.open(power(2, 1));
	const [run, later] = [session.run({ x: identity(2) }), session.run({ x: identity(2) })];
	const reason = {
		code: 'engine-failed',
		message: 'Expected power to run on cpu: The networks’ thread has ended with code 3',
	};
	await expect(run).rejects.toMatchObject(reason);
	await expect(later).rejects.toMatchObject(reason);
	await expect(session.run({ x: identity(2) })).rejects.toMatchObject(reason);
	await session.release();
	const next = await fresh.Session.open(power(2, 1));
	expect([...(await next.run({ x: identity(2) })).y!.data]).toEqual([1, 0, 0, 1]);
	await next.release();
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { Graph } from '../../../inference-daemon/engines/ltx2/graph/graph.ts';
import { Scope } from '../../../inference-daemon/engines/ltx2/graph/scope.ts';
import { PLACES } from '../../../inference-daemon/engines/ltx2/runtime/c-api.ts';
import { liveSessions } from '../../../inference-daemon/engines/ltx2/runtime/live.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { anonymous, power } from './small-graphs.ts';

afterEach(() => expect(liveSessions()).toEqual([]));

function identity(side: number) {
	const data = new Float32Array(side * side);
	for (let i = 0; i < side; i++) data[i * (side + 1)] = 1;
	return { data, shape: [side, side] };
}

test('every function stands at its place in ONNX Runtime’s header', () => {
	const names = readFileSync(join(import.meta.dirname, 'onnxruntime-functions.txt'), 'utf8');
	const order = names.trim().split('\n');
	expect(order.length).toBeGreaterThan(400);
	for (const [name, place] of Object.entries(PLACES))
		expect([name, order[place]]).toEqual([name, name]);
});

test('all else goes on while a network opens and runs', async () => {
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

test('calls are done one after the other', async () => {
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

test('a part of an array is taken, and all of it stays', async () => {
	const session = await Session.open(power(2, 1));
	const whole = Float32Array.of(9, 1, 0, 0, 1, 9);
	const x = { data: whole.subarray(1, 5), shape: [2, 2] };
	expect([...(await session.run({ x })).y!.data]).toEqual([1, 0, 0, 1]);
	expect([...whole]).toEqual([9, 1, 0, 0, 1, 9]);
	await session.release();
});

test('outputs are written where they are wanted', async () => {
	const session = await Session.open(power(2, 1));
	const y = { data: new Float32Array(4), shape: [2, 2] };
	const made = await session.run({ x: identity(2) }, { into: { y } });
	expect(made.y).toBe(y);
	expect([...y.data]).toEqual([1, 0, 0, 1]);
	const narrow = { data: new Float32Array(4), shape: [4] };
	await expect(session.run({ x: identity(2) }, { into: { y: narrow } })).rejects.toThrow(
		'power: expected y of [2,2], got [4]',
	);
	await session.release();
});

describe('A run that is given up', () => {
	const reason = new Error('given up');

	test('ends before its next node, and the session is of use afterwards', async () => {
		const session = await Session.open(power(512, 400));
		const stop = new AbortController();
		let isDone = false;
		const running = session.run({ x: identity(512) }, { signal: stop.signal }).finally(() => {
			isDone = true;
		});
		const [whole, started] = [session.run({ x: identity(512) }), performance.now()];
		await turn();
		stop.abort(reason);
		await expect(running).rejects.toBe(reason);
		const givenUp = performance.now() - started;
		expect(isDone).toBe(true);
		expect((await whole).y!.data[513]).toBe(1);
		// The other one takes all of its 400 nodes.
		expect(givenUp).toBeLessThan((performance.now() - started - givenUp) / 2);
		await session.release();
	});

	test('before its turn does not begin', async () => {
		const session = await Session.open(power(512, 40));
		const stop = new AbortController();
		const first = session.run({ x: identity(512) });
		const second = session.run({ x: identity(512) }, { signal: stop.signal });
		const refused = expect(second).rejects.toBe(reason);
		stop.abort(reason);
		await Promise.all([first, refused]);
		await expect(session.run({ x: identity(512) }, { signal: stop.signal })).rejects.toBe(reason);
		await session.release();
	});
});

test('a session that is released is told apart from one that is open', async () => {
	const session = await Session.open(power(2, 1));
	await session.release();
	await session.release();
	await expect(session.run({ x: identity(2) })).rejects.toMatchObject({
		code: 'engine-failed',
		message: 'Expected power to run on cpu: power was released before',
	});
});

test('memory does not grow from run to run', async () => {
	const session = await Session.open(power(1024, 1));
	const x = identity(1024);
	const y = { data: new Float32Array(1024 * 1024), shape: [1024, 1024] };
	await session.run({ x }, { into: { y } });
	const start = anonymous();
	for (let i = 0; i < 200; i++) await session.run({ x }, { into: { y } });
	// Each would be 4 MB.
	expect(anonymous() - start).toBeLessThan(100);
	await session.release();
});

test('a run that fails inside names its graph', async () => {
	const graph = new Graph('beyond');
	const m = new Scope(graph, new Checkpoint([]).root);
	// Its second row is beyond the end.
	const at = graph.constant('at', 'int64', [2], BigInt64Array.of(0n, 7n));
	graph.output('next', m.op('Gather', [graph.input('x', [2]), at], [2]));
	const x = { data: new Float32Array(2), shape: [2] };
	await expect(Session.once(graph, { x })).rejects.toMatchObject({
		code: 'engine-failed',
		message: expect.stringContaining('Expected beyond to run on cpu'),
	});
});

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
	connect,
	type Daemon,
	descendants,
	endAllDaemons,
	engineOf,
	type Peer,
	partOf,
	requestFor,
	startDaemon,
	temporaryFolder,
	until,
} from './harness.ts';

let daemon: Daemon;
let peer: Peer;
let folder: string;

beforeAll(async () => {
	folder = await temporaryFolder();
	daemon = await startDaemon();
	peer = await connect(daemon);
});
afterAll(endAllDaemons);

describe('A job', () => {
	test('becomes a clip of exactly the frames and samples planned, under its own name', async () => {
		const request = requestFor({ folder, frames: 7 });
		const { job } = await peer.call('job.submit', { request });
		expect(job).toMatchObject({ id: request.id, state: 'queued', position: 0, attempt: 0 });
		const done = await peer.waitForJob(request.id, 'done');
		expect(done.clip).toMatchObject({
			path: join(folder, `shot-${request.id}.mov`),
			frames: 7,
			samples: 13_440,
			seed: request.seed,
			draft: true,
		});
		expect(done).toMatchObject({ progress: 1, attempt: 1, problem: null });
		expect(await readdir(folder)).toEqual([`shot-${request.id}.mov`]);
		expect(await readdir(join(daemon.state, 'work'))).toEqual([]);
	});

	test('is one job however often its request is sent', async () => {
		const request = requestFor({ folder });
		const first = await peer.call('job.submit', { request });
		const reordered = Object.fromEntries(Object.entries(request).reverse()) as typeof request;
		const again = await Promise.all(
			[request, reordered, request].map((same) => peer.call('job.submit', { request: same })),
		);
		expect(again.map(({ job }) => job.id)).toEqual(Array(3).fill(first.job.id));
		const done = await peer.waitForJob(request.id, 'done');
		const later = await peer.call('job.submit', { request });
		expect(later.job).toEqual(done);
		const { jobs } = await peer.call('job.list', {});
		expect(jobs.filter(({ id }) => id === request.id)).toHaveLength(1);
	});

	test('that leaves the engine open gets the first that does its kind', async () => {
		const request = { ...requestFor({ folder }), engine: 'auto' };
		const { plan } = await peer.call('job.plan', { request });
		expect(plan).toMatchObject({ engine: 'fake', frames: 5, samples: 9600 });
		expect(await peer.refusal('job.get', { jobId: request.id })).toMatchObject({
			code: 'no-such-job',
		});
		await peer.call('job.submit', { request });
		expect((await peer.waitForJob(request.id, 'done')).clip?.engine).toBe('fake');
	});

	test('keeps its id to one request', async () => {
		const request = requestFor({ folder });
		await peer.call('job.submit', { request });
		const other = { ...request, seed: 2 };
		expect(await peer.refusal('job.submit', { request: other })).toMatchObject({
			code: 'request-id-reused',
			field: 'request.id',
		});
		const sent = await peer.call('job.request', { jobId: request.id });
		expect(sent.request).toEqual(request);
	});

	test('sent twice in one breath is journaled once', async () => {
		const request = requestFor({ folder });
		const answers = await Promise.all(
			Array.from({ length: 20 }, () => peer.call('job.submit', { request })),
		);
		expect(new Set(answers.map(({ job }) => job.createdAt)).size).toBe(1);
		const { jobs } = await peer.call('job.list', { limit: 1000 });
		expect(jobs.filter(({ id }) => id === request.id)).toHaveLength(1);
	});
});

describe('A refusal before anything is queued', () => {
	test.each([
		['folder-missing', 'request.output.folder', { folder: '/nowhere/at/all' }],
		['bad-request', 'request.output.folder', { folder: 'relative' }],
		['too-long', 'context.range', { frames: 2000 }],
	])('is %s for %s', async (code, field, wish) => {
		const request = requestFor({ folder, ...wish });
		expect(await peer.refusal('job.submit', { request })).toMatchObject({ code, field });
		expect(await peer.refusal('job.get', { jobId: request.id })).toMatchObject({
			code: 'no-such-job',
		});
	});

	test('names an output folder that is a file', async () => {
		const file = join(await temporaryFolder(), 'file');
		await writeFile(file, 'x');
		const request = requestFor({ folder: file });
		expect(await peer.refusal('job.submit', { request })).toMatchObject({ code: 'folder-missing' });
	});

	test('names an engine that is not there', async () => {
		const request = { ...requestFor({ folder }), engine: 'nobody' };
		expect(await peer.refusal('job.submit', { request })).toMatchObject({
			code: 'no-such-engine',
			field: 'request.engine',
		});
		expect(await peer.refusal('job.plan', { request })).toMatchObject({ code: 'no-such-engine' });
	});

	test('names media that is missing or no file', async () => {
		const image = (path: string) => ({
			...requestFor({ folder }),
			images: [{ path, frame: 0, strength: 1 }],
		});
		expect(await peer.refusal('job.submit', { request: image('/nowhere.png') })).toMatchObject({
			code: 'media-offline',
			field: 'request.images.0.path',
		});
		expect(await peer.refusal('job.submit', { request: image('/dev/zero') })).toMatchObject({
			code: 'not-a-regular-file',
		});
	});

	test('names a name that no file system takes', async () => {
		const request = requestFor({ folder });
		const long = { ...request, output: { ...request.output, name: '画'.repeat(120) } };
		expect(await peer.refusal('job.submit', { request: long })).toMatchObject({
			code: 'bad-request',
			field: 'request.output.name',
		});
		const tricky = { ...request, output: { ...request.output, name: '../up' } };
		expect(await peer.refusal('job.submit', { request: tricky })).toMatchObject({
			field: 'request.output.name',
		});
	});
});

describe('The queue', () => {
	/** Holds the engine so that what is queued stays queued. */
	async function occupied<T>(work: () => Promise<T>): Promise<T> {
		await until('the queue to be empty', async () => (await order()).length === 0);
		const request = requestFor({ folder, frames: 900, settings: { delay: 50 } });
		await peer.call('job.submit', { request, priority: 100 });
		await peer.waitForJob(request.id, 'running');
		try {
			return await work();
		} finally {
			await peer.call('job.cancel', { jobId: request.id });
		}
	}

	async function queue(count: number, priority = 0): Promise<string[]> {
		const ids: string[] = [];
		for (let i = 0; i < count; i++) {
			const request = requestFor({ folder, frames: 1 });
			await peer.call('job.submit', { request, priority });
			ids.push(request.id);
		}
		return ids;
	}

	async function order(): Promise<string[]> {
		const { jobs } = await peer.call('job.list', { states: ['queued'], limit: 1000 });
		const sorted = [...jobs].sort((a, b) => Number(a.position) - Number(b.position));
		expect(sorted.map(({ position }) => position)).toEqual(sorted.map((_, index) => index));
		return sorted.map(({ id }) => id);
	}

	async function clear(ids: readonly string[]): Promise<void> {
		for (const jobId of ids) await peer.call('job.cancel', { jobId });
	}

	test('goes by priority, then by age, and can be rearranged', async () => {
		await occupied(async () => {
			const [a, b, c] = (await queue(3)) as [string, string, string];
			const [high] = (await queue(1, 5)) as [string];
			expect(await order()).toEqual([high, a, b, c]);
			await peer.call('job.move', { jobId: c, before: a });
			expect(await order()).toEqual([high, c, a, b]);
			await peer.call('job.move', { jobId: high, before: null });
			expect(await order()).toEqual([c, a, b, high]);
			await peer.call('job.prioritise', { jobId: b, priority: 7 });
			expect(await order()).toEqual([b, c, a, high]);
			const moved = await peer.call('job.move', { jobId: a, before: b });
			expect(moved.job).toMatchObject({ priority: 7, position: 0 });
			expect(await order()).toEqual([a, b, c, high]);
			await clear([a, b, c, high]);
			expect(await order()).toEqual([]);
		});
	});

	test('stays exact over many moves between the same two jobs', async () => {
		await occupied(async () => {
			const ids = await queue(4);
			const [first, second, x, y] = ids as [string, string, string, string];
			for (let i = 0; i < 60; i++) {
				await peer.call('job.move', { jobId: i % 2 ? x : y, before: second });
			}
			expect(await order()).toEqual([first, y, x, second]);
			await clear(ids);
		});
	});

	test('refuses to move what is not queued', async () => {
		await occupied(async () => {
			const [id] = (await queue(1)) as [string];
			const { jobs } = await peer.call('job.list', { states: ['running'] });
			const running = `${jobs[0]?.id}`;
			const move = (jobId: string, before: string) => peer.refusal('job.move', { jobId, before });
			expect(await move(running, id)).toMatchObject({ code: 'wrong-state' });
			expect(await move(id, running)).toMatchObject({ code: 'wrong-state' });
			expect(await move(id, randomUUID())).toMatchObject({ code: 'no-such-job' });
			await clear([id]);
		});
	});
});

describe('Cancelling', () => {
	test('a queued job ends it at once, and a retry runs it after all', async () => {
		const slow = requestFor({ folder, frames: 500, settings: { delay: 20 } });
		const request = requestFor({ folder });
		await peer.call('job.submit', { request: slow });
		await peer.call('job.submit', { request });
		const { job } = await peer.call('job.cancel', { jobId: request.id });
		expect(job).toMatchObject({ state: 'cancelled', problem: null, attempt: 0 });
		expect((await peer.call('job.cancel', { jobId: request.id })).job).toEqual(job);
		await peer.call('job.cancel', { jobId: slow.id });
		const { job: retried } = await peer.call('job.retry', { jobId: request.id });
		expect(retried).toMatchObject({ state: 'queued', endedAt: null });
		expect(await peer.waitForJob(request.id, 'done')).toMatchObject({ attempt: 1 });
		expect(await peer.refusal('job.retry', { jobId: request.id })).toMatchObject({
			code: 'wrong-state',
		});
	});

	test('a running job leaves nothing of it, and the engine goes on with the next', async () => {
		const own = await temporaryFolder();
		const request = requestFor({ folder: own, frames: 500, settings: { delay: 20 } });
		await peer.call('job.submit', { request });
		await until('the encode to begin', () => existsSync(partOf(own, request.id)));
		const engine = engineOf(daemon);
		expect(engine).toBeDefined();
		const { job } = await peer.call('job.cancel', { jobId: request.id });
		expect(job).toMatchObject({ state: 'cancelled', problem: null, clip: null });
		expect(await readdir(own)).toEqual([]);
		const next = requestFor({ folder: own });
		await peer.call('job.submit', { request: next });
		await peer.waitForJob(next.id, 'done');
		expect(engineOf(daemon)).toBe(engine);
	});

	describe.each(['deaf', 'stuck'])('a job whose engine is %s ends it by force', (ending) => {
		test.each(['as soon as it runs', 'when it is at it'])('%s', async (when) => {
			const log = join(await temporaryFolder(), 'notes.txt');
			const request = requestFor({ folder, settings: { ending, log } });
			await peer.call('job.submit', { request });
			await peer.waitForJob(request.id, 'running');
			if (when === 'when it is at it') await until('the engine', () => existsSync(log));
			const { job } = await peer.call('job.cancel', { jobId: request.id });
			expect(job.state).toBe('cancelled');
			// One that had not begun ends by itself.
			const spared = existsSync(log) ? undefined : engineOf(daemon);
			expect(descendants(daemon).filter((pid) => pid !== spared)).toEqual([]);
		});
	});

	test('a job ends what its engine has left running, and spares the engine', async () => {
		const request = requestFor({ folder, settings: { ending: 'child' } });
		await peer.call('job.submit', { request });
		const engine = await until('the engine', () => engineOf(daemon));
		await until('its child', () => descendants(daemon).length > 1);
		await peer.call('job.cancel', { jobId: request.id });
		expect(descendants(daemon)).toEqual([engine]);
	});
});

describe('An engine that dies', () => {
	test.each([
		['exit', 'ended with code 7. It last said: these are the last words'],
		['kill', 'was ended by SIGKILL'],
	])(
		'(%s) fails its job with the reason, and the next job gets a fresh one',
		async (ending, said) => {
			const request = requestFor({ folder, settings: { ending } });
			const next = requestFor({ folder });
			await peer.call('job.submit', { request });
			await peer.call('job.submit', { request: next });
			const failed = await peer.waitForJob(request.id, 'failed');
			expect(failed.problem).toMatchObject({ code: 'engine-died', fault: 'engine' });
			expect(failed.problem?.message).toContain(said);
			await peer.waitForJob(next.id, 'done');
		},
	);

	test('by SIGKILL in the middle of an encode takes its ffmpeg along', async () => {
		const own = await temporaryFolder();
		const request = requestFor({ folder: own, frames: 500, settings: { delay: 20 } });
		await peer.call('job.submit', { request });
		await until('the encode to begin', () => existsSync(partOf(own, request.id)));
		const { before, engine } = await until('engine and ffmpeg', () => {
			const before = descendants(daemon);
			const engine = engineOf(daemon);
			return before.length > 1 && engine !== undefined ? { before, engine } : null;
		});
		process.kill(engine, 'SIGKILL');
		const failed = await peer.waitForJob(request.id, 'failed');
		expect(failed.problem?.code).toBe('engine-died');
		expect(descendants(daemon).filter((pid) => before.includes(pid))).toEqual([]);
		expect(await readdir(own)).toEqual([]);
	});
});

test('A job that cannot use what the engine’s process has loaded runs in a new one', async () => {
	const first = requestFor({ folder });
	await peer.call('job.submit', { request: first });
	await peer.waitForJob(first.id, 'done');
	const engine = engineOf(daemon);
	const second = requestFor({ folder, settings: { ending: 'elsewhere' } });
	await peer.call('job.submit', { request: second });
	await peer.waitForJob(second.id, 'done');
	expect(engineOf(daemon)).not.toBe(engine);
});

describe('An engine that fails', () => {
	test.each([
		['throw', 'engine-failed', 'asked to fail'],
		['no-space', 'disk-full', 'No space left'],
	])('(%s) gives %s', async (ending, code, said) => {
		const own = await temporaryFolder();
		const request = requestFor({ folder: own, settings: { ending } });
		await peer.call('job.submit', { request });
		const job = await peer.waitForJob(request.id, 'failed');
		expect(job.problem?.code).toBe(code);
		expect(job.problem?.message).toContain(said);
		expect(await readdir(own)).toEqual([]);
	});

	test('to say that it is done has its clip counted and kept', async () => {
		const request = requestFor({ folder, settings: { ending: 'none' } });
		await peer.call('job.submit', { request });
		const { clip } = await peer.waitForJob(request.id, 'done');
		expect(clip).toMatchObject({ frames: 5, samples: 9600 });
	});

	test('to make all the frames leaves no clip', async () => {
		const own = await temporaryFolder();
		const request = requestFor({ folder: own, settings: { ending: 'short' } });
		await peer.call('job.submit', { request });
		const { problem } = await peer.waitForJob(request.id, 'failed');
		expect(problem?.message).toMatch(/^Expected 5 frames .* got 4 frames/);
		expect(await readdir(own)).toEqual([]);
	});

	test('finds the output folder gone', async () => {
		const own = join(await temporaryFolder(), 'out');
		await mkdir(own);
		const slow = requestFor({ folder, frames: 500, settings: { delay: 20 } });
		const request = requestFor({ folder: own });
		await peer.call('job.submit', { request: slow });
		await peer.call('job.submit', { request });
		await rm(own, { recursive: true });
		await peer.call('job.cancel', { jobId: slow.id });
		const { problem } = await peer.waitForJob(request.id, 'failed');
		expect(problem).toMatchObject({ code: 'folder-missing', field: 'request.output.folder' });
	});
});

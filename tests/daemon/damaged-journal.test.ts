import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHANGES, Store } from '../../inference-daemon/jobs/database.ts';
import { Journal } from '../../inference-daemon/jobs/journal.ts';
import {
	connect,
	crash,
	endAllDaemons,
	helloFor,
	requestFor,
	startDaemon,
	stop,
	temporaryFolder,
} from './harness.ts';

let state: string;
let whole: Buffer;
let ids: string[];
/** Jobs that have failed, so that no start begins one. */
const JOBS = 40;

beforeAll(async () => {
	const daemon = await startDaemon({ env: { PICKUP_FAKE_IDLE: '1' } });
	({ state } = daemon);
	const peer = await connect(daemon);
	const folder = await temporaryFolder();
	const requests = Array.from({ length: JOBS }, () =>
		requestFor({ folder, prompt: 'grey on grey '.repeat(30) }),
	);
	ids = requests.map(({ id }) => id).sort();
	for (const request of requests) await peer.call('job.submit', { request });
	for (const { id } of requests) await peer.waitForJob(id, 'failed');
	await stop(daemon);
	whole = await readFile(join(state, 'jobs.db'));
});
afterAll(endAllDaemons);

/** The jobs and notices of a daemon that finds this as its jobs, and what then is in the folder. */
async function startWith(damaged: Buffer | null) {
	for (const name of await readdir(state)) {
		if (name.startsWith('jobs')) await rm(join(state, name));
	}
	if (damaged) await writeFile(join(state, 'jobs.db'), damaged);
	const daemon = await startDaemon({ state, env: { PICKUP_FAKE_IDLE: '1' } });
	const peer = await connect(daemon);
	const { jobs } = await peer.call('job.list', { limit: 1000 });
	const { notices } = await peer.call('hello', helloFor(daemon));
	const log = await readFile(join(state, 'daemon.log'), 'utf8');
	for (const notice of notices) {
		expect(log).toContain(notice);
		expect(daemon.said()).toContain(notice);
	}
	// It is as good as any: a job can be done.
	const request = requestFor({ folder: await temporaryFolder() });
	await peer.call('job.submit', { request });
	await peer.waitForJob(request.id, 'failed');
	await stop(daemon);
	const names = (await readdir(state)).filter((name) => /^jobs-.*\.db$/.test(name));
	return { jobs: jobs.map(({ id }) => id).sort(), notices, names };
}

const changed = (change: (bytes: Buffer) => void) => {
	const bytes = Buffer.from(whole);
	change(bytes);
	return bytes;
};

/** With other bytes at each place of a text: what is moved leaves its old bytes behind. */
const overwritten = (text: string, bytes: string) =>
	changed((all) => {
		for (let at = all.indexOf(text); at >= 0; at = all.indexOf(text, at + 1)) {
			all.write(bytes, at, 'latin1');
		}
	});

/** Where the page begins in which this text stands. */
const pageWith = (text: string) => Math.floor(whole.indexOf(text) / 4096) * 4096;

describe('A list of jobs that is damaged', () => {
	test.each<[string, () => Buffer]>([
		['in its header', () => changed((bytes) => bytes.fill('A', 0, 100))],
		['in one byte of its version', () => changed((bytes) => bytes.fill(0x7f, 60, 61))],
		['in its first page', () => changed((bytes) => bytes.fill(0xa5, 100, 4096))],
		['by half of it missing', () => whole.subarray(0, whole.length / 2)],
		['by its end missing', () => whole.subarray(0, whole.length - 5000)],
		[
			'in a page with jobs',
			() => changed((bytes) => bytes.fill(0xa5, pageWith(ids[3]!), pageWith(ids[3]!) + 4096)),
		],
		['by being something else', () => Buffer.from('Dear diary, '.repeat(1000))],
	])('%s is set aside and said to be, and a new one begun', async (_, damaged) => {
		const bytes = damaged();
		const { jobs, notices, names } = await startWith(bytes);
		expect(jobs).toEqual([]);
		expect(notices).toHaveLength(1);
		expect(notices[0]).toMatch(/damaged.*set aside as/);
		expect(names).toHaveLength(1);
		expect((await readFile(join(state, names[0]!))).equals(bytes)).toBe(true);
	});

	test.each<[string, string]>([
		['text that is no text', '\xa5\xa5'],
		['JSON that is no JSON', '}{'],
	])('in one row, by %s, costs that job alone', async (_, text) => {
		const id = ids[7]!;
		const bytes = overwritten(`{"kind":"insert","id":"${id}"`, text);
		const { jobs, notices, names } = await startWith(bytes);
		expect(jobs).toEqual(ids.filter((other) => other !== id));
		expect(notices[0]).toContain('1 job');
		expect(names).toHaveLength(1);
	});

	test('in an event is one from then on, without what happened before', async () => {
		const bytes = overwritten(`{"kind":"accepted","jobId":"${ids[7]}"`, '\xa5');
		const { jobs, notices } = await startWith(bytes);
		expect(jobs).toEqual(ids);
		expect(notices[0]).toContain('events up to');
	});

	test.each<[string, Buffer | null]>([
		['deleted by hand', null],
		['empty', Buffer.alloc(0)],
	])('by being %s is begun anew', async (_, bytes) => {
		const { jobs, notices } = await startWith(bytes);
		expect(jobs).toEqual([]);
		expect(notices).toEqual([]);
	});
});

test('After a clean stop the file has everything: a copy of it is a copy of all', async () => {
	await startWith(whole);
	const copy = join(await temporaryFolder(), 'state');
	await mkdir(copy);
	await copyFile(join(state, 'jobs.db'), join(copy, 'jobs.db'));
	const next = await startDaemon({ state: copy });
	expect(next.said()).not.toContain('damaged');
	const peer = await connect(next);
	expect((await peer.call('job.list', { limit: 1000 })).jobs).toHaveLength(JOBS + 1);
});

test('A list that was closed is free for whoever comes next, and is the file alone', async () => {
	const folder = await temporaryFolder();
	const path = join(folder, 'jobs.db');
	for (let round = 0; round < 3; round++) {
		const store = new Store(path);
		expect(store.number('SELECT count(*) AS n FROM jobs')).toBe(0);
		expect(() => new Store(path)).toThrow('open');
		store.close();
		expect(await readdir(folder)).toEqual(['jobs.db']);
	}
});

test('What a crash leaves in the WAL is there at the next start', async () => {
	const daemon = await startDaemon({ env: { PICKUP_FAKE_IDLE: '1' } });
	const request = requestFor({ folder: await temporaryFolder() });
	await (await connect(daemon)).call('job.submit', { request });
	await crash(daemon);
	await truncate(join(daemon.state, 'daemon.log'), 0);
	const peer = await connect(await startDaemon({ state: daemon.state }));
	await peer.call('job.get', { jobId: request.id });
});

/** A WAL that a killed daemon left, with jobs in it that are nowhere else. */
async function leftWal() {
	const daemon = await startDaemon({ env: { PICKUP_FAKE_IDLE: '1' } });
	const peer = await connect(daemon);
	const folder = await temporaryFolder();
	for (let job = 0; job < 3; job++) {
		await peer.call('job.submit', { request: requestFor({ folder }) });
	}
	await crash(daemon);
	await rm(join(daemon.state, 'daemon.log'));
	const wal = join(daemon.state, 'jobs.db-wal');
	return { state: daemon.state, wal, bytes: await readFile(wal) };
}

describe('What a crash left in the WAL', () => {
	test.each<[string, (bytes: Buffer) => void]>([
		['its head', (bytes) => bytes.fill(0xa5, 0, 32)],
		['the sum of its head', (bytes) => bytes.fill(0xa5, 24, 32)],
		['the head of its first page', (bytes) => bytes.fill(0xa5, 32, 56)],
		['its first page', (bytes) => bytes.fill(0xa5, 100, 200)],
	])('is kept and said to be damaged in %s', async (_, damage) => {
		const { state, wal, bytes } = await leftWal();
		damage(bytes);
		await writeFile(wal, bytes);
		const daemon = await startDaemon({ state });
		const { notices } = await (await connect(daemon)).call('hello', helloFor(daemon));
		expect(notices).toHaveLength(1);
		expect(notices[0]).toMatch(/damaged.*set aside as/);
		const [aside] = (await readdir(state)).filter((name) => /^jobs-damaged.*-wal$/.test(name));
		expect((await readFile(join(state, aside!))).equals(bytes)).toBe(true);
	});

	test('is kept where the file that it belongs to is gone', async () => {
		const { state, bytes } = await leftWal();
		await rm(join(state, 'jobs.db'));
		const daemon = await startDaemon({ state });
		const { notices } = await (await connect(daemon)).call('hello', helloFor(daemon));
		expect(notices[0]).toMatch(/is gone.*set aside as/);
		const [aside] = (await readdir(state)).filter((name) => /^jobs-damaged.*-wal$/.test(name));
		expect((await readFile(join(state, aside!))).equals(bytes)).toBe(true);
	});

	test('is taken where only its last transaction was not finished', async () => {
		const { state, wal, bytes } = await leftWal();
		await writeFile(wal, bytes.subarray(0, -100));
		const daemon = await startDaemon({ state });
		const { notices } = await (await connect(daemon)).call('hello', helloFor(daemon));
		expect(notices).toEqual([]);
	});
});

describe('Tables that are not as they were made', () => {
	test.each([
		['a column is missing', 'ALTER TABLE jobs DROP COLUMN crashes'],
		[
			'a view stands for events',
			'ALTER TABLE events RENAME TO old; CREATE VIEW events AS SELECT * FROM old',
		],
		['events have impossible numbers', 'UPDATE sqlite_sequence SET seq = 9223372036854775807'],
	])('are set aside where %s', async (_, change) => {
		const path = join(await temporaryFolder(), 'jobs.db');
		await writeFile(path, whole);
		const database = new Database(path);
		database.exec(change);
		database.close();
		const { jobs, notices, names } = await startWith(await readFile(path));
		expect(jobs).toEqual([]);
		expect(notices[0]).toMatch(/damaged.*set aside as/);
		expect(names).toHaveLength(1);
	});
});

test('Tables are copied before they are changed to those of a later version', async () => {
	const folder = await temporaryFolder();
	const path = join(folder, 'jobs.db');
	await writeFile(path, whole);
	const { length } = CHANGES;
	const store = new Store(path, [...CHANGES, 'ALTER TABLE jobs ADD COLUMN mood TEXT']);
	expect(store.number('SELECT count(*) AS n FROM jobs WHERE mood IS NULL')).toBe(JOBS);
	expect(store.number('SELECT user_version AS n FROM pragma_user_version')).toBe(length + 1);
	store.close();
	const [copy] = (await readdir(folder)).filter((name) =>
		name.startsWith(`jobs-version-${length}-`),
	);
	const old = new Store(join(folder, copy!));
	expect(old.number('SELECT count(*) AS n FROM jobs')).toBe(JOBS);
	old.close();
});

test('Jobs of the first version are there in this one, without a press and landed nowhere', async () => {
	const folder = await temporaryFolder();
	const path = join(folder, 'jobs.db');
	const id = '5b2dbbe2-c917-4f97-a95a-b2e2613d1ad7';
	const first = new Store(path, CHANGES.slice(0, 1));
	const plan = JSON.stringify({
		...{ engine: 'fake', kind: 'insert', frames: 5, samples: 0, workFrames: 5, passes: 1 },
		...{ workSize: { width: 2, height: 2 }, workRate: { num: 25, den: 1 }, draft: true, notes: [] },
	});
	first.run(
		`INSERT INTO jobs (id, kind, prompt, state, priority, rank, request, fingerprint, plan,
			clip_path, created_at, ended_at)
			VALUES (?, 'insert', 'fog', 'cancelled', 0, 1, '{}', '', ?, '/clip.mov', ?, ?)`,
		...[id, plan, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.000Z'],
	);
	first.close();
	const { jobs, notices } = await startWith(await readFile(path));
	expect(notices).toEqual([]);
	expect(jobs).toEqual([id]);
});

test('A clip that was moved by the second version is known where it was made, too', async () => {
	const folder = await temporaryFolder();
	const path = join(folder, 'jobs.db');
	const store = new Store(path, CHANGES.slice(0, 2));
	const plan = {
		...{ engine: 'fake', kind: 'insert', frames: 5, samples: 0, workFrames: 5, passes: 1 },
		...{ workSize: { width: 2, height: 2 }, workRate: { num: 25, den: 1 }, draft: true, notes: [] },
	};
	const ids = [randomUUID(), randomUUID()];
	for (const [at, id] of ids.entries()) {
		const made = `/state/clips/0a/pickup V1 take 1-${id}.mov`;
		const clip = {
			...{ path: at === 0 ? `/film/Pickup/pickup V1 take 1-${id}.mov` : made, frames: 5 },
			...{ rate: { num: 25, den: 1 }, size: { width: 2, height: 2 }, samples: 0 },
			...{ codec: 'h264', draft: true, engine: 'fake', seed: 1 },
		};
		const request = { output: { folder: '/state/clips/0a', name: 'pickup V1 take 1' } };
		store.run(
			`INSERT INTO jobs (id, kind, prompt, state, priority, rank, request, fingerprint, plan,
				clip_path, clip, clip_size, clip_modified, created_at, ended_at, shot, take)
				VALUES (?, 'insert', 'fog', 'done', 0, 1, ?, '', ?, ?, ?, 9, 9, ?, ?, ?, 1)`,
			...[id, JSON.stringify(request), JSON.stringify(plan), clip.path, JSON.stringify(clip)],
			...['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.000Z', randomUUID()],
		);
	}
	store.close();
	const copy = join(folder, 'copy.db');
	await copyFile(path, copy);
	const journal = new Journal(copy, { eventsKept: 10 });
	expect(journal.notices).toEqual([]);
	const [moved, stayed] = ids.map((id) => journal.job(id).clip);
	journal.close();
	expect(moved?.formerPaths).toEqual([`/state/clips/0a/pickup V1 take 1-${ids[0]}.mov`]);
	expect(stayed?.formerPaths).toBeUndefined();
});

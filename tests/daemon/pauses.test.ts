import { existsSync, readFileSync } from 'node:fs';
import { constants, getPriority } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { HostState } from '../../protocol/hosts.ts';
import type { JobEvent } from '../../protocol/jobs.ts';
import { type Editor, openEditor } from '../fakes/editor.ts';
import { cutWithGap } from '../hosts/film.ts';
import {
	connect,
	crash,
	type Daemon,
	descendants,
	endAllDaemons,
	engineOf,
	type Peer,
	requestFor,
	type StartOptions,
	startDaemon,
	stop,
	temporaryFolder,
	until,
} from './harness.ts';

afterAll(endAllDaemons);

type Stage = { readonly daemon: Daemon; readonly peer: Peer; readonly editor: Editor };

async function setUp(options: StartOptions = {}): Promise<Stage> {
	const env = { PICKUP_SETTLE: '0', ...options.env };
	const daemon = await startDaemon({ ...options, env });
	const editor = await openEditor(daemon, cutWithGap(), { program: 'Premiere' });
	return { daemon, editor, peer: await follow(daemon) };
}

async function follow(daemon: Daemon): Promise<Peer> {
	const peer = await connect(daemon);
	await peer.call('events.subscribe', { after: 0 });
	return peer;
}

const be = (editor: Editor, busy: HostState['busy']) => editor.change({ busy });

/** A job that draws frame after frame, by now some of them. */
async function drawing({ peer }: Stage, frames = 60): Promise<string> {
	const folder = await temporaryFolder();
	const request = requestFor({ folder, frames, settings: { delay: 20 } });
	await peer.call('job.submit', { request });
	await heard(peer, request.id, 'progress', 2);
	return request.id;
}

function told<K extends JobEvent['kind']>(peer: Peer, jobId: string, kind: K) {
	type Told = Extract<JobEvent, { kind: K }>;
	return peer.events.filter((event): event is Told => event.jobId === jobId && event.kind === kind);
}

function heard(peer: Peer, jobId: string, kind: JobEvent['kind'], times = 1) {
	return until(`${kind} of ${jobId}`, () => told(peer, jobId, kind).length >= times);
}

/** As many answers as the daemon gives while an engine at work would have told of many frames. */
async function aWhile(peer: Peer, jobId: string): Promise<void> {
	for (let n = 0; n < 500; n++) await peer.call('job.get', { jobId });
}

/** What is told of a job after a kind of event for the first time, up to another one. */
function between(peer: Peer, jobId: string, first: JobEvent['kind'], last: JobEvent['kind']) {
	const kinds = peer.events.filter((event) => event.jobId === jobId).map(({ kind }) => kind);
	return kinds.slice(kinds.indexOf(first) + 1, kinds.lastIndexOf(last));
}

test.each(['playing', 'rendering', 'exporting'] as const)(
	'a job stands while an editor is %s, and goes on after',
	async (busy) => {
		const stage = await setUp();
		const { peer, editor } = stage;
		const id = await drawing(stage);
		await be(editor, busy);
		await heard(peer, id, 'paused');
		expect(told(peer, id, 'paused')[0]!.pause).toMatchObject({ program: 'Premiere', busy });
		await aWhile(peer, id);
		const { job } = await peer.call('job.get', { jobId: id });
		expect(job).toMatchObject({ state: 'running', pause: { program: 'Premiere', busy } });
		expect(job.progress).toBeLessThan(1);
		await be(editor, null);
		const done = await peer.waitForJob(id, 'done');
		await heard(peer, id, 'done');
		// A picture of what was made before may still have been on its way.
		const meanwhile = between(peer, id, 'paused', 'resumed').filter((kind) => kind !== 'preview');
		expect(meanwhile).toEqual([]);
		expect(done.pause).toBeNull();
		const [resumed] = told(peer, id, 'resumed');
		expect(done.pausedFor).toBe(resumed!.pausedFor);
		const stood = Date.parse(resumed!.at) - Date.parse(told(peer, id, 'paused')[0]!.pause.since);
		expect(Math.abs(stood - done.pausedFor)).toBeLessThanOrEqual(5);
	},
);

test('a dialog in an editor pauses nothing', async () => {
	const stage = await setUp();
	const { peer, editor } = stage;
	await be(editor, 'dialog');
	const id = await drawing(stage, 10);
	await peer.waitForJob(id, 'done');
	expect(told(peer, id, 'paused')).toEqual([]);
});

test('a job whose turn comes while an editor is busy does nothing before that ends', async () => {
	const { daemon, peer, editor } = await setUp();
	const folder = await temporaryFolder();
	const log = join(folder, 'log');
	await be(editor, 'rendering');
	const request = requestFor({ folder, settings: { log } });
	await peer.call('job.submit', { request });
	await heard(peer, request.id, 'paused');
	expect(existsSync(log)).toBe(false);
	// Two editors: one is busy still.
	const other = await openEditor(daemon, cutWithGap(), { program: 'Blender' });
	await be(other, 'playing');
	await be(editor, null);
	await heard(peer, request.id, 'paused', 2);
	expect(told(peer, request.id, 'paused')[1]!.pause).toMatchObject({ program: 'Blender' });
	expect(existsSync(log)).toBe(false);
	await be(other, null);
	await peer.waitForJob(request.id, 'done');
	expect(readFileSync(log, 'utf8')).toContain('started');
});

test('a paused job can be cancelled at once, and the next one stands in its place', async () => {
	const stage = await setUp();
	const { peer, editor } = stage;
	const id = await drawing(stage);
	await be(editor, 'exporting');
	await heard(peer, id, 'paused');
	const next = requestFor({ folder: await temporaryFolder() });
	await peer.call('job.submit', { request: next });
	const { job } = await peer.call('job.cancel', { jobId: id });
	expect(job).toMatchObject({ state: 'cancelled', pause: null });
	await heard(peer, next.id, 'paused');
	await be(editor, null);
	await peer.waitForJob(next.id, 'done');
});

test('an editor that dies is not waited for', async () => {
	const stage = await setUp();
	const { peer, editor } = stage;
	const id = await drawing(stage);
	await be(editor, 'exporting');
	await heard(peer, id, 'paused');
	await editor.quit();
	await peer.waitForJob(id, 'done');
	expect(told(peer, id, 'resumed')).toHaveLength(1);
});

test('a person can have one job go on anyway; the next one is paused again', async () => {
	const stage = await setUp();
	const { peer, editor } = stage;
	const id = await drawing(stage);
	await be(editor, 'exporting');
	await heard(peer, id, 'paused');
	const next = requestFor({ folder: await temporaryFolder() });
	await peer.call('job.submit', { request: next });
	expect(await peer.refusal('job.continue', { jobId: next.id })).toMatchObject({
		code: 'wrong-state',
		field: 'jobId',
	});
	await peer.call('job.continue', { jobId: id });
	// Whatever another editor does.
	await be(editor, 'playing');
	await peer.waitForJob(id, 'done');
	expect(told(peer, id, 'paused')).toHaveLength(1);
	await heard(peer, next.id, 'paused');
	await peer.call('job.continue', { jobId: next.id });
	await peer.waitForJob(next.id, 'done');
});

test.each([
	['is stopped', stop],
	['is killed', crash],
])('a paused job is made by the next daemon where this one %s', async (_how, end) => {
	const stage = await setUp();
	const id = await drawing(stage);
	await be(stage.editor, 'exporting');
	await heard(stage.peer, id, 'paused');
	const engine = engineOf(stage.daemon)!;
	await end(stage.daemon);
	await until('its engine to be gone', () => !descendants(stage.daemon).includes(engine));
	const daemon = await startDaemon({ state: stage.daemon.state });
	const peer = await follow(daemon);
	const done = await peer.waitForJob(id, 'done');
	expect(done).toMatchObject({ attempt: 2, pause: null, pausedFor: 0 });
});

test('a paused engine that dies fails its job as any other, and nothing is paused any more', async () => {
	const stage = await setUp();
	const { daemon, peer, editor } = stage;
	const id = await drawing(stage);
	await be(editor, 'exporting');
	await heard(peer, id, 'paused');
	process.kill(engineOf(daemon)!, 'SIGKILL');
	const failed = await peer.waitForJob(id, 'failed');
	expect(failed).toMatchObject({ problem: { code: 'engine-died' }, pause: null });
	await be(editor, null);
	await peer.call('job.retry', { jobId: id });
	expect((await peer.waitForJob(id, 'done')).pausedFor).toBe(0);
});

test('an agent is told in its brief why its job stands', async () => {
	const { editor } = await setUp();
	await editor.change({ playhead: 30, busy: 'exporting' });
	await editor.fill();
	await until(
		'the reason',
		() => editor.brief()?.job?.text === 'Paused while Premiere is exporting',
	);
	await be(editor, null);
	await until('the clip', () => editor.brief()?.said?.endsWith('is in the cut'));
});

test('the engine, and what it starts, gives way to editors', async () => {
	const stage = await setUp();
	const id = await drawing(stage);
	await be(stage.editor, 'exporting');
	await heard(stage.peer, id, 'paused');
	const engine = engineOf(stage.daemon)!;
	// The tests themselves may have been told to give way.
	const lowered = Math.max(constants.priority.PRIORITY_BELOW_NORMAL, getPriority());
	expect(getPriority(stage.daemon.pid)).toBe(getPriority());
	const ffmpeg = descendants(stage.daemon).find((pid) => parentOf(pid) === engine);
	for (const pid of [engine, ffmpeg!]) expect(getPriority(pid)).toBe(lowered);
});

function parentOf(pid: number): number {
	return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

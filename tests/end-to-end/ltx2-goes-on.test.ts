import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { GenerationRequest } from '../../protocol/generation.ts';
import { isEnded, type Job } from '../../protocol/jobs.ts';
import { connect, crash, type Daemon, type Peer, startDaemon, until } from '../daemon/harness.ts';
import { type Cut, makeCut, requestFor, SMALL } from '../engines/ltx2/shots.ts';
import { ffmpeg } from '../media/media-files.ts';
import { engineOf, openScene, type Scene } from './ltx2-scene.ts';

/** While this file is there, clips are encoded by what takes no frame: their jobs wait as they draw. */
let hold = '';
let env: Readonly<Record<string, string>>;
let scene: Scene;
let daemon: Daemon;
let peer: Peer;
let cut: Cut;
/** What all of these shots come to. */
let whole: Buffer;
beforeAll(async () => {
	const folder = await mkdtemp(join(tmpdir(), 'pickup-hold-'));
	hold = join(folder, 'hold');
	const program = join(folder, 'ffmpeg');
	await writeFile(
		program,
		`#!/bin/sh
case "$*" in *rawvideo*libx264*) [ -e "${hold}" ] && exec tail -f /dev/null;; esac
exec "${ffmpeg.path}" "$@"
`,
	);
	await chmod(program, 0o755);
	env = { PICKUP_FFMPEG: program };
	scene = await openScene(undefined, { env });
	({ daemon } = scene);
	peer = await watching(daemon);
	cut = await makeCut(scene.studio, SMALL);
	whole = await readFile((await ended(await submit(shot()))).clip!.path);
});
afterAll(async () => {
	await peer.close();
	await scene.close();
	await rm(join(hold, '..'), { recursive: true });
});
afterEach(() => rm(hold, { force: true }));

async function watching(of: Daemon): Promise<Peer> {
	const connected = await connect(of);
	const { events } = await connected.call('events.subscribe', { after: 0 });
	connected.events.unshift(...events);
	return connected;
}

function shot(): GenerationRequest {
	const { model } = scene.studio;
	const settings = { model, provider: 'cpu', context: 0.1, steps: 3 };
	return requestFor('fill', cut, { settings });
}

async function submit(request: GenerationRequest): Promise<string> {
	return (await peer.call('job.submit', { request })).job.id;
}

function ended(id: string): Promise<Job> {
	return until(`job ${id} to end`, async () => {
		const { job } = await peer.call('job.get', { jobId: id });
		return isEnded(job.state) ? job : null;
	});
}

/** Queues a shot and waits until it is drawn, which takes as long as `hold` is there. */
async function drawing(): Promise<string> {
	await writeFile(hold, '');
	const id = await submit(shot());
	await until('the picture to be drawn', () => phasesOf(id).includes('Drawing the picture'));
	expect(phasesOf(id)).toContain('Making the shot');
	return id;
}

async function killEngine(id: string): Promise<void> {
	process.kill(engineOf(daemon)!, 'SIGKILL');
	expect((await ended(id)).problem).toMatchObject({ code: 'engine-died' });
	await rm(hold);
}

/** What a job has told since its last turn began. */
function phasesOf(id: string): readonly string[] {
	const own = peer.events.filter((event) => 'jobId' in event && event.jobId === id);
	const turn = own.slice(own.findLastIndex(({ kind }) => kind === 'started'));
	return turn.flatMap((event) => (event.kind === 'progress' ? [event.phase] : []));
}

const kept = () => readdir(join(daemon.state, 'cache', 'unfinished')).catch(() => []);

async function expectDrawnOn(id: string): Promise<void> {
	const { state, clip } = await ended(id);
	expect(state).toBe('done');
	expect(phasesOf(id)).toContain('Drawing the picture');
	expect(phasesOf(id)).not.toContain('Making the shot');
	expect(phasesOf(id)).not.toContain('Looking at the neighbours');
	expect((await readFile(clip!.path)).equals(whole)).toBe(true);
	expect(await kept()).toEqual([]);
}

describe.runIf(process.platform === 'linux')('A shot that was made and is being drawn', () => {
	test('goes on from there where its engine was killed and somebody retries it', async () => {
		const id = await drawing();
		await killEngine(id);
		expect(await kept()).toEqual([id]);
		await peer.call('job.retry', { jobId: id });
		await expectDrawnOn(id);
	});

	test('goes on from there by itself where the daemon was killed', async () => {
		const id = await drawing();
		await crash(daemon);
		await rm(hold);
		daemon = await startDaemon({ state: daemon.state, env });
		peer = await watching(daemon);
		await expectDrawnOn(id);
	});

	test('leaves nothing where it is cancelled, as it is drawn or before its next turn', async () => {
		const first = await drawing();
		await killEngine(first);
		const second = await drawing();
		expect([...(await kept())].sort()).toEqual([first, second].sort());
		await peer.call('job.retry', { jobId: first });
		expect((await peer.call('job.cancel', { jobId: first })).job.state).toBe('cancelled');
		expect(await kept()).toEqual([second]);
		expect((await peer.call('job.cancel', { jobId: second })).job.state).toBe('cancelled');
		expect(await kept()).toEqual([]);
	});
});

import { watch } from 'node:fs';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { countClip } from '../../inference-daemon/media/verify.ts';
import { tries } from '../tries.ts';
import {
	connect,
	crash,
	type Daemon,
	descendants,
	endAllDaemons,
	type Peer,
	requestFor,
	startDaemon,
	stop,
	temporaryFolder,
	until,
} from './harness.ts';

const KILLS = tries(10, 300);

/** Daemons that live and die side by side, each with its own folders. */
const LANES = 2;

const FRAMES = 4;

afterAll(endAllDaemons);

/** What the outside world knows while daemons come and go. */
type Witness = {
	readonly state: string;
	readonly output: string;
	/** The fake engine notes here when a job starts and when its clip stands. */
	readonly notes: string;
	/** Jobs of which a daemon said that it has them. */
	readonly accepted: Set<string>;
	/** Jobs of which a daemon said that they are done. */
	readonly done: Set<string>;
	/** Finished files seen right after a kill, by name: they must never be made again. */
	readonly clips: Map<string, string>;
};

test(`A daemon killed at ${KILLS} random moments loses no job, does none twice and leaves no half`, {
	timeout: 3 * 3_600_000,
}, async () => {
	const lanes = Array.from({ length: LANES }, () => liveAndDie(KILLS / LANES));
	const moments = (await Promise.all(lanes)).flat();
	expect(moments).toHaveLength(KILLS);
	// Not every moment is of interest; enough of them must have been.
	expect(moments.filter((moment) => moment.part).length).toBeGreaterThan(KILLS / 10);
	expect(moments.filter((moment) => moment.running).length).toBeGreaterThan(KILLS / 5);
});

async function liveAndDie(kills: number) {
	const home = await temporaryFolder();
	const output = join(home, 'out');
	await mkdir(output);
	const state = join(home, 'state');
	const notes = join(home, 'notes.txt');
	const witness: Witness = {
		state,
		output,
		notes,
		accepted: new Set(),
		done: new Set(),
		clips: new Map(),
	};
	const moments: { running: boolean; part: boolean }[] = [];
	const daemons: Daemon[] = [];
	for (let kill = 0; kill < kills; kill++) {
		const daemon = await startDaemon({ state });
		daemons.push(daemon);
		const peer = await connect(daemon);
		await checkPromises(witness, peer);
		await submitSome(witness, peer);
		await momentToDie(witness, peer, kill);
		await crash(daemon);
		if (kill % 2 === 0) {
			await until('its processes to end', () => descendants(daemon).length === 0);
		}
		const left = await readdir(output);
		const notesNow = await readNotes(witness);
		moments.push({
			running: notesNow.started.length > notesNow.finished.length,
			part: left.some((name) => name.endsWith('.part')),
		});
		if (kill % 2 === 0) await rememberClips(witness, left);
	}
	await finish(witness);
	for (const daemon of daemons) expect(descendants(daemon)).toEqual([]);
	return moments;
}

/** Right after a start: what was accepted is there, what was done still is, no half is left. */
async function checkPromises(witness: Witness, peer: Peer): Promise<void> {
	const { jobs } = await peer.call('job.list', { limit: 10_000 });
	const states = new Map(jobs.map((job) => [job.id, job.state]));
	for (const id of witness.accepted) expect(states.has(id), `${id} is lost`).toBe(true);
	for (const id of witness.done) expect(states.get(id), `${id} was done`).toBe('done');
	for (const job of jobs) {
		if (job.state !== 'done') continue;
		witness.done.add(job.id);
		expect((await stat(`${job.clip?.path}`)).size).toBeGreaterThan(0);
	}
	// The daemon may have begun the next attempt; nothing but that may be there.
	const { jobs: now } = await peer.call('job.list', { limit: 10_000 });
	const ended = now.filter(({ state }) => state !== 'running').map(({ id }) => id);
	const names = [
		...(await readdir(witness.output)).filter((name) => name.endsWith('.part')),
		...(await readdir(join(witness.state, 'work'))),
	];
	for (const id of ended) {
		const leftovers = names.filter((name) => name.includes(id));
		const { job } = await peer.call('job.get', { jobId: id });
		if (job.state === 'queued') expect(leftovers, `${id} has leftovers`).toEqual([]);
	}
	await checkClips(witness);
}

async function submitSome(witness: Witness, peer: Peer): Promise<void> {
	const { jobs } = await peer.call('job.list', { states: ['queued', 'running', 'failed'] });
	for (const { id, state } of jobs) {
		if (state === 'failed') await peer.call('job.retry', { jobId: id });
	}
	for (let missing = 3 - jobs.length; missing > 0; missing--) {
		await submit(witness, peer);
	}
}

function submit(witness: Witness, peer: Peer): Promise<void> {
	const settings = { log: witness.notes, delay: 10 };
	const request = requestFor({ folder: witness.output, frames: FRAMES, settings });
	return peer.ask('job.submit', { request }).then(
		({ result }) => {
			if (result) witness.accepted.add(request.id);
		},
		// Killed before it could answer: then it has promised nothing.
		() => {},
	);
}

/** Waits for a moment of one of several kinds, so that the rare ones are met too. */
async function momentToDie(witness: Witness, peer: Peer, kill: number): Promise<void> {
	const patience = pause(10_000);
	switch (kill % 5) {
		case 0:
			// Anything may be going on, or still be starting.
			return pause(Math.random() * 1500);
		case 1:
			// In the middle of being sent jobs: some have their answer, some do not.
			for (let i = 0; i < 10; i++) void submit(witness, peer);
			return pause(Math.random() * 20);
		case 2:
			await Promise.race([appears(witness, /\.part$/), patience]);
			return pause(Math.random() * 150);
		case 3:
			// The clip stands, but the daemon may not have heard of it.
			await Promise.race([appears(witness, /\.mov$/), patience]);
			return pause(Math.random() * 4);
		default: {
			const started = new Promise<void>((resolve) =>
				peer.socket.on('message', (data) => {
					if (String(data).includes('"started"')) resolve();
				}),
			);
			const { lastEvent } = await peer.call('job.list', {});
			await peer.call('events.subscribe', { after: lastEvent });
			await Promise.race([started, patience]);
			return pause(Math.random() * 300);
		}
	}
}

/** Resolves when a new name that fits shows up in the output folder. */
function appears({ output }: Witness, pattern: RegExp): Promise<void> {
	return new Promise((resolve) => {
		const watcher = watch(output, (_event, name) => {
			if (!name || !pattern.test(name)) return;
			watcher.close();
			resolve();
		});
		setTimeout(() => watcher.close(), 10_000).unref();
	});
}

async function rememberClips(witness: Witness, names: readonly string[]): Promise<void> {
	for (const name of names.filter((candidate) => candidate.endsWith('.mov'))) {
		witness.clips.set(name, await identity(witness, name));
	}
}

async function checkClips(witness: Witness): Promise<void> {
	for (const [name, before] of witness.clips) {
		expect(await identity(witness, name), `${name} was made again`).toBe(before);
	}
}

async function identity({ output }: Witness, name: string): Promise<string> {
	const { ino, mtimeMs } = await stat(join(output, name));
	return `${ino} ${mtimeMs}`;
}

/** Lets everything run to its end in peace, and looks at all of it. */
async function finish(witness: Witness): Promise<void> {
	const daemon = await startDaemon({ state: witness.state });
	const peer = await connect(daemon);
	await checkPromises(witness, peer);
	const jobs = await until('all jobs to be done', async () => {
		const { jobs: all } = await peer.call('job.list', { limit: 10_000 });
		for (const { id, state } of all) {
			if (state === 'failed') await peer.call('job.retry', { jobId: id });
		}
		return all.every(({ state }) => state === 'done') && all;
	});
	const ids = jobs.map(({ id }) => id);
	for (const id of witness.accepted) expect(ids).toContain(id);
	await checkClips(witness);

	const { finished } = await readNotes(witness);
	expect(finished).toHaveLength(new Set(finished).size);
	const { events } = await peer.call('events.subscribe', { after: 0 });
	expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
	const ends = events.filter(({ kind }) => kind === 'done').map(({ jobId }) => jobId);
	expect([...ends].sort()).toEqual([...ids].sort());

	expect((await readdir(witness.output)).sort()).toEqual(ids.map((id) => `shot-${id}.mov`).sort());
	for (const { clip } of jobs) {
		expect(await countClip(`${clip?.path}`)).toEqual({ frames: FRAMES, samples: 7680 });
	}
	expect(await readdir(join(witness.state, 'work'))).toEqual([]);
	expect(await stop(daemon)).toBe(0);
	expect(descendants(daemon)).toEqual([]);
}

async function readNotes({ notes }: Witness) {
	const lines = (await readFile(notes, 'utf8').catch(() => '')).trim().split('\n');
	const idsOf = (what: string) =>
		lines.filter((line) => line.startsWith(what)).map((line) => line.split(' ')[1] ?? '');
	return { started: idsOf('started'), finished: idsOf('finished') };
}

function pause(milliseconds: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

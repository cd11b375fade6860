import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Job } from '../../protocol/jobs.ts';
import type { Shot } from '../../protocol/shots.ts';
import { connect, endAllDaemons, type Peer, temporaryFolder } from '../daemon/harness.ts';
import { makeNumberedShot } from '../end-to-end/numbered.ts';
import type { Editor } from '../fakes/editor.ts';
import { cutWithGap, GAP, landingOf, names, press, settled, setUp, shotFor } from './film.ts';

afterAll(endAllDaemons);

let media: string;
beforeAll(async () => {
	media = join(await temporaryFolder(), 'shot.mov');
	await makeNumberedShot(media, { num: 24, den: 1 }, 0, 72, { hertz: 440, level: 0.3 });
});

/** A draft and three takes that are finished once `gate` is there, but for the first, which fails. */
async function pressed() {
	const { daemon, editor, peer } = await setUp({ cut: cutWithGap(media) });
	const folder = await temporaryFolder();
	const gate = join(folder, 'gate');
	const failing = join(folder, 'failing');
	await writeFile(failing, '7');
	const settings = { finished: true, awaits: gate, failing };
	const shot = shotFor(editor, { draft: true, takes: 3, settings });
	const jobs = await press(peer, shot);
	await settled(peer, jobs[0]!.id, 'landed');
	const open = () => writeFile(gate, '');
	return { daemon, editor, peer, shot, failing, jobs: jobs as [Job, Job, Job, Job], open };
}

it('the next finished take lands in the draft’s place where the first one fails, and that one alone', async () => {
	const { editor, peer, failing, jobs, open } = await pressed();
	const [draft, first, second, third] = jobs;
	await open();
	await settledTake(peer, second, editor);
	expect(await landingOf(peer, draft.id)).toMatchObject({ state: 'replaced', by: second.id });
	await peer.waitForJob(third.id, 'done');
	// What was to land and comes late pushes nothing out.
	await rm(failing);
	await peer.call('job.retry', { jobId: first.id });
	await peer.waitForJob(first.id, 'done');
	await editor.change({ playhead: 3 });
	await nothingMoves(editor, peer, jobs);
	expect(editor.edits()).toBe(2);
	expect(names(editor.cut(), 'V1')?.[1]).toBe('Pickup V1 00:00:01:00 take 2 24–36');
});

it('so it does where the first one is cancelled, once a dialog in the editor is closed', async () => {
	const { editor, peer, jobs, open } = await pressed();
	const [, first, second] = jobs;
	await editor.change({ busy: 'dialog' });
	await peer.call('job.cancel', { jobId: first.id });
	await open();
	await peer.waitForJob(second.id, 'done');
	await settled(peer, second.id, 'waiting');
	await editor.change({ busy: null });
	await settledTake(peer, second, editor);
	expect(editor.edits()).toBe(2);
});

it('a take that the person has landed meanwhile stays, whichever is finished after it or fails', async () => {
	const { editor, peer, shot, failing, jobs, open } = await pressed();
	const [, first, second, third] = jobs;
	await peer.call('job.cancel', { jobId: first.id });
	await peer.call('job.cancel', { jobId: second.id });
	const own = await varied(peer, shot, third);
	await peer.call('job.cancel', { jobId: third.id });
	await open();
	await peer.waitForJob(own.id, 'done');
	// It was asked for later, and lands when that is asked for.
	expect((await peer.call('job.get', { jobId: own.id })).job.landings).toEqual([]);
	await land(peer, editor, shot, own);
	await rm(failing);
	for (const { id } of [first, second, third]) {
		await peer.call('job.retry', { jobId: id });
		await peer.waitForJob(id, 'done');
	}
	await settled(peer, first.id, 'withdrawn');
	await editor.change({ playhead: 3 });
	expect(await landingOf(peer, own.id)).toMatchObject({ state: 'landed' });
	for (const { id } of [second, third]) {
		expect((await peer.call('job.get', { jobId: id })).job.landings).toEqual([]);
	}
	expect(editor.edits()).toBe(2);
});

it('where the person has put something else over the place, the next take is offered and says why', async () => {
	const { editor, peer, jobs, open } = await pressed();
	const [, , second] = jobs;
	await editor.edit((cut) => ({
		...cut,
		tracks: cut.tracks.map((track) => ({
			...track,
			clips: track.clips.map((clip) =>
				clip.name.startsWith('Pickup')
					? { ...clip, name: 'my own', source: { kind: 'file', path: media } }
					: clip,
			),
		})),
	}));
	await open();
	const landing = await settled(peer, second.id, 'landed', 'not-landed');
	expect(landing).toMatchObject({
		state: 'not-landed',
		problem: { message: 'The clip that this one was to replace is no longer in the cut' },
	});
	expect(names(editor.cut(), 'V1')?.[1]).toBe('my own 24–36');
	expect(editor.bin()).toHaveLength(1);
});

it('takes that are asked for at once have numbers of their own, and one that is asked for twice is one', async () => {
	const { daemon, editor, peer } = await setUp();
	const [first] = await press(peer, shotFor(editor));
	const second = await connect(daemon);
	const ids = [randomUUID(), randomUUID(), randomUUID()];
	const varied = await Promise.all(
		[...ids, ...ids].map(async (id, at) => {
			const wish = { id, like: first!.id, seed: 50 + at };
			return (await (at % 2 === 0 ? peer : second).call('shot.vary', wish)).job;
		}),
	);
	expect(new Set(varied.map(({ id }) => id))).toEqual(new Set(ids));
	const takes = new Map(varied.map(({ id, takeOf }) => [id, takeOf?.take]));
	expect([...takes.values()].sort()).toEqual([2, 3, 4]);
	for (const [id, take] of takes) {
		const { request } = await peer.call('job.request', { jobId: id });
		expect(request.output.name).toMatch(new RegExp(` take ${take}$`));
		const { clip } = await peer.waitForJob(id, 'done');
		expect(basename(clip!.path)).toBe(`${request.output.name}-${id}.mov`);
	}
});

async function settledTake(peer: Peer, { id }: Job, editor: Editor): Promise<void> {
	const landing = await settled(peer, id, 'landed', 'not-landed');
	expect(landing).toMatchObject({ state: 'landed', items: [{ range: GAP }, { range: GAP }] });
	expect(names(editor.cut(), 'V1')).toHaveLength(3);
}

/** What the journal says of all of them stays so. */
async function nothingMoves(editor: Editor, peer: Peer, jobs: readonly Job[]): Promise<void> {
	const said = () =>
		Promise.all(
			jobs.map(async ({ id }) => (await peer.call('job.get', { jobId: id })).job.landings),
		);
	const before = await said();
	await editor.change({ playhead: 4 });
	await peer.call('host.cut', { host: editor.agent.id });
	expect(await said()).toEqual(before);
}

async function varied(peer: Peer, { seed }: Shot, like: Job): Promise<Job> {
	const { job } = await peer.call('shot.vary', {
		id: randomUUID(),
		like: like.id,
		seed: (seed ?? 0) + 50,
	});
	return job;
}

async function land(peer: Peer, editor: Editor, shot: Shot, { id: jobId }: Job): Promise<void> {
	const at = { track: 'V1', frame: GAP.start, where: 'gap' } as const;
	await peer.call('clip.land', { jobId, host: editor.agent.id, ...at, replaces: shot.id });
	expect(await landingOf(peer, jobId)).toMatchObject({ state: 'landed' });
}

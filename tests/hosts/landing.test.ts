import { readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import {
	connect,
	crash,
	type Daemon,
	endAllDaemons,
	startDaemon,
	stop,
	until,
} from '../daemon/harness.ts';
import { openEditor } from '../fakes/editor.ts';
import {
	cutWithGap,
	editorsGone,
	GAP,
	landingOf,
	names,
	press,
	settled,
	setUp,
	shotFor,
} from './film.ts';

afterAll(endAllDaemons);

it('a press lands its clip in the gap, sound on a free track, and a second press of the same id is the same', async () => {
	const { editor, peer, project } = await setUp();
	const shot = shotFor(editor);
	const { plan, lands, folder } = await peer.call('shot.plan', { shot });
	expect(plan.frames).toBe(12);
	expect(lands).toBe('V1 + A2 00:00:01:00–00:00:01:12');
	expect(folder).toBe(join(project, 'Pickup'));
	const [job] = await press(peer, shot);
	const landing = await settled(peer, job!.id, 'landed');
	expect(landing.state === 'landed' && landing.items).toEqual([
		{ of: 'video', track: 'V1', range: GAP },
		{ of: 'audio', track: 'A2', range: GAP },
	]);
	expect(names(editor.cut(), 'V1')).toEqual([
		'left 0–24',
		'Pickup V1 00:00:01:00 take 1 24–36',
		'right 36–60',
	]);
	expect(names(editor.cut(), 'A1')).toEqual(['dialogue 0–60']);
	const { job: done } = await peer.call('job.get', { jobId: job!.id });
	expect(dirname(done.clip!.path)).toBe(join(project, 'Pickup'));
	expect(done.takeOf).toEqual({ shot: shot.id, take: 1 });
	const again = await press(peer, shot);
	expect(again.map(({ id }) => id)).toEqual([job!.id]);
	expect(editor.edits()).toBe(1);
});

it('a gap that closed meanwhile sends the clip to the bin, and nobody’s clip is covered', async () => {
	const { editor, peer } = await setUp();
	const [job] = await press(peer, shotFor(editor, { settings: { delay: 100 } }));
	await editor.edit((cut) => ({
		...cut,
		tracks: cut.tracks.map((track) =>
			track.name === 'V1'
				? {
						...track,
						clips: track.clips.map((clip) =>
							clip.name === 'right' ? { ...clip, range: { start: 24, end: 48 } } : clip,
						),
					}
				: track,
		),
	}));
	const landing = await settled(peer, job!.id, 'not-landed', 'landed');
	expect(landing).toMatchObject({
		state: 'not-landed',
		kept: 'bin',
		problem: { code: 'placement-conflict', message: expect.stringContaining('right') },
	});
	expect(names(editor.cut(), 'V1')).toEqual(['left 0–24', 'right 24–48']);
	expect(editor.bin()).toHaveLength(1);
});

it('a clip that was to be made anyway waits for an editor that plays, shows another sequence or is away, and says which', async () => {
	const { daemon, editor, peer, project } = await setUp();
	await editor.change({ busy: 'playing' });
	const [job] = await press(peer, shotFor(editor));
	const waitsFor = (what: string) =>
		until(`it to wait for ${what}`, async () => {
			const landing = await landingOf(peer, job!.id);
			return landing.state === 'waiting' && landing.waitsFor === what;
		});
	await peer.call('job.continue', { jobId: job!.id });
	await waitsFor('playing');
	const { sequence } = editor.state();
	await editor.change({ busy: null, sequence: { id: 'other', name: 'Other' } });
	await waitsFor('sequence');
	await editor.quit();
	await waitsFor('editor');
	expect(editor.edits()).toBe(0);
	const back = await openEditor(daemon, cutWithGap(), { path: join(project, 'film.prproj') });
	expect(back.state().sequence).toEqual(sequence);
	await settled(peer, job!.id, 'landed');
	expect(back.edits()).toBe(1);
});

it('an editor that goes in the middle of the edit is asked again and lands the clip once', async () => {
	const { daemon, editor, peer, project } = await setUp();
	editor.onEdit = () => void editor.quit();
	const [job] = await press(peer, shotFor(editor));
	await settled(peer, job!.id, 'landing');
	await editorsGone(peer);
	expect(await landingOf(peer, job!.id)).toMatchObject({ state: 'landing' });
	// It comes back with what it did: the clip stands there.
	const path = join(project, 'film.prproj');
	const back = await openEditor(daemon, editor.cut(), { path });
	await settled(peer, job!.id, 'landed');
	expect(back.edits()).toBe(0);
	expect(names(back.cut(), 'V1')).toHaveLength(3);
});

it('an editor that died before the edit was done lands the clip when it is back', async () => {
	const { daemon, editor, peer, project } = await setUp();
	editor.beforeEdit = () => {
		void editor.quit();
		throw new Error('dies');
	};
	const [job] = await press(peer, shotFor(editor));
	await editorsGone(peer);
	expect(await landingOf(peer, job!.id)).toMatchObject({ state: 'landing' });
	expect(editor.edits()).toBe(0);
	const back = await openEditor(daemon, cutWithGap(), { path: join(project, 'film.prproj') });
	await settled(peer, job!.id, 'landed');
	expect(back.edits()).toBe(1);
});

it('a daemon that dies lands what was made when it is back, once', async () => {
	const { daemon, editor, peer, project } = await setUp();
	let asked = 0;
	editor.onEdit = () => {
		asked += 1;
		daemon.child.kill('SIGKILL');
	};
	const [job] = await press(peer, shotFor(editor));
	await daemon.ended;
	expect(asked).toBe(1);
	const again: Daemon = await startDaemon({ state: daemon.state });
	const back = await openEditor(again, editor.cut(), { path: join(project, 'film.prproj') });
	const second = await connect(again);
	await settled(second, job!.id, 'landed');
	expect(back.edits()).toBe(0);
	expect(names(back.cut(), 'V1')).toHaveLength(3);
});

it('undo is told as “no longer in the project” and never landed again unasked; redo brings it back', async () => {
	const { editor, peer } = await setUp();
	const [job] = await press(peer, shotFor(editor));
	await settled(peer, job!.id, 'landed');
	await editor.undo();
	await settled(peer, job!.id, 'gone');
	await editor.change({ playhead: 3 });
	await editor.redo();
	await settled(peer, job!.id, 'landed');
	await editor.undo();
	await settled(peer, job!.id, 'gone');
	expect(editor.edits()).toBe(1);
	await peer.call('clip.land', {
		jobId: job!.id,
		host: editor.agent.id,
		track: 'V1',
		frame: 24,
		where: 'gap',
	});
	await settled(peer, job!.id, 'landed');
	expect(editor.edits()).toBe(2);
});

it('another take takes the place of the one in the cut, keeping trims; undo brings that back', async () => {
	const { editor, peer } = await setUp();
	const [fill] = await press(peer, shotFor(editor));
	await settled(peer, fill!.id, 'landed');
	const third = shotFor(editor, { takes: 2, verb: 'retake' });
	const [one, two] = await press(peer, third);
	const where = await settled(peer, one!.id, 'landed');
	await peer.waitForJob(two!.id, 'done');
	expect((await peer.call('job.get', { jobId: two!.id })).job.landings).toEqual([]);
	const track = where.state === 'landed' ? where.items[0]!.track : '';
	await editor.edit((cut) => ({
		...cut,
		tracks: cut.tracks.map((each) =>
			each.name === track
				? { ...each, clips: each.clips.map((clip) => ({ ...clip, range: { start: 24, end: 33 } })) }
				: each,
		),
	}));
	await peer.call('clip.land', {
		jobId: two!.id,
		host: editor.agent.id,
		track: 'V1',
		frame: 24,
		where: 'above',
		replaces: third.id,
	});
	const swapped = await settled(peer, two!.id, 'landed');
	expect(swapped.state === 'landed' && swapped.items[0]).toEqual({
		of: 'video',
		track,
		range: { start: 24, end: 33 },
	});
	expect(await landingOf(peer, one!.id)).toMatchObject({ state: 'replaced', by: two!.id });
	await editor.undo();
	await settled(peer, one!.id, 'landed');
	await settled(peer, two!.id, 'gone');
});

it('a clip whose file is gone is not landed, and a waiting one can be withdrawn', async () => {
	const { editor, peer } = await setUp();
	await editor.change({ busy: 'dialog' });
	const [first] = await press(peer, shotFor(editor));
	const [second] = await press(peer, shotFor(editor, { range: { start: 26, end: 30 } }));
	const { clip } = await peer.waitForJob(first!.id, 'done');
	await peer.waitForJob(second!.id, 'done');
	await rm(clip!.path);
	const { id } = await landingOf(peer, second!.id);
	await peer.call('clip.withdraw', { landing: id });
	await editor.change({ busy: null });
	expect(await settled(peer, first!.id, 'not-landed', 'landed')).toMatchObject({
		state: 'not-landed',
		problem: { code: 'media-offline' },
	});
	expect(await landingOf(peer, second!.id)).toMatchObject({ state: 'withdrawn' });
	expect(editor.edits()).toBe(0);
});

it('a clip in the cut is taken out again when that is asked for', async () => {
	const { editor, peer } = await setUp();
	const [job] = await press(peer, shotFor(editor));
	const { id } = await settled(peer, job!.id, 'landed');
	await peer.call('clip.withdraw', { landing: id });
	expect(await landingOf(peer, job!.id)).toMatchObject({ state: 'withdrawn' });
	expect(names(editor.cut(), 'V1')).toEqual(['left 0–24', 'right 36–60']);
});

it('an agent is told the gap at its playhead and what becomes of its Fill', async () => {
	const { editor, peer } = await setUp();
	await peer.call('panel.remember', {
		key: 'request',
		value: { prompt: 'fog', engine: 'fake', draft: false },
	});
	await editor.change({ playhead: 30 });
	await until('the brief', () => editor.brief()?.gap === 'V1 00:00:01:00, 12 frames');
	expect(editor.brief()).toMatchObject({ prompt: 'fog', refusal: null });
	await editor.fill();
	await until('the clip to be landed', () =>
		/take 1 is in the cut$/.test(editor.brief()?.said ?? ''),
	);
	const { jobs } = await peer.call('job.list', {});
	expect(jobs.map(({ prompt }) => prompt)).toEqual(['fog']);
	await until('the refusal', () => editor.brief()?.refusal === 'There is no gap in this sequence');
});

it('panels share what they remember, over restarts too, and a held queue stays held', async () => {
	const { daemon, editor, peer } = await setUp();
	await peer.call('panel.watch', {});
	await peer.call('panel.remember', { key: 'theme', value: 'light' });
	await peer.call('queue.pause', { paused: true });
	await until('the panel to be told', () => peer.panel?.paused === true);
	expect(peer.panel?.memory).toEqual({ theme: 'light' });
	const [job] = await press(peer, shotFor(editor));
	expect(await stop(daemon)).toBe(0);
	const again = await startDaemon({ state: daemon.state });
	const second = await connect(again);
	expect(await second.call('panel.watch', {})).toEqual({
		memory: { theme: 'light' },
		paused: true,
	});
	expect((await second.call('job.get', { jobId: job!.id })).job.state).toBe('queued');
	await second.call('queue.pause', { paused: false });
	await second.waitForJob(job!.id, 'done');
	await crash(again);
});

it('clips of a project that was never saved move beside it when it is', async () => {
	const { daemon, editor, peer, project } = await setUp({ path: null });
	const [job] = await press(peer, shotFor(editor));
	await settled(peer, job!.id, 'landed');
	const before = (await peer.call('job.get', { jobId: job!.id })).job.clip!.path;
	expect(dirname(dirname(before))).toBe(join(daemon.state, 'clips'));
	const saved = { ...editor.state().project!, path: join(project, 'film.prproj') };
	await editor.change({ project: saved });
	const to = join(project, 'Pickup', basename(before));
	const playing = () =>
		editor
			.cut()
			.tracks.flatMap(({ clips }) => clips)
			.filter(({ source }) => source.kind === 'file' && source.path === to);
	await until('the cut to play it there', () => playing().length === 2);
	expect((await peer.call('job.get', { jobId: job!.id })).job.clip?.path).toBe(to);
	expect(names(editor.cut(), 'V1')?.[1]).toBe('Pickup V1 00:00:01:00 take 1 24–36');
	expect(await readFile(to)).toEqual(await readFile(before));
	await editor.change({ playhead: 5 });
	expect(await landingOf(peer, job!.id)).toMatchObject({ state: 'landed' });
	expect(editor.edits()).toBe(2);
});

it('stars and deletions are kept and told', async () => {
	const { editor, peer } = await setUp();
	const [job] = await press(peer, shotFor(editor));
	await settled(peer, job!.id, 'landed');
	await peer.call('events.subscribe', { after: 0 });
	await peer.call('clip.mark', { jobIds: [job!.id], starred: true });
	await peer.call('clip.mark', { jobIds: [job!.id], deleted: true });
	expect((await peer.call('job.get', { jobId: job!.id })).job).toMatchObject({
		starred: true,
		deleted: true,
	});
	await until('the event', () =>
		peer.events.some((event) => event.kind === 'marked' && event.deleted && event.starred),
	);
});

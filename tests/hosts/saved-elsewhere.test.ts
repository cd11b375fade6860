import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Clip, placesOf } from '../../protocol/jobs.ts';
import type { ClipSpan, Cut } from '../../protocol/timeline.ts';
import {
	connect,
	endAllDaemons,
	type Peer,
	startDaemon,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';
import { type Editor, openEditor } from '../fakes/editor.ts';
import { cutWithGap, landingOf, names, press, settled, shotFor } from './film.ts';

afterAll(endAllDaemons);

describe('Of a project that was never saved and then is', () => {
	it('a clip that the cut plays where it was is in the cut, and moves again when that is opened', async () => {
		const { daemon, editor, peer, folder, jobId, unsaved } = await landedUnsaved();
		const before = editor.cut();
		const to = await saveIn(folder, { editor, peer, jobId });
		expect(playedIn(editor)).toEqual([to, to]);
		expect(await clipOf(peer, jobId)).toMatchObject({ path: to, formerPaths: [unsaved] });
		// What was saved is the cut as it was before the clips moved; the rest is lost.
		await editor.quit();
		const again = await openEditor(daemon, before, { path: join(folder, 'film.prproj') });
		await until('the clip to have moved', () => playedIn(again)[0] === to);
		await looked({ editor: again, peer, jobId });
		expect(await states(peer, jobId)).toEqual(['landed']);
		expect(playedIn(again)).toEqual([to, to]);
		expect(again.edits()).toBe(1);
	});

	it('an undo of the move stays, the clip is known, and gives way or is taken out like any', async () => {
		const { editor, peer, folder, jobId, unsaved, shot } = await landedUnsaved(2);
		await saveIn(folder, { editor, peer, jobId });
		await editor.undo();
		await looked({ editor, peer, jobId });
		expect(playedIn(editor)).toEqual([unsaved, unsaved]);
		expect(await states(peer, jobId)).toEqual(['landed']);
		const second = shot.jobs[1]!.id;
		const at = { host: editor.agent.id, track: 'V1', frame: 24, where: 'gap' } as const;
		await peer.call('clip.land', { jobId: second, ...at, replaces: shot.id });
		expect(await states(peer, jobId)).toEqual(['replaced']);
		const taken = await landingOf(peer, second);
		expect(taken).toMatchObject({ state: 'landed' });
		expect(names(editor.cut(), 'V1')?.[1]).toMatch(/take 2 24–35$/);
		await editor.undo();
		await settled(peer, jobId, 'landed');
		const { id } = await landingOf(peer, jobId);
		await peer.call('clip.withdraw', { landing: id });
		expect(await states(peer, jobId)).toEqual(['withdrawn']);
		expect(names(editor.cut(), 'V1')).toEqual(['left 0–24', 'right 36–60']);
	});

	it('a clip is in the cut where the daemon died before it heard that it had moved', async () => {
		const { daemon, editor, peer, folder, jobId, unsaved } = await landedUnsaved();
		editor.onEdit = () => void daemon.child.kill('SIGKILL');
		const path = join(folder, 'film.prproj');
		await editor.change({ project: { ...editor.state().project!, path } });
		await daemon.ended;
		const to = join(folder, 'Pickup', basename(unsaved));
		expect(playedIn(editor)).toEqual([to, to]);
		const next = await startDaemon({ state: daemon.state });
		const back = await openEditor(next, editor.cut(), { path });
		const second = await connect(next);
		await looked({ editor: back, peer: second, jobId });
		expect(await states(second, jobId)).toEqual(['landed']);
		expect(await clipOf(second, jobId)).toMatchObject({ path: to, formerPaths: [unsaved] });
		expect(back.edits()).toBe(0);
		await peer.closed;
	});

	it('a clip that stands a hundred times in the cut moves everywhere', async () => {
		const { editor, peer, folder, jobId } = await landedUnsaved();
		await editor.edit((cut) => ({ ...cut, tracks: cut.tracks.map(repeated) }));
		const to = await saveIn(folder, { editor, peer, jobId });
		await until('all of them to have moved', () => playedIn(editor).every((path) => path === to));
		expect(playedIn(editor)).toHaveLength(102);
	});

	it('a clip that comes later, and a take that stands nowhere, are beside it too', async () => {
		const { editor, peer, folder, jobId, shot } = await landedUnsaved(2);
		const gate = join(await temporaryFolder(), 'gate');
		const range = { start: 70, end: 74 };
		const late = shotFor(editor, { range, settings: { awaits: gate } });
		const [job] = await press(peer, late);
		await saveIn(folder, { editor, peer, jobId });
		await writeFile(gate, '');
		await settled(peer, job!.id, 'landed');
		const edits = editor.edits();
		await looked({ editor, peer, jobId });
		for (const { id } of [...shot.jobs, job!]) {
			expect(dirname((await clipOf(peer, id)).path)).toBe(join(folder, 'Pickup'));
		}
		expect(new Set(playedIn(editor).map(dirname))).toEqual(new Set([join(folder, 'Pickup')]));
		// It lands from there at once.
		expect(editor.edits()).toBe(edits);
	});
});

describe('Of a project that is saved as another one', () => {
	it('clips of the cut stand beside both, and each of the two finds its own', async () => {
		const { daemon, editor, peer, folder, jobId } = await landedUnsaved();
		const first = await saveIn(folder, { editor, peer, jobId });
		const saved = editor.cut();
		const elsewhere = await temporaryFolder();
		const second = await saveIn(elsewhere, { editor, peer, jobId });
		await until('the cut to play it there', () =>
			playedIn(editor).every((each) => each === second),
		);
		expect(await readFile(second)).toEqual(await readFile(first));
		expect(await states(peer, jobId)).toEqual(['landed']);
		await editor.quit();
		const old = await openEditor(daemon, saved, { path: join(folder, 'film.prproj') });
		await until('the clip to be where it was', async () => {
			return (await clipOf(peer, jobId)).path === first;
		});
		await looked({ editor: old, peer, jobId });
		expect(await states(peer, jobId)).toEqual(['landed']);
		expect(playedIn(old)).toEqual([first, first]);
		expect(old.edits()).toBe(0);
	});

	it('a clip goes to the trash from wherever it stands, when that is meant', async () => {
		const data = await temporaryFolder();
		const { editor, peer, folder, jobId } = await landedUnsaved(1, { XDG_DATA_HOME: data });
		await saveIn(folder, { editor, peer, jobId });
		await saveIn(await temporaryFolder(), { editor, peer, jobId });
		const paths = placesOf(await clipOf(peer, jobId));
		expect(paths).toHaveLength(3);
		const { used } = await peer.call('history.disk', {});
		// Three names of one file.
		expect(used).toMatchObject({ jobIds: [jobId], bytes: (await stat(paths[0])).size });
		const { kept } = await peer.call('history.trash', { jobIds: [jobId] });
		expect(kept).toMatchObject([{ jobId, problem: { code: 'wrong-state' } }]);
		for (const path of paths) expect((await stat(path)).isFile()).toBe(true);
		const meant = await peer.call('history.trash', { jobIds: [jobId], evenUsed: true });
		expect(meant.kept).toEqual([]);
		for (const path of paths) await expect(stat(path)).rejects.toThrow('ENOENT');
		expect(await readdir(join(data, 'Trash/files'))).toHaveLength(3);
	});

	it('a clip whose new folder is thrown away is shown and landed from the old one', async () => {
		const { editor, peer, folder, jobId } = await landedUnsaved();
		const first = await saveIn(folder, { editor, peer, jobId });
		const elsewhere = await temporaryFolder();
		const second = await saveIn(elsewhere, { editor, peer, jobId });
		await rm(join(elsewhere, 'Pickup'), { recursive: true });
		const media = { kind: 'clip', jobId } as const;
		expect((await peer.call('media.ticket', { media })).path).toMatch(/^\/media\//);
		await editor.edit(() => cutWithGap());
		await settled(peer, jobId, 'gone');
		const at = { host: editor.agent.id, track: 'V1', frame: 24, where: 'gap' } as const;
		await peer.call('clip.land', { jobId, ...at });
		expect(await landingOf(peer, jobId)).toMatchObject({ state: 'landed' });
		expect(playedIn(editor)).toEqual([second, second]);
		expect(await readFile(second)).toEqual(await readFile(first));
	});

	it('a clip stays where it is where somebody’s own file has its name there', async () => {
		const { editor, peer, folder, jobId } = await landedUnsaved();
		const first = await saveIn(folder, { editor, peer, jobId });
		const elsewhere = await temporaryFolder();
		const own = join(elsewhere, 'Pickup', basename(first));
		await mkdir(dirname(own));
		await writeFile(own, 'my own');
		const path = join(elsewhere, 'film.prproj');
		await editor.change({ project: { ...editor.state().project!, path } });
		await looked({ editor, peer, jobId });
		expect(await readFile(own, 'utf8')).toBe('my own');
		expect(playedIn(editor)).toEqual([first, first]);
		expect(await states(peer, jobId)).toEqual(['landed']);
	});
});

async function landedUnsaved(takes = 1, env: Readonly<Record<string, string>> = {}) {
	const daemon = await startDaemon({ env });
	const editor = await openEditor(daemon, cutWithGap());
	const peer = await connect(daemon);
	const shot = shotFor(editor, { takes });
	const jobs = await press(peer, shot);
	for (const { id } of jobs) await peer.waitForJob(id, 'done');
	const jobId = jobs[0]!.id;
	await settled(peer, jobId, 'landed');
	const unsaved = (await clipOf(peer, jobId)).path;
	expect(dirname(dirname(unsaved))).toBe(join(daemon.state, 'clips'));
	const folder = await temporaryFolder();
	return { daemon, editor, peer, folder, jobId, unsaved, shot: { id: shot.id, jobs } };
}

type Saved = { readonly editor: Editor; readonly peer: Peer; readonly jobId: string };

/** The person saves it there. Gives where its clip stands then. */
async function saveIn(folder: string, { editor, peer, jobId }: Saved): Promise<string> {
	const path = join(folder, 'film.prproj');
	await editor.change({ project: { ...editor.state().project!, path } });
	const to = join(folder, 'Pickup', basename((await clipOf(peer, jobId)).path));
	await until('the cut to play it there', () => playedIn(editor).includes(to));
	return to;
}

/**
 * The person trims what Pickup has placed by a frame, and the journal has come to know it: whatever
 * else there was to do about the cut has been done by then.
 */
async function looked({ editor, peer, jobId }: Saved): Promise<void> {
	let end = 0;
	const trimmed = (clip: ClipSpan): ClipSpan => {
		if (!clip.name.startsWith('Pickup')) return clip;
		const { range } = clip;
		end ||= range.end - 1;
		return { ...clip, range: { start: range.start, end: range.end - 1 } };
	};
	await editor.edit((cut) => ({
		...cut,
		tracks: cut.tracks.map((track) => ({ ...track, clips: track.clips.map(trimmed) })),
	}));
	await until('the trim to be known', async () => {
		const landing = await landingOf(peer, jobId);
		return landing.state === 'landed' && landing.items[0]?.range.end === end;
	});
}

async function clipOf(peer: Peer, jobId: string): Promise<Clip> {
	return (await peer.call('job.get', { jobId })).job.clip!;
}

async function states(peer: Peer, jobId: string): Promise<readonly string[]> {
	return (await peer.call('job.get', { jobId })).job.landings.map(({ state }) => state);
}

/** The files of ours that the cut plays, picture before sound. */
function playedIn(editor: Editor): readonly string[] {
	return editor
		.cut()
		.tracks.flatMap(({ clips }) =>
			clips.flatMap(({ source, name }) =>
				source.kind === 'file' && name.startsWith('Pickup') ? [source.path] : [],
			),
		);
}

function repeated(track: Cut['tracks'][number]): Cut['tracks'][number] {
	const clip = track.clips.find(({ name }) => name.startsWith('Pickup'));
	if (!clip) return track;
	const more = Array.from({ length: 50 }, (_, at) => {
		const start = 100 + at * 12;
		return { ...clip, range: { start, end: start + 12 } };
	});
	return { ...track, clips: [...track.clips, ...more] };
}

import { execFile } from 'node:child_process';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { pictureAlonePath } from '../../protocol/jobs.ts';
import { endAllDaemons, type Peer, temporaryFolder, until } from '../daemon/harness.ts';
import type { Editor } from '../fakes/editor.ts';
import { cutWithGap, GAP, landingOf, names, press, settled, setUp, shotFor } from './film.ts';

/** An editor that adds no tracks, in cuts where sound stands on all that there are. */

const OLD = { can: { addTracks: false } } as const;
const VIDEO = [{ of: 'video', track: 'V1', range: GAP }];

afterAll(endAllDaemons);

it('is told before anything is made, and nothing is queued', async () => {
	const { editor, peer } = await setUp(OLD);
	const shot = shotFor(editor);
	const refused = await peer.refusal('shot.plan', { shot });
	expect(refused).toMatchObject({ code: 'no-free-track', field: 'audio' });
	expect((await peer.refusal('shot.submit', { shot })).code).toBe('no-free-track');
	expect((await peer.call('job.list', {})).jobs).toEqual([]);
	await editor.change({ playhead: 30 });
	await expect(editor.fill()).rejects.toThrow(/Not filled: no track is free there/);
});

it('the picture alone lands as a file without sound, and so does a take in its place', async () => {
	const { editor, peer } = await setUp(OLD);
	const shot = shotFor(editor, { lands: 'picture' });
	const { lands } = await peer.call('shot.plan', { shot });
	expect(lands).toBe('V1 00:00:01:00–00:00:01:12');
	const [job] = await press(peer, shot);
	expect(await settled(peer, job!.id, 'landed', 'not-landed')).toMatchObject({
		state: 'landed',
		items: VIDEO,
	});
	const whole = await clipPath(peer, job!.id);
	expect(playedIn(editor)).toBe(pictureAlonePath(whole));
	expect(await streams(playedIn(editor)!)).toEqual(['video 12']);
	expect(await streams(whole)).toEqual(['video 12', expect.stringMatching(/^audio /)]);

	const id = crypto.randomUUID();
	await peer.call('shot.vary', { id, like: job!.id, seed: 8 });
	await peer.waitForJob(id, 'done');
	const at = { host: editor.agent.id, track: 'V1', frame: 24, where: 'gap' } as const;
	await peer.call('clip.land', { jobId: id, ...at, replaces: shot.id });
	expect(await landingOf(peer, id)).toMatchObject({ state: 'landed', items: VIDEO });
	expect(playedIn(editor)).toBe(pictureAlonePath(await clipPath(peer, id)));
	await settled(peer, job!.id, 'replaced');
	expect(names(editor.cut(), 'A1')).toEqual(['dialogue 0–60']);
});

it('a clip that was wanted in the bin is there, and the sequence as it was', async () => {
	const { editor, peer } = await setUp(OLD);
	const before = editor.cut();
	const shot = shotFor(editor, { lands: 'bin', draft: true });
	expect(await peer.call('shot.plan', { shot })).toMatchObject({ lands: '', draft: null });
	const jobs = await press(peer, shot);
	expect(jobs).toHaveLength(1);
	expect(await settled(peer, jobs[0]!.id, 'landed', 'not-landed')).toMatchObject({
		state: 'not-landed',
		kept: 'bin',
	});
	expect(editor.bin()).toEqual([await clipPath(peer, jobs[0]!.id)]);
	expect(editor.cut()).toEqual(before);
});

it('where the track was taken meanwhile the picture alone still lands, or all of it once there is a track', async () => {
	const free = cutWithGap();
	const empty = { ...free.tracks[1]!, name: 'A2', index: 1, clips: [] };
	const taken = { ...empty, clips: free.tracks[1]!.clips };
	const withTrack = (track: typeof taken) => ({ ...free, tracks: [...free.tracks, track] });
	const { editor, peer } = await setUp({ ...OLD, cut: withTrack(empty) });
	const [job] = await press(peer, shotFor(editor, { settings: { delay: 100 } }));
	await editor.edit(() => withTrack(taken));
	expect(await settled(peer, job!.id, 'landed', 'not-landed')).toMatchObject({
		state: 'not-landed',
		problem: { code: 'no-free-track', field: 'audio' },
	});
	const at = { jobId: job!.id, host: editor.agent.id, track: 'V1', frame: 24 } as const;
	const refused = await peer.refusal('clip.land', { ...at, where: 'gap' });
	expect(refused).toMatchObject({ code: 'no-free-track' });
	await peer.call('clip.land', { ...at, where: 'gap', lands: 'picture' });
	expect(await landingOf(peer, job!.id)).toMatchObject({ state: 'landed', items: VIDEO });
	await editor.undo();
	await settled(peer, job!.id, 'gone');
	await editor.edit((cut) => ({ ...cut, tracks: [...cut.tracks, { ...empty, name: 'A3' }] }));
	await peer.call('clip.land', { ...at, where: 'gap' });
	expect(await landingOf(peer, job!.id)).toMatchObject({
		state: 'landed',
		items: [...VIDEO, { of: 'audio', track: 'A3', range: GAP }],
	});
});

it('the picture alone moves beside a project that is saved at last, and goes to the trash with its clip', async () => {
	const data = await temporaryFolder();
	const { editor, peer } = await setUp({ ...OLD, path: null, env: { XDG_DATA_HOME: data } });
	const [job] = await press(peer, shotFor(editor, { lands: 'picture' }));
	await settled(peer, job!.id, 'landed');
	const unsaved = playedIn(editor)!;
	const folder = join(await temporaryFolder(), 'saved');
	await mkdir(folder);
	const saved = { ...editor.state().project!, path: join(folder, 'film.prproj') };
	await editor.change({ project: saved });
	const to = join(folder, 'Pickup', basename(unsaved));
	await until('the cut to play it there', () => playedIn(editor) === to);
	expect(await streams(to)).toEqual(['video 12']);
	expect(await landingOf(peer, job!.id)).toMatchObject({ state: 'landed', items: VIDEO });
	const left = async (path: string) =>
		(await readdir(dirname(path))).filter((name) => name.endsWith('.mov')).length;
	expect([await left(unsaved), await left(to)]).toEqual([2, 2]);
	const { used } = await peer.call('history.disk', {});
	const whole = await clipPath(peer, job!.id);
	const size = (await stat(whole)).size + (await stat(to)).size;
	expect(used).toMatchObject({ jobIds: [job!.id], bytes: size });
	const jobIds = [job!.id];
	expect((await peer.call('history.trash', { jobIds, evenUsed: true })).kept).toEqual([]);
	expect([await left(unsaved), await left(to)]).toEqual([0, 0]);
	expect(await readdir(join(data, 'Trash/files'))).toHaveLength(4);
});

function playedIn(editor: Editor): string | undefined {
	const source = editor.cut().tracks[0]?.clips[1]?.source;
	return source?.kind === 'file' ? source.path : undefined;
}

async function clipPath(peer: Peer, jobId: string): Promise<string> {
	return (await peer.call('job.get', { jobId })).job.clip!.path;
}

/** Kinds of what is in a file, with how many frames its picture has. */
async function streams(path: string): Promise<readonly string[]> {
	const ask = ['-v', 'error', '-show_entries', 'stream=codec_type,nb_frames', '-of', 'json', path];
	const { stdout } = await promisify(execFile)('ffprobe', ask);
	const found: { codec_type: string; nb_frames: string }[] = JSON.parse(stdout).streams;
	return found.map(({ codec_type, nb_frames }) => `${codec_type} ${nb_frames}`);
}

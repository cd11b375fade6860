import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Job } from '../../protocol/jobs.ts';
import {
	connect,
	type Daemon,
	endAllDaemons,
	type Peer,
	requestFor,
	startDaemon,
	stop,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';
import { type Editor, openEditor } from '../fakes/editor.ts';
import { cutOf } from '../host-bridge/cuts.ts';
import { shotIn } from '../shots.ts';

const OFFLINE = {
	source: { kind: 'offline', path: '/gone.mov', reason: 'There is no such file' },
} as const;

let data: string;
let daemon: Daemon;
let peer: Peer;
let editor: Editor;

beforeAll(async () => {
	data = await temporaryFolder();
	daemon = await startDaemon({ env: { XDG_DATA_HOME: data } });
	peer = await connect(daemon);
	const path = join(await temporaryFolder(), 'film.blend');
	const cut = cutOf({
		video: [
			[
				[0, 50, OFFLINE],
				[75, 100, OFFLINE],
			],
		],
		audio: [[]],
	});
	editor = await openEditor(daemon, cut, { path });
});
afterAll(async () => {
	await editor.quit();
	await endAllDaemons();
});

/** Two takes of a gap: the first one lands, the second one is only there. */
async function press(): Promise<readonly Job[]> {
	const open = { agent: editor.agent, state: editor.state() };
	const shot = shotIn(open, { start: 50, end: 75 }, { takes: 2 });
	const { jobs } = await peer.call('shot.submit', { shot });
	await peer.waitForJob(jobs[1]!.id, 'done');
	return until('the first take to be landed', async () => {
		const now = await Promise.all(
			jobs.map(async ({ id }) => (await peer.call('job.get', { jobId: id })).job),
		);
		return now[0]!.landings.some(({ state }) => state === 'landed') && now;
	});
}

async function sizeOf(job: Job): Promise<number> {
	return (await stat(job.clip!.path)).size;
}

test('Clips on the disk are counted by whether a project may use them, and go to the trash only so', async () => {
	const [landed, free] = (await press()) as [Job, Job];
	const command = requestFor({ folder: await temporaryFolder() });
	await peer.call('job.submit', { request: command });
	const byCommand = await peer.waitForJob(command.id, 'done');
	await peer.call('clip.mark', { jobIds: [byCommand.id], deleted: true });
	const before = await peer.call('history.disk', {});
	expect(before).toMatchObject({
		used: { bytes: await sizeOf(landed), jobIds: [landed.id] },
		unused: { bytes: await sizeOf(free), jobIds: [free.id] },
		deletedUsed: { bytes: await sizeOf(byCommand), jobIds: [byCommand.id] },
		deletedUnused: { bytes: 0, jobIds: [] },
	});
	await peer.call('media.ticket', { media: { kind: 'poster', jobId: free.id } });
	const { cache } = await peer.call('history.disk', {});
	expect(cache.bytes).toBeGreaterThan(before.cache.bytes);

	const { lastEvent } = await peer.call('events.subscribe', { after: 0 });
	const jobIds = [landed.id, free.id, byCommand.id];
	const { kept } = await peer.call('history.trash', { jobIds });
	expect(kept.map(({ jobId, problem }) => [jobId, problem.code])).toEqual([
		[landed.id, 'wrong-state'],
		[byCommand.id, 'wrong-state'],
	]);
	const bytes = await readFile(landed.clip!.path);
	const trashed = await until('the trash to be told of', () =>
		peer.events.find(({ seq, kind }) => seq > lastEvent && kind === 'marked'),
	);
	expect(trashed).toMatchObject({ jobId: free.id, trashed: true, deleted: false });
	expect((await peer.call('job.get', { jobId: free.id })).job.trashed).toBe(true);
	await expect(stat(free.clip!.path)).rejects.toThrow('ENOENT');
	const infos = await readdir(join(data, 'Trash/info'));
	expect(infos).toHaveLength(1);
	const info = await readFile(join(data, 'Trash/info', infos[0]!), 'utf8');
	expect(info).toContain(encodeURI(free.clip!.path));

	const meant = await peer.call('history.trash', { jobIds: [landed.id], evenUsed: true });
	expect(meant.kept).toEqual([]);
	const files = await readdir(join(data, 'Trash/files'));
	const contents = await Promise.all(
		files.map((name) => readFile(join(data, 'Trash/files', name))),
	);
	expect(contents.some((content) => content.equals(bytes))).toBe(true);
	// Once more there is nothing to put there.
	const again = await peer.call('history.trash', { jobIds: [free.id] });
	expect(again.kept).toMatchObject([{ problem: { code: 'media-offline' } }]);
	const after = await peer.call('history.disk', {});
	expect(after).toMatchObject({ used: { jobIds: [] }, unused: { jobIds: [] } });
	const media = { kind: 'clip', jobId: free.id } as const;
	expect((await peer.refusal('media.ticket', { media })).code).toBe('media-offline');
});

test('Where there is no trash nothing is deleted, and another file in a clip’s place is left alone', async () => {
	const data = join(await temporaryFolder(), 'data');
	await writeFile(data, 'a file where the trash should be');
	const own = await startDaemon({ env: { XDG_DATA_HOME: data } });
	const panel = await connect(own);
	const request = requestFor({ folder: await temporaryFolder() });
	await panel.call('job.submit', { request });
	const { clip } = await panel.waitForJob(request.id, 'done');
	const trash = { jobIds: [request.id], evenUsed: true };
	const { kept } = await panel.call('history.trash', trash);
	expect(kept).toMatchObject([{ jobId: request.id, problem: { code: 'system-refused' } }]);
	expect((await stat(clip!.path)).isFile()).toBe(true);
	await writeFile(clip!.path, 'somebody’s own');
	const changed = await panel.call('history.trash', trash);
	expect(changed.kept).toMatchObject([{ problem: { code: 'media-offline' } }]);
	expect(await readFile(clip!.path, 'utf8')).toBe('somebody’s own');
	expect((await panel.call('history.disk', {})).deletedUsed.jobIds).toEqual([]);
	await stop(own);
});

describe('The system is asked to show', () => {
	/** A daemon whose `xdg-open` notes what it is asked for, and ends so. */
	async function withOpener(ending: number) {
		const folder = await temporaryFolder();
		const asked = join(folder, 'asked.txt');
		const bin = join(folder, 'bin');
		await mkdir(bin);
		for (const name of ['xdg-open', 'browser']) {
			const path = join(bin, name);
			await writeFile(path, `#!/bin/sh\nprintf '%s\\n' "$@" >>'${asked}'\nexit ${ending}\n`);
			await chmod(path, 0o755);
		}
		const own = await startDaemon({
			env: {
				PATH: `${bin}${delimiter}${process.env.PATH}`,
				BROWSER: join(bin, 'browser'),
				DISPLAY: '',
			},
		});
		const panel = await connect(own);
		const request = requestFor({ folder });
		await panel.call('job.submit', { request });
		const { clip } = await panel.waitForJob(request.id, 'done');
		return { panel, jobId: request.id, path: `${clip?.path}`, asked };
	}

	test('a clip in its folder, and pages of a list', async () => {
		const { panel, jobId, path, asked } = await withOpener(0);
		await panel.call('media.reveal', { jobId });
		await panel.call('link.open', { link: 'licence' });
		const lines = (await readFile(asked, 'utf8')).trim().split('\n');
		expect(lines[0]).toContain(dirname(path));
		expect(lines.at(-1)).toMatch(/^https:\/\/\S+LICENSE$/);
		const refused = await panel.refusal('link.open', { link: 'https://example.com' as never });
		expect(refused.code).toBe('bad-request');
	});

	test('and it is said where it has nothing to show it with', async () => {
		const { panel, jobId } = await withOpener(3);
		expect((await panel.refusal('media.reveal', { jobId })).code).toBe('system-refused');
		expect((await panel.refusal('link.open', { link: 'ffmpeg' })).code).toBe('system-refused');
		const other = '00000000-0000-4000-8000-000000000000';
		expect((await panel.refusal('media.reveal', { jobId: other })).code).toBe('no-such-job');
	});
});

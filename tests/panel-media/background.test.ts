import { chmod, readFile, writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
	connect,
	descendants,
	endAllDaemons,
	requestFor,
	startDaemon,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';
import { ffmpeg } from '../media/media-files.ts';

afterAll(endAllDaemons);

test('A film for the panel is made in the background, once for all, and given up when nobody waits any more', async () => {
	const folder = await temporaryFolder();
	const program = join(folder, 'ffmpeg');
	const note = join(folder, 'note.txt');
	// An ffmpeg that never comes to the end of a WebM.
	await writeFile(
		program,
		`#!/bin/sh
case "$*" in *libvpx-vp9*webm*) echo "$$ $(nice)" >>${note}; exec sleep 600;; esac
exec ${ffmpeg.path} "$@"
`,
	);
	await chmod(program, 0o755);
	const daemon = await startDaemon({ env: { PICKUP_FFMPEG: program } });
	const first = await connect(daemon);
	const request = requestFor({ folder });
	await first.call('job.submit', { request });
	await first.waitForJob(request.id, 'done');
	const second = await connect(daemon);
	const media = { kind: 'take', jobId: request.id, form: 'vp9' } as const;
	const asked = [first, second].map((peer) => peer.ask('media.ticket', { media }));
	for (const each of asked) each.catch(() => {});
	const [pid, niceness] = await until('the film to be begun', async () => {
		const text = await readFile(note, 'utf8').catch(() => '');
		return text.includes('\n') && text.split(/\s/).map(Number);
	});
	// As low as there is, from where this one is.
	expect(niceness).toBe(Math.min(19, getPriority() + 19));
	await first.close();
	// What is asked after that is answered after that.
	await second.call('job.list', {});
	expect(descendants(daemon)).toContain(pid);
	// Another form does not wait behind it for ever: it is made when its turn comes.
	const other = { ...media, form: 'h264' } as const;
	const third = await connect(daemon);
	const waiting = third.call('media.ticket', { media: other });
	await second.close();
	await until('ffmpeg to be ended', () => !descendants(daemon).includes(pid!));
	expect((await waiting).path).toMatch(/film\.mp4$/);
	expect((await readFile(note, 'utf8')).trim().split('\n')).toHaveLength(1);
	await third.close();
});

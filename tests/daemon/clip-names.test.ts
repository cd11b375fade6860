import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
	connect,
	crash,
	type Daemon,
	endAllDaemons,
	type Peer,
	partOf,
	requestFor,
	startDaemon,
	temporaryFolder,
	until,
} from './harness.ts';

let daemon: Daemon;
let peer: Peer;

beforeAll(async () => {
	daemon = await startDaemon();
	peer = await connect(daemon);
});
afterAll(endAllDaemons);

const nameOf = ({ id }: { id: string }) => `shot-${id}.mov`;

describe('A file that has the name of a clip', () => {
	test('refuses the request, and so does a link that leads nowhere', async () => {
		const folder = await temporaryFolder();
		const request = requestFor({ folder });
		await writeFile(join(folder, nameOf(request)), 'somebody’s');
		const other = requestFor({ folder });
		await symlink('/nowhere', join(folder, nameOf(other)));
		for (const each of [request, other]) {
			expect(await peer.refusal('job.submit', { request: each })).toMatchObject({
				code: 'bad-request',
				field: 'request.output.name',
			});
		}
		expect(await readFile(join(folder, nameOf(request)), 'utf8')).toBe('somebody’s');
	});

	test.each([
		['while it waits', 'throw'],
		['while it is made', 'clip'],
		['while it is made, and is not made well', 'short'],
		['while its engine dies', 'exit'],
	])('and came there %s fails the job and stays as it is (%s)', async (when, ending) => {
		const folder = await temporaryFolder();
		const slow = requestFor({ folder: await temporaryFolder(), settings: { ending: 'deaf' } });
		const log = join(daemon.state, `notes-${slow.id}`);
		const settings = { ending, delay: 50, log };
		const request = requestFor({ folder, frames: 20, settings });
		const taken = join(folder, nameOf(request));
		await peer.call('job.submit', { request: slow });
		await peer.call('job.submit', { request });
		if (when === 'while it waits') await writeFile(taken, 'somebody’s');
		await peer.call('job.cancel', { jobId: slow.id });
		if (when !== 'while it waits') {
			await until('the job to be at it', () => existsSync(log));
			await writeFile(taken, 'somebody’s');
		}
		const { problem } = await peer.waitForJob(request.id, 'failed');
		if (ending === 'clip' || when === 'while it waits') {
			expect(problem).toMatchObject({ code: 'bad-request', field: 'request.output.name' });
		}
		expect(await readFile(taken, 'utf8')).toBe('somebody’s');
		expect(await readdir(folder)).toEqual([nameOf(request)]);
		await rm(taken);
		const again = await peer.call('job.retry', { jobId: request.id });
		expect(again.job.state).toBe('queued');
		await peer.waitForJob(request.id, 'done', 'failed');
	});

	test('and came there before a crash is not taken for the clip', async () => {
		const own = await startDaemon();
		const before = await connect(own);
		const folder = await temporaryFolder();
		const request = requestFor({ folder, frames: 200, settings: { delay: 20 } });
		await before.call('job.submit', { request });
		await until('the encode to begin', () => existsSync(partOf(folder, request.id)));
		await crash(own);
		// As good as the clip, but somebody else's.
		const good = requestFor({ folder: await temporaryFolder(), frames: 200 });
		await peer.call('job.submit', { request: good });
		const { clip } = await peer.waitForJob(good.id, 'done');
		const taken = join(folder, nameOf(request));
		await rename(clip!.path, taken);
		const content = await readFile(taken);
		const after = await connect(await startDaemon({ state: own.state }));
		const { problem } = await after.waitForJob(request.id, 'failed');
		expect(problem).toMatchObject({ code: 'bad-request', field: 'request.output.name' });
		expect((await readFile(taken)).equals(content)).toBe(true);
		expect(await readdir(folder)).toEqual([nameOf(request)]);
	});
});

test('A link that takes the place of what is being written leads nowhere', async () => {
	const folder = await temporaryFolder();
	const precious = join(folder, 'precious');
	await writeFile(precious, 'not a film');
	const request = requestFor({ folder, frames: 40, settings: { delay: 30 } });
	await peer.call('job.submit', { request });
	const part = partOf(folder, request.id);
	await until('the encode to begin', () => existsSync(part));
	// What somebody who may write into the folder can do, who cannot look into the attempt's own.
	const attempt = join(part, '..');
	await rename(attempt, join(folder, 'moved'));
	await mkdir(attempt);
	await symlink(precious, part);
	await symlink(precious, part.slice(0, -'.part'.length));
	await peer.waitForJob(request.id, 'failed');
	expect(await readFile(precious, 'utf8')).toBe('not a film');
	expect(existsSync(join(folder, nameOf(request)))).toBe(false);
});

test('A name as long as a file system takes is made, one that is longer is refused', async () => {
	const folder = await temporaryFolder();
	const called = (bytes: number) => {
		const request = requestFor({ folder });
		const rest = bytes - `-${request.id}.mov`.length;
		return { ...request, output: { ...request.output, name: 'é'.repeat(rest / 2) } };
	};
	const longest = called(255);
	await peer.call('job.submit', { request: longest });
	const { clip } = await peer.waitForJob(longest.id, 'done');
	expect(Buffer.byteLength(basename(clip!.path))).toBe(255);
	expect(await readdir(folder)).toEqual([basename(clip!.path)]);
	expect(await peer.refusal('job.submit', { request: called(257) })).toMatchObject({
		field: 'request.output.name',
	});
});

import { mkdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRange } from '../../inference-daemon/server/range.ts';
import { type Ticketed, Tickets } from '../../inference-daemon/server/tickets.ts';
import type { Media } from '../../protocol/media.ts';
import { ffmpeg, run } from '../media/media-files.ts';
import { rgbOfPng } from '../media/rgb.ts';
import {
	connect,
	type Daemon,
	endAllDaemons,
	type Peer,
	requestFor,
	startDaemon,
	temporaryFolder,
} from './harness.ts';

let daemon: Daemon;
let peer: Peer;
let jobId: string;
let bytes: Buffer;

beforeAll(async () => {
	daemon = await startDaemon();
	peer = await connect(daemon);
	const made = await makeClip();
	jobId = made.jobId;
	bytes = await readFile(made.path);
});
afterAll(endAllDaemons);

async function makeClip() {
	const request = requestFor({ folder: await temporaryFolder() });
	await peer.call('job.submit', { request });
	const { clip } = await peer.waitForJob(request.id, 'done');
	return { jobId: request.id, path: `${clip?.path}` };
}

async function ticketFor(media: Media): Promise<string> {
	return (await peer.call('media.ticket', { media })).path;
}

function get(path: string, headers: Record<string, string> = {}, method = 'GET') {
	return fetch(`http://127.0.0.1:${daemon.port}${path}`, { method, headers });
}

const body = async (response: Response) => Buffer.from(await response.arrayBuffer());

describe('A clip', () => {
	let path: string;
	beforeAll(async () => {
		path = await ticketFor({ kind: 'clip', jobId });
	});

	test('is served whole to whoever has its ticket, which tells nothing of it', async () => {
		expect(path).toMatch(/^\/media\/[0-9a-f]{32}\/clip\.mov$/);
		expect(path).not.toBe(await ticketFor({ kind: 'clip', jobId }));
		const answer = await get(path);
		expect(answer.status).toBe(200);
		expect(Object.fromEntries(answer.headers)).toMatchObject({
			'content-type': 'video/quicktime',
			'accept-ranges': 'bytes',
			'cache-control': 'private, no-store',
			'referrer-policy': 'no-referrer',
			'x-content-type-options': 'nosniff',
			'cross-origin-resource-policy': 'same-origin',
		});
		expect((await body(answer)).equals(bytes)).toBe(true);
	});

	test('is not served by a part of the ticket, or by another name', async () => {
		for (const other of [
			path.replace('.mov', '.mp4'),
			path.replace('clip', '../clip'),
			path.replace(/[0-9a-f]\//, '/'),
			path.replace(/[0-9a-f](?=\/)/, (digit) => (digit === '0' ? '1' : '0')),
			path.toUpperCase(),
		]) {
			expect((await get(other)).status, other).toBe(404);
		}
	});

	test('is described without its content', async () => {
		const answer = await get(path, {}, 'HEAD');
		expect(answer.status).toBe(200);
		expect(answer.headers.get('content-length')).toBe(String(bytes.length));
		expect(await body(answer)).toHaveLength(0);
	});

	test.each([
		['bytes=0-9', (all: Buffer) => all.subarray(0, 10)],
		['bytes=5-', (all: Buffer) => all.subarray(5)],
		['bytes=-7', (all: Buffer) => all.subarray(-7)],
		['bytes=10-99999999', (all: Buffer) => all.subarray(10)],
	])('is served in part for %s', async (range, part) => {
		const answer = await get(path, { range });
		expect(answer.status).toBe(206);
		const expected = part(bytes);
		expect((await body(answer)).equals(expected)).toBe(true);
		const start = bytes.length - expected.length;
		if (!range.startsWith('bytes=0')) {
			const end = bytes.length - 1;
			expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${end}/${bytes.length}`);
		}
	});

	test('has no bytes beyond its end', async () => {
		const answer = await get(path, { range: `bytes=${bytes.length}-` });
		expect(answer.status).toBe(416);
		expect(answer.headers.get('content-range')).toBe(`bytes */${bytes.length}`);
		expect(await body(answer)).toHaveLength(0);
	});

	test('is not sent again to who has it', async () => {
		const etag = `${(await get(path, {}, 'HEAD')).headers.get('etag')}`;
		expect((await get(path, { 'if-none-match': etag })).status).toBe(304);
		const range = { range: 'bytes=0-1' };
		expect((await get(path, { ...range, 'if-range': etag })).status).toBe(206);
		expect((await get(path, { ...range, 'if-range': '"x"' })).status).toBe(200);
	});

	test('has a preview from when it was made, under one address for all that come', async () => {
		const preview = await ticketFor({ kind: 'preview', jobId });
		for (const query of ['', '?2']) {
			const answer = await get(`${preview}${query}`);
			expect(answer.status).toBe(200);
			expect(answer.headers.get('content-type')).toBe('image/png');
			expect([...(await rgbOfPng(await body(answer)))]).toEqual([9, 9, 9]);
		}
	});

	test('has a poster, made once for all who ask', async () => {
		const posters = await Promise.all([
			ticketFor({ kind: 'poster', jobId }),
			ticketFor({ kind: 'poster', jobId }),
		]);
		const [one, two] = await Promise.all(posters.map((poster) => get(poster)));
		expect(one!.status).toBe(200);
		expect(one!.headers.get('content-type')).toBe('image/jpeg');
		const jpeg = await body(one!);
		expect([...jpeg.subarray(0, 2)]).toEqual([0xff, 0xd8]);
		expect((await body(two!)).equals(jpeg)).toBe(true);
	});
});

test('A page of an origin that was named at the start may read media into a canvas', async () => {
	const origin = 'http://127.0.0.1:5173';
	const own = await startDaemon({ args: ['--origin', origin] });
	const folder = await temporaryFolder();
	const panel = await connect(own);
	const request = requestFor({ folder });
	await panel.call('job.submit', { request });
	await panel.waitForJob(request.id, 'done');
	const media = { kind: 'clip', jobId: request.id } as const;
	const { path } = await panel.call('media.ticket', { media });
	const ask = (from: string) =>
		fetch(`http://127.0.0.1:${own.port}${path}`, { headers: { origin: from } });
	const answer = await ask(origin);
	expect(answer.status).toBe(200);
	expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
	expect(answer.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
	expect((await ask('http://127.0.0.1:5174')).status).toBe(403);
});

test('A still that the person has chosen is small and in its own shape', async () => {
	const path = join(await temporaryFolder(), 'board 1.jpg');
	const green = ['-f', 'lavfi', '-i', 'color=c=0x00ff00:s=1200x2000', '-frames:v', '1'];
	await run(ffmpeg.path, ['-v', 'error', ...green, path]);
	const png = await body(await get(await ticketFor({ kind: 'still', path })));
	expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([192, 320]);
	const [red, middle, blue] = await rgbOfPng(png);
	expect(red).toBeLessThan(10);
	expect(middle).toBeGreaterThan(245);
	expect(blue).toBeLessThan(10);
});

describe('There is no ticket', () => {
	const other = '00000000-0000-4000-8000-000000000000';

	test('for a job that is not there, is not finished, or is no job', async () => {
		for (const kind of ['clip', 'poster', 'preview'] as const) {
			const refusal = await peer.refusal('media.ticket', { media: { kind, jobId: other } });
			expect(refusal).toMatchObject({ code: 'no-such-job' });
		}
		const request = requestFor({ folder: await temporaryFolder(), settings: { ending: 'throw' } });
		await peer.call('job.submit', { request });
		await peer.waitForJob(request.id, 'failed');
		const media = { kind: 'clip', jobId: request.id } as const;
		expect(await peer.refusal('media.ticket', { media })).toMatchObject({ code: 'wrong-state' });
		const path = { kind: 'clip', jobId: '../daemon.json' } as const;
		expect(await peer.refusal('media.ticket', { media: path })).toMatchObject({
			code: 'bad-request',
		});
	});

	test('for a still that is no picture', async () => {
		const still = (path: string) =>
			peer.refusal('media.ticket', { media: { kind: 'still', path } });
		expect(await still('/nowhere.png')).toMatchObject({ code: 'media-offline' });
		expect(await still(daemon.state)).toMatchObject({ code: 'not-a-regular-file' });
		expect(await still(join(daemon.state, 'daemon.json'))).toMatchObject({
			code: 'media-unreadable',
		});
	});

	test('for a file that took the place of a clip, and one that was had is good no longer', async () => {
		const { jobId: id, path: clip } = await makeClip();
		const media = { kind: 'clip', jobId: id } as const;
		const content = await readFile(clip);
		const path = await ticketFor(media);
		const isRefused = async () => {
			expect(await peer.refusal('media.ticket', { media })).toMatchObject({
				code: 'media-offline',
			});
			const poster = { kind: 'poster', jobId: id } as const;
			expect((await peer.refusal('media.ticket', { media: poster })).code).toBe('media-offline');
			expect((await get(path)).status).toBe(404);
		};
		expect((await get(path)).status).toBe(200);
		await rename(clip, `${clip}.old`);
		await isRefused();
		await symlink(`${clip}.old`, clip);
		await isRefused();
		await rm(clip);
		await mkdir(clip);
		await isRefused();
		await rm(clip, { recursive: true });
		await writeFile(clip, content);
		await utimes(clip, 1, 1);
		await isRefused();
		await rm(clip);
		await rename(`${clip}.old`, clip);
		expect((await get(path)).status).toBe(200);
	});
});

describe('Tickets', () => {
	const file: Ticketed = { path: '/a', type: 'image/png', name: 'a.png' };

	test('are good until ten minutes after they were last used', () => {
		let now = 0;
		const tickets = new Tickets(() => now);
		const used = tickets.issue(file);
		const unused = tickets.issue(file);
		now = 599_000;
		expect(tickets.use(used)).toMatchObject(file);
		now = 601_000;
		expect(tickets.use(unused)).toBe(null);
		now = 1_198_000;
		expect(tickets.use(used)).toMatchObject(file);
		now = 1_800_000;
		expect(tickets.use(used)).toBe(null);
	});

	test('are kept in bounded number: the one that was not used longest goes', () => {
		const tickets = new Tickets(() => 0);
		const [first, second] = [tickets.issue(file), tickets.issue(file)];
		expect(tickets.use(first)).not.toBe(null);
		for (let i = 0; i < 9_999; i++) tickets.issue(file);
		expect(tickets.use(second)).toBe(null);
		expect(tickets.use(first)).not.toBe(null);
	});
});

test.each([
	[undefined, null],
	['bytes=0-0', { start: 0, end: 1 }],
	['bytes=99-', { start: 99, end: 100 }],
	['bytes=-1000', { start: 0, end: 100 }],
	['bytes=-0', 'unsatisfiable'],
	['bytes=100-200', 'unsatisfiable'],
	['bytes=9-3', null],
	['bytes=-', null],
	['bytes=0-1,3-4', null],
	['frames=0-1', null],
	['bytes=0-99999999999999999999', { start: 0, end: 100 }],
])('Range %s of 100 bytes is %j', (header, expected) => {
	expect(readRange(header, 100)).toEqual(expected);
});

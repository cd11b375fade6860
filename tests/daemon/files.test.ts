import { mkdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRange } from '../../inference-daemon/server/range.ts';
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
let path: string;
let bytes: Buffer;

beforeAll(async () => {
	daemon = await startDaemon();
	peer = await connect(daemon);
	({ jobId, path } = await makeClip());
	bytes = await readFile(path);
});
afterAll(endAllDaemons);

async function makeClip() {
	const request = requestFor({ folder: await temporaryFolder() });
	await peer.call('job.submit', { request });
	const { clip } = await peer.waitForJob(request.id, 'done');
	return { jobId: request.id, path: `${clip?.path}` };
}

function get(what: string, headers: Record<string, string> = {}, method = 'GET') {
	return fetch(`http://127.0.0.1:${daemon.port}${what}`, {
		method,
		headers: { authorization: `Bearer ${daemon.token}`, ...headers },
	});
}

const body = async (response: Response) => Buffer.from(await response.arrayBuffer());

describe('A clip', () => {
	test('is served whole, by header or query token', async () => {
		const answer = await get(`/clips/${jobId}`);
		expect(answer.status).toBe(200);
		expect(answer.headers.get('content-type')).toBe('video/quicktime');
		expect(answer.headers.get('accept-ranges')).toBe('bytes');
		expect((await body(answer)).equals(bytes)).toBe(true);
		const url = `http://127.0.0.1:${daemon.port}/clips/${jobId}?token=${daemon.token}`;
		expect((await body(await fetch(url))).equals(bytes)).toBe(true);
		expect((await fetch(url.replace(/.$/, 'x'))).status).toBe(401);
	});

	test('is described without its content', async () => {
		const answer = await get(`/clips/${jobId}`, {}, 'HEAD');
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
		const answer = await get(`/clips/${jobId}`, { range });
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
		const answer = await get(`/clips/${jobId}`, { range: `bytes=${bytes.length}-` });
		expect(answer.status).toBe(416);
		expect(answer.headers.get('content-range')).toBe(`bytes */${bytes.length}`);
		expect(await body(answer)).toHaveLength(0);
	});

	test('is not sent again to who has it', async () => {
		const etag = `${(await get(`/clips/${jobId}`, {}, 'HEAD')).headers.get('etag')}`;
		expect((await get(`/clips/${jobId}`, { 'if-none-match': etag })).status).toBe(304);
		const range = { range: 'bytes=0-1' };
		expect((await get(`/clips/${jobId}`, { ...range, 'if-range': etag })).status).toBe(206);
		expect((await get(`/clips/${jobId}`, { ...range, 'if-range': '"x"' })).status).toBe(200);
	});

	test('has a preview from when it was made', async () => {
		const { events } = await peer.call('events.subscribe', { after: 0 });
		const preview = events.find((event) => event.kind === 'preview' && event.jobId === jobId);
		const answer = await get(preview?.kind === 'preview' ? preview.url : '');
		expect(answer.status).toBe(200);
		expect(answer.headers.get('content-type')).toBe('image/png');
		expect([...(await rgbOfPng(await body(answer)))]).toEqual([9, 9, 9]);
		expect((await get(`/previews/${jobId}.jpg`)).status).toBe(404);
	});

	test('has a poster', async () => {
		const [one, two] = await Promise.all([
			get(`/posters/${jobId}.jpg`),
			get(`/posters/${jobId}.jpg`),
		]);
		expect(one.status).toBe(200);
		expect(one.headers.get('content-type')).toBe('image/jpeg');
		const jpeg = await body(one);
		expect([...jpeg.subarray(0, 2)]).toEqual([0xff, 0xd8]);
		expect((await body(two)).equals(jpeg)).toBe(true);
	});
});

describe('Nothing else is served', () => {
	const other = '00000000-0000-4000-8000-000000000000';

	test.each([
		`/clips/${other}`,
		'/clips/../daemon.json',
		'/clips/%2e%2e%2fdaemon.json',
		`/clips/${other}/../../daemon.json`,
		'/previews/../daemon.json',
		`/previews/${other}.png`,
		`/posters/${other}.jpg`,
		'/daemon.json',
		'/jobs.db',
		'/clips/',
		'//clips',
		'/clips/-----------------------------------0',
		`/clips/${'a'.repeat(5000)}`,
	])('such as %s', async (url) => {
		const answer = await get(url);
		expect(answer.status).toBe(404);
		expect(await body(answer)).toHaveLength(0);
	});

	test('such as a file that took the place of a clip', async () => {
		const { jobId: id, path: clip } = await makeClip();
		const content = await readFile(clip);
		expect((await get(`/clips/${id}`)).status).toBe(200);
		await rename(clip, `${clip}.old`);
		expect((await get(`/clips/${id}`)).status).toBe(404);
		await symlink(`${clip}.old`, clip);
		expect((await get(`/clips/${id}`)).status).toBe(404);
		await rm(clip);
		await mkdir(clip);
		expect((await get(`/clips/${id}`)).status).toBe(404);
		await rm(clip, { recursive: true });
		await writeFile(clip, content);
		await utimes(clip, 1, 1);
		expect((await get(`/clips/${id}`)).status).toBe(404);
		expect((await get(`/posters/${id}.jpg`)).status).toBe(404);
		await rm(clip);
		await rename(`${clip}.old`, clip);
		expect((await get(`/clips/${id}`)).status).toBe(200);
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

import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClipSpan } from '../../protocol/timeline.ts';
import {
	connect,
	type Daemon,
	endAllDaemons,
	type Peer,
	requestFor,
	startDaemon,
	temporaryFolder,
} from '../daemon/harness.ts';
import { type Editor, type EditorOptions, openEditor } from '../fakes/editor.ts';
import { cutOf } from '../host-bridge/cuts.ts';
import { numberOf } from '../media/media-files.ts';
import { rgbOfPng } from '../media/rgb.ts';
import { clipOf, fetchMedia, film } from './scene.ts';

let folder: string;
let daemon: Daemon;
let peer: Peer;
let path: string;
const editors: Editor[] = [];

beforeAll(async () => {
	folder = await temporaryFolder();
	path = await film(folder, 'film', 300);
	daemon = await startDaemon();
	peer = await connect(daemon);
});
afterAll(async () => {
	for (const editor of editors) await editor.quit();
	await endAllDaemons();
});

async function open(clips: readonly ClipSpan[], options: EditorOptions = {}): Promise<Editor> {
	const sketch = clips.map((clip) => [clip.range.start, clip.range.end, clip] as const);
	const editor = await openEditor(daemon, cutOf({ video: [sketch] }), options);
	editors.push(editor);
	return editor;
}

const asked = ({ agent }: Editor, frame: number, width = 160) =>
	({ kind: 'frame', host: agent.id, track: 'V1', frame, width }) as const;

/** The picture and its size. */
async function pictureAt(editor: Editor, frame: number, width?: number) {
	const { bytes } = await fetchMedia(daemon, peer, asked(editor, frame, width));
	const size = { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
	return { ...size, format: 'rgb24' as const, data: await rgbOfPng(bytes) };
}

describe('The frame at a place of the cut', () => {
	test('is the very one that the clip plays there, in the shape of the sequence', async () => {
		const editor = await open([clipOf(path, [10, 60], 40), clipOf(path, [85, 120], 200)]);
		for (const [frame, number] of [
			[10, 40],
			[59, 89],
			[85, 200],
			[119, 234],
		] as const) {
			const picture = await pictureAt(editor, frame, 320);
			// Of a sequence of 640×360; the film is 160×96, so that it has black beside it.
			expect([picture.width, picture.height]).toEqual([320, 180]);
			const inside = { left: 10, top: 0, width: 300, height: 180 };
			expect(numberOf(picture, inside), `frame ${frame}`).toBe(number);
		}
	});

	test('heeds speed, reverse and the shape of the pixels', async () => {
		const fast = { ...clipOf(path, [0, 50], 100), speed: { num: 2, den: 1 } };
		const backwards = { ...clipOf(path, [50, 100], 100), speed: { num: -1, den: 1 } };
		const editor = await open([fast, backwards]);
		const inside = { left: 6, top: 0, width: 148, height: 90 };
		expect(numberOf(await pictureAt(editor, 10), inside)).toBe(120);
		expect(numberOf(await pictureAt(editor, 60), inside)).toBe(90);
		await editor.edit((cut) => ({
			...cut,
			sequence: {
				...cut.sequence,
				size: { width: 720, height: 576 },
				pixelAspect: { num: 64, den: 45 },
			},
		}));
		const wide = await pictureAt(editor, 10, 320);
		expect([wide.width, wide.height]).toEqual([320, 180]);
	});

	test('is made once, also where an edit elsewhere has changed the cut', async () => {
		const editor = await open([clipOf(path, [0, 50], 150)]);
		const kept = () => readdir(join(daemon.state, 'cache/panel'));
		await pictureAt(editor, 20);
		const before = await kept();
		await pictureAt(editor, 20);
		await editor.change({});
		await pictureAt(editor, 20);
		expect(await kept()).toEqual(before);
		await pictureAt(editor, 21);
		expect(await kept()).toHaveLength(before.length + 1);
	});

	test('follows the cut, and a file that has changed', async () => {
		const own = join(folder, 'changing.mov');
		await rename(await film(folder, 'one', 50), own);
		const editor = await open([clipOf(own, [0, 50])]);
		const inside = { left: 6, top: 0, width: 148, height: 90 };
		expect(numberOf(await pictureAt(editor, 7), inside)).toBe(7);
		await rename(await film(folder, 'two', 50, [], ['-vf', 'negate']), own);
		expect(numberOf(await pictureAt(editor, 7), inside)).toBe(1023 - 7);
	});
});

test('A frame of a take is drawn as the frames beside it are', async () => {
	const request = requestFor({ folder, frames: 30, settings: { film: path } });
	await peer.call('job.submit', { request });
	await peer.waitForJob(request.id, 'done');
	for (const [frame, number] of [
		[0, 0],
		[17, 17],
		[29, 29],
		[500, 29],
	] as const) {
		const media = { kind: 'take-frame', jobId: request.id, frame, width: 160 } as const;
		const { bytes } = await fetchMedia(daemon, peer, media);
		const picture = {
			width: 160,
			height: 90,
			format: 'rgb24',
			data: await rgbOfPng(bytes),
		} as const;
		expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([160, 90]);
		expect(numberOf(picture, { left: 6, top: 0, width: 148, height: 90 })).toBe(number);
	}
});

describe('Where no file shows there', () => {
	const nested: ClipSpan = {
		...clipOf('', [0, 50]),
		name: 'Titles',
		source: { kind: 'synthetic', what: 'nested sequence' },
	};

	test('the editor draws the composed picture, if it can', async () => {
		const editor = await open([nested], { can: { frame: true } });
		const picture = await pictureAt(editor, 33, 64);
		expect([picture.width, picture.height]).toEqual([64, 36]);
		for (const value of picture.data) expect(Math.abs(value - 33)).toBeLessThan(3);
		const other = await open([nested]);
		const refusal = await peer.refusal('media.ticket', { media: asked(other, 33) });
		expect(refusal.code).toBe('media-unreadable');
		expect(refusal.message).toContain('nested sequence');
	});

	test('it is said why: no clip, no such track, offline, gone since, no picture', async () => {
		const offline: ClipSpan = {
			...clipOf('', [0, 50]),
			name: 'B001',
			source: { kind: 'offline', path: '/gone/b.mov', reason: 'There is no such file' },
		};
		const lost = join(folder, 'lost.mov');
		await writeFile(lost, 'x');
		const noise = join(folder, 'noise.mov');
		await writeFile(noise, Buffer.alloc(5000, 7));
		const editor = await open([offline, clipOf(lost, [50, 60]), clipOf(noise, [60, 70])]);
		await rm(lost);
		const refusal = (frame: number) =>
			peer.refusal('media.ticket', { media: asked(editor, frame) });
		expect(await refusal(0)).toMatchObject({ code: 'media-offline' });
		expect((await refusal(0)).message).toContain('“B001” is offline: /gone/b.mov');
		expect(await refusal(55)).toMatchObject({ code: 'media-offline' });
		expect(await refusal(65)).toMatchObject({ code: 'media-unreadable' });
		expect(await refusal(70)).toMatchObject({ code: 'bad-request', field: 'media.frame' });
		const media = { ...asked(editor, 0), track: 'V7' };
		expect(await peer.refusal('media.ticket', { media })).toMatchObject({ code: 'bad-request' });
	});
});

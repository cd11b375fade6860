import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkedFile } from '../../inference-daemon/media/files.ts';
import { readFrames } from '../../inference-daemon/media/frames.ts';
import { probe } from '../../inference-daemon/media/probe.ts';
import { readSound } from '../../inference-daemon/media/sound.ts';
import { countClip } from '../../inference-daemon/media/verify.ts';
import { ONE, rational, ZERO } from '../../protocol/time.ts';
import { ffmpeg, inFolder, makeFilm, numberOf, PLAIN, run } from './media-files.ts';

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast'];

async function makeMp4(folder: string, name: string): Promise<string> {
	const made = await makeFilm(join(folder, 'made.mp4'), { count: 10, rate: '25', options: H264 });
	const path = join(folder, name);
	await run('mv', ['--', made, path]);
	return path;
}

/** All that opens a file says the same of one that is not media. */
async function everyReader(path: string): Promise<unknown[]> {
	return Promise.all(
		[
			probe(ffmpeg, path),
			readFrames(ffmpeg, { path, at: [ZERO], ...PLAIN }),
			readSound(ffmpeg, { path, from: ZERO, samples: 10, speed: ONE }),
			countClip(path),
		].map((attempt) => attempt.catch((error: unknown) => error)),
	);
}

async function expectCode(path: string, code: string): Promise<void> {
	for (const error of await everyReader(path)) {
		expect(error).toMatchObject({ name: 'PickupError', code, field: expect.any(String) });
	}
}

describe('names that look like something else are only names', () => {
	it.each([
		'-i.mp4',
		'a%03d.mp4',
		'http:x.mp4',
		'concat:a|b.mp4',
		'pipe:0',
		'file:x.mp4',
		'sp ace’s – ünïcode 映画.mp4',
		'new\nline.mp4',
		'$(touch x);`y`.mp4',
		'glob*?[a].mp4',
		'lavfi',
	])('%j', async (name) => {
		await inFolder(async (folder) => {
			const path = await makeMp4(folder, name);
			expect((await probe(ffmpeg, path)).path).toBe(path);
			const [frame] = await readFrames(ffmpeg, { path, at: [rational(7, 25)], ...PLAIN });
			expect(numberOf(frame!)).toBe(7);
			expect(await countClip(path)).toEqual({ frames: 10, samples: 0 });
		});
	});
});

describe('files that make a reader open others are refused, whatever their name', () => {
	it.each([
		['ffconcat', 'ffconcat version 1.0\nfile secret.mp4\n'],
		['HLS', '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nsecret.mp4\n#EXT-X-ENDLIST\n'],
		['HLS of an address', '#EXTM3U\n#EXTINF:4,\nhttp://127.0.0.1:1/x.ts\n#EXT-X-ENDLIST\n'],
		[
			'DASH',
			'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><BaseURL>secret.mp4</BaseURL></Period></MPD>',
		],
		['SDP', 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n'],
		[
			'SVG',
			'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="secret.png"/></svg>',
		],
		['subtitles', '1\n00:00:00,000 --> 00:00:01,000\nhello\n'],
		['text', 'nothing that plays'],
	])('%s', async (_, text) => {
		await inFolder(async (folder) => {
			await makeMp4(folder, 'secret.mp4');
			for (const name of ['list.mp4', 'list.m3u8', 'list.ffconcat', 'list%03d.png']) {
				const path = join(folder, name);
				await writeFile(path, text);
				const refused = expect(probe(ffmpeg, path)).rejects;
				await refused.toMatchObject({ code: 'media-unreadable' });
				await refused.not.toThrow('whitelist');
			}
		});
	});

	it('a pattern that pictures would match is the name of nothing', async () => {
		await inFolder(async (folder) => {
			const secret = await makeMp4(folder, 'secret.mp4');
			const pattern = join(folder, 's%d.png');
			await run(ffmpeg.path, ['-v', 'error', '-i', secret, '-frames:v', '3', pattern]);
			await expect(probe(ffmpeg, pattern)).rejects.toMatchObject({ code: 'media-offline' });
		});
	});
});

describe('what is not a regular file', () => {
	it('a FIFO, a device, a folder and a socket are refused at once', async () => {
		await inFolder(async (folder) => {
			const fifo = join(folder, 'fifo.mp4');
			await run('mkfifo', [fifo]);
			await expectCode(fifo, 'not-a-regular-file');
			await expectCode('/dev/zero', 'not-a-regular-file');
			await expectCode(folder, 'not-a-regular-file');
			const link = join(folder, 'link.mp4');
			await symlink('/dev/zero', link);
			await expectCode(link, 'not-a-regular-file');
			const socket = join(folder, 'socket.mp4');
			const server = createServer().listen(socket);
			await new Promise((resolve) => server.once('listening', resolve));
			await expectCode(socket, 'not-a-regular-file');
			await new Promise((resolve) => server.close(resolve));
		});
	});

	it('nothing, a dead link, a loop of links, a URL and a name with NUL are offline', async () => {
		await inFolder(async (folder) => {
			await symlink(join(folder, 'gone'), join(folder, 'dead.mp4'));
			await symlink(join(folder, 'b'), join(folder, 'a'));
			await symlink(join(folder, 'a'), join(folder, 'b'));
			const paths = ['none.mp4', 'dead.mp4', 'a', 'x\0y'].map((name) => join(folder, name));
			for (const path of [
				...paths,
				'http://127.0.0.1:1/x.mp4',
				'rtsp://x/y',
				'file:///etc/passwd',
			]) {
				await expectCode(path, 'media-offline');
			}
		});
	});

	it('an empty file and one that breaks off are unreadable', async () => {
		await inFolder(async (folder) => {
			const empty = join(folder, 'empty.mp4');
			await writeFile(empty, '');
			await expectCode(empty, 'media-unreadable');
			const whole = await makeMp4(folder, 'whole.mp4');
			const part = join(folder, 'part.mp4');
			await run('sh', ['-c', `head -c 700 '${whole}' > '${part}'`]);
			await expectCode(part, 'media-unreadable');
		});
	});

	it('a link to a real film, and a relative path, lead to its real path', async () => {
		await inFolder(async (folder) => {
			const film = await makeMp4(folder, 'film.mp4');
			const link = join(folder, 'link.mp4');
			await symlink(film, link);
			expect(await checkedFile(link)).toBe(film);
			expect(await checkedFile(relative(process.cwd(), link))).toBe(film);
			await mkdir(join(folder, 'sub'));
			expect(await checkedFile(join(folder, 'sub/../film.mp4'))).toBe(film);
		});
	});

	it('a file that may not be read', async () => {
		await inFolder(async (folder) => {
			const film = await makeMp4(folder, 'film.mp4');
			await chmod(film, 0);
			const attempt = await checkedFile(film).catch((error: unknown) => error);
			// The superuser may read everything.
			if (process.getuid?.() === 0) expect(attempt).toBe(film);
			else expect(attempt).toMatchObject({ code: 'media-unreadable' });
		});
	});
});

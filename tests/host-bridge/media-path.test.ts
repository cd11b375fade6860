import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mediaPathFromUrl, urlFromMediaPath } from '../../host-bridge/timeline-file/media-path.ts';

let folder = '';
beforeAll(async () => {
	folder = await mkdtemp(path.join(tmpdir(), 'pickup-media-'));
	await mkdir(path.join(folder, 'two words'));
	for (const name of NAMES) await writeFile(path.join(folder, name), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const NAMES = [
	'a.mov',
	'two words/b 1.mov',
	'Straße 映画 🎬.mov',
	'100% #1?.mov',
	'a%20b.mov',
	"it's & <fine>.mov",
	'take:2.mov',
	'-i.mov',
	'space at the end.mov ',
];

describe('finds a file on this machine', () => {
	test.each(NAMES)('%s, by path and by URL', (name) => {
		const file = path.join(folder, name);
		const found = { kind: 'file', path: file };
		expect(mediaPathFromUrl(file, '/')).toEqual(found);
		expect(mediaPathFromUrl(name, folder)).toEqual(found);
		expect(mediaPathFromUrl(`./${name}`, folder)).toEqual(found);
		expect(mediaPathFromUrl(urlFromMediaPath(file), '/')).toEqual(found);
		expect(mediaPathFromUrl(urlFromMediaPath(file, 'localhost'), '/')).toEqual(found);
	});

	test.each([
		['file://localhost{folder}/two%20words/b%201.mov', 'two words/b 1.mov'],
		['file://{folder}/two words/b 1.mov', 'two words/b 1.mov'],
		['file:{folder}/a.mov', 'a.mov'],
		['FILE://LOCALHOST{folder}/a.mov', 'a.mov'],
		['file://{folder}/100% #1?.mov', '100% #1?.mov'],
		['two%20words/b%201.mov', 'two words/b 1.mov'],
		['two words\\b 1.mov', 'two words/b 1.mov'],
		['\n\t{folder}/a.mov\n', 'a.mov'],
		['two words/../a.mov', 'a.mov'],
	])('%s', (text, name) => {
		const source = mediaPathFromUrl(text.replace('{folder}', folder), folder);
		expect(source).toEqual({ kind: 'file', path: path.join(folder, name) });
	});
});

test('an offline file is named as people write it, not as a URL', () => {
	const source = mediaPathFromUrl('file://localhost/no%20such/caf%C3%A9.mov', '/', 'linux');
	expect(source).toMatchObject({ kind: 'offline', path: '/no such/café.mov' });
});

describe('says why a file is offline', () => {
	test.each([
		['missing.mov', 'no such file'],
		['file:///nowhere/at/all.mov', 'no such file'],
		['two words', 'folder'],
		['file:///dev/null', 'device'],
		['', 'names no file'],
		['file://localhost/C%3a/Media/a.mov', 'drive C:'],
		['file:///D:/Media/a.mov', 'drive D:'],
		['file://E:/Media/a.mov', 'drive E:'],
		['C:\\Media\\a.mov', 'drive C:'],
		['c:/Media/a.mov', 'drive c:'],
		['\\\\server\\share\\a.mov', 'network share'],
		['file://server/share/a.mov', 'network share'],
		['http://example.com/a.mov', 'http:'],
		['https://example.com/a.mov', 'https:'],
		['data:video/mp4;base64,AAAA', 'data:'],
		['pipe:0', 'pipe:'],
		['concat:a.mov|b.mov', 'concat:'],
		['a\u0000b.mov', 'control characters'],
		['file:///a%00b.mov', 'no such file'],
		['x'.repeat(5000), 'longer'],
	])('%s', (text, reason) => {
		const source = mediaPathFromUrl(text, folder, 'linux');
		expect(source.kind).toBe('offline');
		expect(source.kind === 'offline' && source.reason).toContain(reason);
	});

	test('a Windows path keeps its drive on every machine', () => {
		const source = mediaPathFromUrl('file://localhost/C%3a/My%20Media/a.mov', folder, 'linux');
		expect(source).toMatchObject({ path: 'C:\\My Media\\a.mov' });
		const there = mediaPathFromUrl('file://localhost/C%3a/My%20Media/a.mov', 'C:\\', 'win32');
		expect(there).toMatchObject({ path: 'C:\\My Media\\a.mov', reason: 'There is no such file' });
	});
});

test('two slashes at the start are one where a file is there', () => {
	const file = path.join(folder, 'a.mov');
	expect(mediaPathFromUrl(`/${file}`, '/', 'linux')).toEqual({ kind: 'file', path: file });
	expect(mediaPathFromUrl(`file:///${file}`, '/', 'linux')).toEqual({ kind: 'file', path: file });
});

test.each(['file:', 'file://', 'file:///', 'file://localhost/'])('%s names no file', (url) => {
	const source = mediaPathFromUrl(url, folder, 'linux');
	expect(source).toEqual({ kind: 'offline', path: '', reason: 'The timeline names no file' });
});

test('links that lead in a circle, and a pipe', async () => {
	await symlink('loop.mov', path.join(folder, 'loop.mov'));
	execFileSync('mkfifo', [path.join(folder, 'pipe.mov')]);
	expect(mediaPathFromUrl('loop.mov', folder)).toMatchObject({
		reason: 'Its links lead in a circle',
	});
	expect(mediaPathFromUrl('pipe.mov', folder)).toMatchObject({
		reason: 'This is a pipe, not a file',
	});
});

test('Windows paths become URLs', () => {
	expect(urlFromMediaPath('C:\\My Media\\a.mov', 'localhost')).toBe(
		'file://localhost/C%3A/My%20Media/a.mov',
	);
	expect(urlFromMediaPath('\\\\server\\share\\a.mov')).toBe('file://server/share/a.mov');
});

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRegular, readRegular } from '../../files/open-regular.ts';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a regular file is read, by its name or through a link', async () => {
	const file = join(folder, 'notes');
	await writeFile(file, 'whole');
	await symlink(file, join(folder, 'link'));
	expect(String(await readRegular(file))).toBe('whole');
	expect(String(await readRegular(join(folder, 'link')))).toBe('whole');
	await expect(openRegular(join(folder, 'link'), { links: 'refuse' })).rejects.toMatchObject({
		code: 'ELOOP',
	});
	await expect(readRegular(file, 4)).rejects.toThrow('at most 4 bytes');
});

test('a pipe that nobody writes to, a socket, a device and a folder are refused at once', async () => {
	const pipe = join(folder, 'pipe');
	await promisify(execFile)('mkfifo', [pipe]);
	const socket = join(folder, 'socket');
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(socket, resolve));
	await mkdir(join(folder, 'folder'));
	for (const path of [pipe, socket, '/dev/zero', join(folder, 'folder')]) {
		await expect(openRegular(path)).rejects.toMatchObject({
			code: 'not-a-regular-file',
			field: path,
		});
	}
	await new Promise((resolve) => server.close(resolve));
	await expect(openRegular(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'ENOENT' });
});

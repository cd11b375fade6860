import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
	mkdir,
	mkdtemp,
	readdir,
	readFile,
	rename,
	rm,
	stat,
	symlink,
	writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRunning } from '../../files/is-running.ts';
import { nameUnlessTaken, writeWhole } from '../../files/write-whole.ts';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function emptyFolder(name: string): Promise<string> {
	const path = join(folder, name);
	await mkdir(path);
	return path;
}

test('a file stands whole, in one piece or in several, with the permissions asked for', async () => {
	const own = await emptyFolder('whole');
	await writeWhole(join(own, 'text'), 'all of it', { mode: 0o600 });
	await writeWhole(join(own, 'bytes'), [Buffer.from('one '), Buffer.from('two')]);
	expect(await readFile(join(own, 'text'), 'utf8')).toBe('all of it');
	expect(await readFile(join(own, 'bytes'), 'utf8')).toBe('one two');
	expect((await stat(join(own, 'text'))).mode & 0o777).toBe(0o600);
	expect((await readdir(own)).sort()).toEqual(['bytes', 'text']);
});

test('a name of 255 bytes is as good as any', async () => {
	const own = await emptyFolder('long');
	await writeWhole(join(own, 'x'.repeat(255)), 'long');
	expect(await readdir(own)).toEqual(['x'.repeat(255)]);
});

test('a taken name is refused or replaced, and what stands there is not written through', async () => {
	const own = await emptyFolder('taken');
	const other = join(own, 'other');
	const link = join(own, 'link');
	await writeFile(other, 'somebody’s');
	await symlink(other, link);
	for (const path of [other, link]) {
		await expect(writeWhole(path, 'new', { taken: 'refuse' })).rejects.toMatchObject({
			code: 'bad-request',
		});
	}
	await writeWhole(link, 'new');
	expect(await readFile(other, 'utf8')).toBe('somebody’s');
	expect(await readFile(link, 'utf8')).toBe('new');
	await writeFile(join(own, 'made'), 'made');
	await expect(nameUnlessTaken(join(own, 'made'), other)).rejects.toMatchObject({
		code: 'bad-request',
	});
	expect((await readdir(own)).sort()).toEqual(['link', 'made', 'other']);
});

test('what a killed program left of its files is swept by the next, what others write is not', async () => {
	const own = await emptyFolder('swept');
	const writer = await started(own);
	const part = (await readdir(own))[0]!;
	const strangers = ['.pickup-00000000-1-000000000000.part', 'my.part', '.cut.xml.0123.part'];
	for (const name of strangers) await writeFile(join(own, name), '');
	const first = await started(own);
	expect(await readdir(own)).toContain(part);
	writer.kill('SIGKILL');
	await once(writer, 'exit');
	first.kill('SIGKILL');
	await once(first, 'exit');
	await writeWhole(join(own, 'done'), 'done');
	expect((await readdir(own)).sort()).toEqual([...strangers, 'done'].sort());
});

test('what a program left that has ended is swept before anybody has asked how it ended', async () => {
	const own = await emptyFolder('unreaped');
	const writer = await started(own);
	const part = (await readdir(own))[0]!;
	writer.kill('SIGKILL');
	await once(writer, 'exit');
	// Nobody waits for the shell's child: `sleep` takes the shell's place and knows nothing of it.
	const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 600']);
	try {
		const pid = Number(String((await once(parent.stdout, 'data'))[0]));
		while (await isRunning(pid));
		await rename(join(own, part), join(own, part.replace(`-${writer.pid}-`, `-${pid}-`)));
		await writeWhole(join(own, 'done'), 'done');
		expect(await readdir(own)).toEqual(['done']);
	} finally {
		parent.kill();
	}
});

/** A program that never comes to the end of a file that it writes. */
async function started(own: string): Promise<ChildProcess> {
	const program = join(own, '..', 'endless.mjs');
	const contents = `
		import { writeWhole } from './write-whole.ts';
		function* endless() {
			yield Buffer.from('a');
			process.stdout.write('writing');
			for (;;);
		}
		await writeWhole(process.argv[2], { [Symbol.iterator]: endless });
	`;
	const resolveDir = join(import.meta.dirname, '../../files');
	await build({
		stdin: { contents, resolveDir, loader: 'ts' },
		outfile: program,
		bundle: true,
		platform: 'node',
		format: 'esm',
	});
	const writer = spawn(process.execPath, [program, join(own, 'never')]);
	await once(writer.stdout, 'data');
	return writer;
}

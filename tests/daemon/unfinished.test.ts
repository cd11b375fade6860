import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Unfinished } from '../../inference-daemon/jobs/unfinished.ts';

let root = '';
beforeAll(async () => {
	root = await mkdtemp(join(tmpdir(), 'pickup-unfinished-'));
});
afterAll(() => rm(root, { recursive: true }));

/** As many jobs' folders, the later ones the newer, each with a file. */
async function filled(folder: string, count: number): Promise<Unfinished> {
	const unfinished = new Unfinished(folder);
	for (let job = 1; job <= count; job++) {
		await mkdir(unfinished.folderOf(`job ${job}`), { recursive: true });
		await writeFile(join(unfinished.folderOf(`job ${job}`), 'pass'), 'numbers');
		await utimes(unfinished.folderOf(`job ${job}`), 1000 + job, 1000 + job);
	}
	return unfinished;
}

test('What is kept is that of the twenty jobs that were at it last', async () => {
	const folder = join(root, 'many');
	const unfinished = await filled(folder, 23);
	await unfinished.tidy(() => true);
	const left = Array.from({ length: 20 }, (_, i) => `job ${i + 4}`);
	expect((await readdir(folder)).sort()).toEqual(left.sort());
});

test('Nothing is kept of jobs that never run again, nor of what is no job', async () => {
	const folder = join(root, 'over');
	const unfinished = await filled(folder, 3);
	await writeFile(join(folder, 'something else'), '');
	await unfinished.tidy((id) => id === 'job 2');
	expect(await readdir(folder)).toEqual(['job 2']);
	await unfinished.remove('job 2');
	await unfinished.remove('job 2');
	expect(await readdir(folder)).toEqual([]);
});

test('A folder that is missing, or is none, is no failure', async () => {
	await new Unfinished(join(root, 'not', 'there')).tidy(() => true);
	expect(await readdir(root)).not.toContain('not');
	const file = join(root, 'a file');
	await writeFile(file, '');
	await new Unfinished(join(file, 'below')).tidy(() => true);
	await new Unfinished(join(file, 'below')).remove('job 1');
});

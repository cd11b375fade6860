import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const bridge = join(import.meta.dirname, '../../host-bridge');
let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-python-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What of it a Python 3.6 does not have, a line each. */
async function newerThan36(...paths: readonly string[]): Promise<string> {
	const { stdout } = await run('python3', [join(import.meta.dirname, 'python-newer.py'), ...paths]);
	return stdout.trim();
}

async function sourcesIn(name: string): Promise<readonly string[]> {
	const names = await readdir(join(bridge, name));
	return names.filter((each) => each.endsWith('.py')).map((each) => join(bridge, name, each));
}

test.each([['python'], ['resolve/pickup']])('host-bridge/%s runs on 3.6', async (name) => {
	const sources = await sourcesIn(name);
	expect(sources.length).toBeGreaterThan(5);
	expect(await newerThan36(...sources)).toBe('');
});

test.each([
	['if (n := 1): pass', 'Assignment expressions are only supported in Python 3.8'],
	['import dataclasses', 'import dataclasses'],
	['from __future__ import annotations', 'from __future__'],
	['import queue; queue.SimpleQueue()', 'SimpleQueue'],
	['import subprocess; subprocess.run([], capture_output=True)', 'capture_output='],
	['def f(a, /): pass', 'only supported in Python 3.8'],
	['f"{1}"', 'an f-string'],
	['{} | {}', 'dict | dict'],
	['"a".removeprefix("b")', 'removeprefix'],
])('that is noticed of %s', async (source, says) => {
	const path = join(folder, 'newer.py');
	await writeFile(path, source);
	expect(await newerThan36(path)).toContain(says);
});

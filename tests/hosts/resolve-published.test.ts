import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-published-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function beyond(...folders: readonly string[]): Promise<string> {
	const check = join(root, 'tests/fakes/resolve/check.py');
	return (await run('python3', ['-B', check, ...folders])).stdout.trim();
}

test('neither the script for Resolve nor the simulated one uses what is not published', async () => {
	expect(await beyond(join(root, 'host-bridge/resolve/pickup'))).toBe('');
});

test.each([
	['told(timeline, "GetPlayhead")', 'GetPlayhead is not published'],
	['told(timeline, "GetTrackCount")', 'GetTrackCount with 0 arguments is not published'],
	['has(timeline, "Razor")', 'Razor is not published'],
	['timeline.GetTrackCount("video")', 'GetTrackCount is asked without care'],
])('that is noticed of %s', async (source, says) => {
	await writeFile(join(folder, 'script.py'), source);
	expect(await beyond(folder)).toContain(says);
});

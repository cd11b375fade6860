import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { EngineChild } from '../../inference-daemon/jobs/engine-child.ts';
import type { Task } from '../../inference-daemon/jobs/engine-messages.ts';
import { temporaryFolder } from './harness.ts';

afterEach(() => {
	vi.useRealTimers();
});

test('That an engine has died is told when its last words are there, and no time is waited for', async () => {
	const program = join(await temporaryFolder(), 'engine.mjs');
	await writeFile(
		program,
		"process.on('message', () => { console.error('oh'); process.exit(7); });",
	);
	const engine = new EngineChild(program, () => {});
	// A wait would never end.
	vi.useFakeTimers({ toFake: ['setTimeout'] });
	const { signal } = new AbortController();
	const ending = await engine.run({ jobId: 'a' } as Task, {
		report: () => {},
		signal,
		onStand: () => {},
	});
	expect(ending).toMatchObject({ kind: 'failed', problem: { code: 'engine-died' } });
	expect(ending).toMatchObject({ problem: { message: expect.stringContaining('said: oh') } });
});

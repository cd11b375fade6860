import { expect, test } from 'vitest';
import { endGroup, markOf } from '../../inference-daemon/jobs/processes.ts';

test('a process that never started has no group to end: this one lives on', async () => {
	await endGroup(0);
	expect(await markOf(process.pid)).toMatchObject({ pid: process.pid });
});

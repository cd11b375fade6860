import { expect, test } from 'vitest';
import type { Journal } from '../../inference-daemon/jobs/journal.ts';
import { reportTo } from '../../inference-daemon/jobs/reporter.ts';

test('progress goes on when somebody sets the clock back', async () => {
	const told: number[] = [];
	let heard = () => {};
	const journal = {
		progress(_id: string, progress: number) {
			told.push(progress);
			heard();
		},
	} as unknown as Journal;
	const log = { info: () => {}, error: () => {} };
	const reporter = reportTo({ journal, previews: '/nowhere', log }, 'a');
	const report = (progress: number) =>
		new Promise<void>((resolve) => {
			heard = resolve;
			reporter.report({ kind: 'progress', progress, phase: 'drawing' });
		});
	const { now } = Date;
	try {
		await report(0.1);
		Date.now = () => now() - 3_600_000;
		await report(0.2);
		await report(0.3);
	} finally {
		Date.now = now;
	}
	expect(told).toEqual([0.1, 0.2, 0.3]);
	await reporter.close();
});

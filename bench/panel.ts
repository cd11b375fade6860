import { startVitest } from 'vitest/node';

/**
 * The panel: how large it is, how soon it is drawn beside an empty page, the longest task of its
 * thread while 5,000 entries of history scroll and while a job runs, and how soon twenty panels
 * agree. It needs what the tests have: a browser, daemons with small engines, a small editor.
 */
const vitest = await startVitest('test', [], {
	run: true,
	include: ['bench/panel/measure.ts'],
	reporters: ['dot'],
	disableConsoleIntercept: true,
});
await vitest.close();

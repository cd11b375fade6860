/** Pictures the panel in every state into docs/screenshots/: `node scripts/screenshots.mjs`. */
import { startVitest } from 'vitest/node';
import { buildAll } from './build.mjs';

await buildAll();
const vitest = await startVitest('test', [], {
	run: true,
	include: ['tests/plugin/screenshots.ts'],
});
await vitest.close();

/**
 * `npm run soak [NAME …]`: builds, then runs in full what `npm test` runs a sample of
 * (tests/soak/vitest.config.ts); arguments go to vitest.
 */
import { buildAll } from './build.mjs';
import { root, run } from './tools.mjs';

await buildAll();
process.exit(
	run('vitest', [
		'run',
		'--config',
		'tests/soak/vitest.config.ts',
		'--root',
		root,
		...process.argv.slice(2),
	]),
);

/** `npm test`: system programs, build, types, lint, then every test. Arguments go to vitest. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildAll } from './build.mjs';
import { ensurePrograms } from './prerequisites.mjs';
import { run } from './tools.mjs';

ensurePrograms(['ffmpeg', 'melt', 'python3', 'python3-venv', 'openshot-qt', 'libvulkan', 'libnss']);
ensurePrograms(['blender', 'xvfb-run', 'xauth', 'mesa', 'python3.11']);
await buildAll();
step('tsc', ['-b']);
step('biome', ['ci', '.']);
const folder = mkdtempSync(join(tmpdir(), 'pickup-test-'));
const report = join(folder, 'report.json');
const status = run('vitest', [
	'run',
	'--reporter=default',
	'--reporter=json',
	`--outputFile.json=${report}`,
	...process.argv.slice(2),
]);
const { numPassedTests, numFailedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8'));
rmSync(folder, { recursive: true });
console.log(`${numPassedTests} passed, ${numFailedTests} failed`);
process.exit(status === 0 && numPassedTests === numTotalTests && numTotalTests > 0 ? 0 : 1);

function step(tool, args) {
	const status = run(tool, args);
	if (status !== 0) process.exit(status);
}

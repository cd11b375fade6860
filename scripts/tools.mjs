import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Exit status of a tool from node_modules; a signal counts as failure. */
export function run(tool, args) {
	const bin = join(root, 'node_modules', '.bin', tool);
	const options = { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' };
	return spawnSync(bin, args, options).status ?? 1;
}

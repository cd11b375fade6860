import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { openWithSystem } from '../../files/open-with-system.ts';
import { PickupError } from '../../protocol/errors.ts';

const run = promisify(execFile);

/**
 * Shows a file where it stands; elsewhere than on macOS and Windows only its folder, as there is no one
 * way to choose a file in it. Throws `system-refused` where the system has no file manager.
 */
export async function revealFile(path: string): Promise<void> {
	if (await reveal(path)) return;
	throw new PickupError('system-refused', 'The system opened no file manager', {
		field: path,
		action: `Look into ${dirname(path)} yourself.`,
	});
}

async function reveal(path: string): Promise<boolean> {
	switch (process.platform) {
		case 'darwin':
			return run('open', ['-R', path]).then(
				() => true,
				() => false,
			);
		case 'win32':
			// Explorer ends with 1 also where all went well, and wants the quotes in this very place.
			return run('explorer.exe', [`/select,"${path}"`], { windowsVerbatimArguments: true }).then(
				() => true,
				(error: NodeJS.ErrnoException) => typeof error.code === 'number',
			);
		default:
			return openWithSystem(dirname(path));
	}
}

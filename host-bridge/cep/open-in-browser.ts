import { spawn } from 'node:child_process';
import { PickupError } from '../../protocol/errors.ts';

/** Opens an address of this machine in the person's browser. Throws PickupError `system-refused`. */
export async function openInBrowser(address: string, platform = process.platform): Promise<void> {
	const [program, ...given] = openerOf(platform);
	try {
		const child = spawn(program, [...given, address], { detached: true, stdio: 'ignore' });
		await new Promise<void>((resolve, reject) => {
			child.once('spawn', resolve);
			child.once('error', reject);
		});
		child.unref();
	} catch (cause) {
		throw new PickupError(
			'system-refused',
			`The browser did not open: ${(cause as Error).message}`,
			{
				cause,
			},
		);
	}
}

/** Each takes the address as it is, without a shell that would read its signs. */
function openerOf(platform: NodeJS.Platform): [program: string, ...given: string[]] {
	if (platform === 'win32') return ['rundll32.exe', 'url.dll,FileProtocolHandler'];
	return [platform === 'darwin' ? '/usr/bin/open' : 'xdg-open'];
}

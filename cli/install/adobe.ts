import { existsSync } from 'node:fs';
import { PickupError } from '../../protocol/errors.ts';
import { askProgram, refusedBy } from './ask-program.ts';
import type { Machine } from './machine.ts';
import { upiaProgram } from './places.ts';

const INSTALLER = {
	name: 'Adobe’s installer',
	action: 'Look into Creative Cloud, or double-click the .ccx of `npm run package`.',
};

/** As the plugin's manifest calls it. */
const NAME = 'Pickup';

/** Adobe's installer says yes to much: what it lists afterwards counts. */
export type InstalledBy = 'adobe' | 'opened';

/**
 * Hands a `.ccx` to Adobe's own installer, or where that is not at its place to whatever the system
 * opens such files with, by `open`. Throws `editor-not-found` where no such program can run, and
 * `system-refused` with what the installer said.
 */
export async function installCcx(
	machine: Machine,
	ccx: string,
	open: (path: string) => Promise<void>,
): Promise<InstalledBy> {
	const program = adobeInstaller(machine);
	if (program === null) {
		await open(ccx);
		return 'opened';
	}
	await askProgram(INSTALLER, program, [flag(machine, 'install'), ccx]);
	if (await isListed(machine, program)) return 'adobe';
	throw refusedBy(INSTALLER, 'it said that it had installed Pickup, and does not list it');
}

/** Gives whether there was one to take out. Throws as `installCcx`. */
export async function removeCcx(machine: Machine): Promise<boolean> {
	const program = adobeInstaller(machine);
	if (program === null || !(await isListed(machine, program))) return false;
	await askProgram(INSTALLER, program, [flag(machine, 'remove'), NAME]);
	if (await isListed(machine, program)) throw refusedBy(INSTALLER, 'Pickup is still listed');
	return true;
}

/** Whether it is there; null where Adobe's installer is not, and so cannot be asked. */
export async function hasCcx(machine: Machine): Promise<boolean | null> {
	const path = upiaProgram(machine);
	return path !== null && existsSync(path) ? isListed(machine, path) : null;
}

/** Null where it is not at its place. Throws `editor-not-found` on systems that Adobe has nothing for. */
function adobeInstaller(machine: Machine): string | null {
	const path = upiaProgram(machine);
	if (path === null) {
		throw new PickupError(
			'editor-not-found',
			'Expected Windows or macOS, where Premiere runs, this is another system',
			{ action: 'Open an exported timeline instead: `pickup open cut.xml`.' },
		);
	}
	return existsSync(path) ? path : null;
}

async function isListed(machine: Machine, program: string): Promise<boolean> {
	const said = await askProgram(INSTALLER, program, [flag(machine, 'list'), 'all']);
	return said.split('\n').some((line) => line.includes(NAME));
}

function flag({ platform }: Machine, name: string): string {
	return platform === 'win32' ? `/${name}` : `--${name}`;
}

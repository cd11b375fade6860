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

/** What Adobe's installer says of the plugin; its version as far as it tells one. */
export type Listed =
	| { readonly kind: 'listed'; readonly version: string | null }
	| { readonly kind: 'not-listed' }
	| { readonly kind: 'no-installer'; readonly looked: string };

/** Throws as `installCcx`. */
export async function listedCcx(machine: Machine): Promise<Listed> {
	const program = adobeInstaller(machine);
	if (program === null) return { kind: 'no-installer', looked: upiaProgram(machine) ?? '' };
	const line = await listedLine(machine, program);
	if (line === null) return { kind: 'not-listed' };
	return { kind: 'listed', version: /\d+(\.\d+)+/.exec(line)?.[0] ?? null };
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
	return (await listedLine(machine, program)) !== null;
}

async function listedLine(machine: Machine, program: string): Promise<string | null> {
	const said = await askProgram(INSTALLER, program, [flag(machine, 'list'), 'all']);
	return said.split('\n').find((line) => line.includes(NAME)) ?? null;
}

function flag({ platform }: Machine, name: string): string {
	return platform === 'win32' ? `/${name}` : `--${name}`;
}

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine, Scope } from './machine.ts';

/** A folder that a program looks into, and whose that is. */
export type Place = {
	/** As `Blender 4.2`. */
	readonly of: string;
	/** Gets the files; need not be there. */
	readonly folder: string;
};

/** Where a program looks, or where it was looked for in vain. */
export type Found = { readonly places: readonly Place[]; readonly looked: readonly string[] };

/**
 * Blender keeps a folder for each of its versions from when it was started first; from 4.2 on add-ons
 * are extensions.
 */
export async function blenderPlaces(machine: Machine): Promise<Found> {
	const own = machine.env.BLENDER_USER_RESOURCES;
	if (own) return { places: [blenderPlace(own, 'Blender', true)], looked: [own] };
	const root = blenderRoot(machine);
	const versions = (await namesIn(root)).filter((name) => /^\d+\.\d+$/.test(name));
	const places = versions
		.map((version) => ({ version, number: Number.parseFloat(version) }))
		.filter(({ number }) => number >= 3.4)
		.sort((a, b) => a.number - b.number)
		.map(({ version, number }) =>
			blenderPlace(join(root, version), `Blender ${version}`, number >= 4.2),
		);
	return { places, looked: [root] };
}

/** Scripts of Workspace › Scripts, there from when Resolve was started first. */
export async function resolvePlaces(machine: Machine, scope: Scope): Promise<Found> {
	const root = resolveRoot(machine, scope);
	const isThere = (await namesIn(root)).length > 0;
	const folder = join(root, 'Fusion', 'Scripts', 'Utility');
	return { places: isThere ? [{ of: 'DaVinci Resolve', folder }] : [], looked: [root] };
}

/** Extensions of Premiere and After Effects; the folder is made by whoever comes first. `name`: of the editor. */
export function cepPlaces(machine: Machine, scope: Scope, name: string, of: string): Found {
	const root = cepRoot(machine, scope);
	if (root === null) return { places: [], looked: [] };
	return { places: [{ of, folder: join(root, `pickup-${name}`) }], looked: [root] };
}

/** As their folders are called. */
export type AdobeEditor = 'After Effects' | 'Premiere Pro';

/** Versions of one of Adobe's editors that keep settings here: their folders are there once it was started. */
export async function versionsOf(
	{ platform, home, env }: Machine,
	editor: AdobeEditor,
): Promise<readonly string[]> {
	const folders =
		platform === 'win32'
			? [join(roaming(home, env), 'Adobe'), join(home, 'Documents', 'Adobe')]
			: [join(home, 'Library', 'Preferences', 'Adobe'), join(home, 'Documents', 'Adobe')];
	const found = await Promise.all(folders.map((folder) => namesIn(join(folder, editor))));
	return [...new Set(found.flat().filter((name) => /^\d/.test(name)))].sort((a, b) =>
		a.localeCompare(b, 'en', { numeric: true }),
	);
}

/** Adobe’s own installer of `.ccx` packages, which comes with Creative Cloud. */
export function upiaProgram({ platform, env }: Machine): string | null {
	const rest = ['Adobe Desktop Common', 'RemoteComponents', 'UPI', 'UnifiedPluginInstallerAgent'];
	const name = 'UnifiedPluginInstallerAgent';
	if (platform === 'win32') {
		const common = env.CommonProgramFiles ?? 'C:\\Program Files\\Common Files';
		return join(common, 'Adobe', ...rest, `${name}.exe`);
	}
	if (platform !== 'darwin') return null;
	const support = '/Library/Application Support/Adobe';
	return join(support, ...rest, `${name}.app`, 'Contents', 'MacOS', name);
}

/** Where Resolve keeps its logs. */
export function resolveLogs(machine: Machine): string {
	return join(resolveRoot(machine, 'user'), 'logs');
}

function blenderPlace(root: string, of: string, isExtension: boolean): Place {
	const folder = isExtension
		? join(root, 'extensions', 'user_default', 'pickup')
		: join(root, 'scripts', 'addons', 'pickup');
	return { of, folder };
}

function blenderRoot({ platform, home, env }: Machine): string {
	if (platform === 'win32') return join(roaming(home, env), 'Blender Foundation', 'Blender');
	if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Blender');
	return join(env.XDG_CONFIG_HOME || join(home, '.config'), 'blender');
}

function resolveRoot({ platform, home, env }: Machine, scope: Scope): string {
	const vendor = ['Blackmagic Design', 'DaVinci Resolve'];
	if (platform === 'win32') {
		return scope === 'user'
			? join(roaming(home, env), ...vendor, 'Support')
			: join(env.PROGRAMDATA ?? 'C:\\ProgramData', ...vendor);
	}
	if (platform === 'darwin') {
		return join(scope === 'user' ? home : '/', 'Library', 'Application Support', ...vendor);
	}
	return scope === 'user' ? join(home, '.local', 'share', 'DaVinciResolve') : '/opt/resolve';
}

function cepRoot({ platform, home, env }: Machine, scope: Scope): string | null {
	const rest = ['Adobe', 'CEP', 'extensions'];
	if (platform === 'win32') {
		const shared = env['CommonProgramFiles(x86)'] ?? 'C:\\Program Files (x86)\\Common Files';
		return scope === 'user' ? join(roaming(home, env), ...rest) : join(shared, ...rest);
	}
	if (platform !== 'darwin') return null;
	return join(scope === 'user' ? home : '/', 'Library', 'Application Support', ...rest);
}

function roaming(home: string, env: Machine['env']): string {
	return env.APPDATA ?? join(home, 'AppData', 'Roaming');
}

async function namesIn(folder: string): Promise<readonly string[]> {
	return readdir(folder).catch(() => []);
}

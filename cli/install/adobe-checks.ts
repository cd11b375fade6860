import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { problemOf } from '../../protocol/errors.ts';
import type { Check } from '../../protocol/rpc.ts';
import { listedCcx } from './adobe.ts';
import type { Machine } from './machine.ts';
import { type AdobeEditor, versionsOf } from './places.ts';

const run = promisify(execFile);

/** Of CEP, each with settings of its own: of editors up to 24, and from 25 on. */
const CEP_VERSIONS = [11, 12] as const;

/** `number`: there, but as a number, which Adobe's editors take for nothing. */
type DebugMode = 'on' | 'off' | 'number';

/**
 * Which of Adobe's editors were started here, whether Premiere has the plugin, and debug mode. Nothing
 * of an editor that was never started, nothing on systems that Adobe has none for.
 */
export async function adobeChecks(machine: Machine): Promise<readonly Check[]> {
	if (machine.platform !== 'win32' && machine.platform !== 'darwin') return [];
	const [premiere, afterEffects] = await Promise.all([
		versionsOf(machine, 'Premiere Pro'),
		versionsOf(machine, 'After Effects'),
	]);
	if (premiere.length === 0 && afterEffects.length === 0) return [];
	return [
		...(premiere.length > 0
			? [startedHere('Premiere Pro', premiere), await pluginCheck(machine)]
			: []),
		...(afterEffects.length > 0 ? [startedHere('After Effects', afterEffects)] : []),
		await debugCheck(machine),
	];
}

/** Whether Adobe's editors load extensions that nobody has signed. Read, and never set. */
export async function isDebugModeOn(machine: Machine): Promise<boolean> {
	const modes = await Promise.all(CEP_VERSIONS.map((version) => debugMode(machine, version)));
	return modes.includes('on');
}

function startedHere(editor: AdobeEditor, versions: readonly string[]): Check {
	const found = `was started here, with settings of ${versions.join(', ')}`;
	return { name: editor, status: 'ok', found, action: null };
}

async function pluginCheck(machine: Machine): Promise<Check> {
	const name = 'Premiere’s plugin';
	const install = 'Run `pickup install premiere`, for Premiere 25.6 and newer.';
	try {
		const listed = await listedCcx(machine);
		switch (listed.kind) {
			case 'listed': {
				const found = `Adobe’s installer lists Pickup ${listed.version ?? ''}`.trimEnd();
				return { name, status: 'ok', found, action: null };
			}
			case 'not-listed':
				return {
					name,
					status: 'missing',
					found: 'Adobe’s installer lists no Pickup',
					action: install,
				};
			case 'no-installer':
				return {
					name,
					status: 'warning',
					found: `Adobe’s installer, which would know, is not at ${listed.looked}`,
					action: 'Look in Creative Cloud, Plugins, whether Pickup is there.',
				};
		}
	} catch (error) {
		const { message, action } = problemOf(error);
		return { name, status: 'warning', found: message, action };
	}
}

async function debugCheck(machine: Machine): Promise<Check> {
	const modes = await Promise.all(
		CEP_VERSIONS.map(async (version) => ({ version, mode: await debugMode(machine, version) })),
	);
	const says = { on: 'on', off: 'off', number: 'a number, which does not count' } as const;
	const isWrong = modes.some(({ mode }) => mode === 'number');
	return {
		name: 'debug mode',
		status: isWrong ? 'warning' : 'ok',
		found: modes.map(({ version, mode }) => `CEP ${version}: ${says[mode]}`).join('; '),
		action: isWrong ? 'PlayerDebugMode has to be a text (REG_SZ) with “1”.' : null,
	};
}

/** As the system keeps it; off where nothing is kept, or nobody can say. */
async function debugMode({ platform, env }: Machine, version: number): Promise<DebugMode> {
	const [program, ...args] =
		platform === 'win32'
			? ['reg', 'query', `HKCU\\Software\\Adobe\\CSXS.${version}`, '/v', 'PlayerDebugMode']
			: ['defaults', 'read', `com.adobe.CSXS.${version}`, 'PlayerDebugMode'];
	const { stdout } = await run(program!, args, { env: { ...env } }).catch(() => ({ stdout: '' }));
	if (platform !== 'win32') return stdout.trim() === '1' ? 'on' : 'off';
	const [, type, value] = /PlayerDebugMode\s+(REG_\w+)\s+(\S+)/.exec(stdout) ?? [];
	if (type === 'REG_SZ') return value === '1' ? 'on' : 'off';
	return type === undefined ? 'off' : 'number';
}

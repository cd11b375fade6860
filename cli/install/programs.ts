import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { PickupError } from '../../protocol/errors.ts';
import { type CepHost, extensionFor, isSigned, signed } from './cep.ts';
import type { Machine, Scope } from './machine.ts';
import { blenderPlaces, cepPlaces, type Found, resolvePlaces, versionsOf } from './places.ts';
import type { Package } from './put.ts';

/** An editing program that Pickup can be put into as files. */
export type Program = {
	readonly name: string;
	readonly title: string;
	readonly find: (machine: Machine, scope: Scope) => Promise<Found>;
	readonly files: (machine: Machine) => Promise<Package>;
	/** What the person does in the program next. */
	readonly next: (files: Package) => string;
	/** Which of its versions take what is installed, where not all do. */
	readonly takes?: string;
	/** Whether there is a sign of it here, where its place alone is none. */
	readonly isSeen?: (machine: Machine) => Promise<boolean>;
	/** It loads what is signed, and the rest only where somebody has it told to. */
	readonly isToBeSigned?: true;
};

const EDITIONS =
	'The free Resolve lists it up to 21.0; from 21.1 on it takes Studio, or `pickup open` with a timeline exported as FCP 7 XML.';

export const PROGRAMS: readonly Program[] = [
	{
		name: 'blender',
		title: 'Blender',
		async find(machine, scope) {
			if (scope === 'user') return blenderPlaces(machine);
			throw new PickupError('usage', 'Blender takes add-ons for each person, got --system', {
				action: 'Leave --system out, or name the folder of its add-ons with --into.',
			});
		},
		async files() {
			// In an extension's folder and in that of add-ons alike its name is the module's.
			const zip = unzipSync(await built('pickup-blender.zip'));
			return new Map(
				Object.entries(zip).map(([name, bytes]) => [name.replace(/^pickup\//, ''), bytes]),
			);
		},
		next: () =>
			'In Blender: Edit › Preferences › Add-ons, tick Pickup. It is then in the sequencer’s sidebar (N).',
	},
	{
		name: 'resolve',
		title: 'DaVinci Resolve',
		find: resolvePlaces,
		files: async () => new Map([['Pickup.py', await built('Pickup.py')]]),
		next: () =>
			`In Resolve: Workspace › Scripts › Pickup (in some versions under Utility), in each project that Pickup is to work in. ${EDITIONS}`,
		takes: EDITIONS,
	},
	extension('after-effects', 'After Effects', 'AEFT'),
	extension('premiere-cep', 'Premiere', 'PPRO'),
];

/** The extension for Adobe's editors, in one of them. */
function extension(name: string, title: 'After Effects' | 'Premiere', host: CepHost): Program {
	return {
		name,
		title,
		find: async (machine, scope) => cepPlaces(machine, scope, name, `${title}, as an extension`),
		files: async (machine) => signed(machine, extensionFor(host, await built('cep.zip'))),
		next: (files) => `In ${title}: Window › Extensions › Pickup.${isSigned(files) ? '' : UNSIGNED}`,
		isSeen: async (machine) => {
			if (title !== 'Premiere') return (await versionsOf(machine, title)).length > 0;
			// From 25.6 on it has the plugin, and the folder of its settings says no more than 25.
			const versions = await versionsOf(machine, 'Premiere Pro');
			return versions.some((version) => Number.parseFloat(version) < 25);
		},
		isToBeSigned: true,
	};
}

/** Adobe’s own words for it: “Signature verification failed”, or no panel at all. */
const UNSIGNED =
	' It is not signed, since Adobe’s ZXPSignCmd was not found: it then shows only where you have switched on Adobe’s debug mode for extensions (PlayerDebugMode), and on Windows not in every version even so. docs/install.md says how to sign it here, and what debug mode is.';

/** Where the build leaves a file beside this program. */
export function builtPath(name: string): string {
	return join(dirname(fileURLToPath(import.meta.url)), name);
}

async function built(name: string): Promise<Uint8Array> {
	const path = builtPath(name);
	try {
		return await readFile(path);
	} catch (cause) {
		throw new PickupError('internal', `Expected Pickup’s own ${name} at ${path}`, {
			action: 'Install Pickup again, or run `npm run build`.',
			cause,
		});
	}
}

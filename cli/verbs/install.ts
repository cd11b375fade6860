import { Argument, type Command } from 'commander';
import { writeProgramFile } from '../../files/program-file.ts';
import { claimStateFolder } from '../../files/state-folder.ts';
import { PickupError } from '../../protocol/errors.ts';
import { daemonProgram } from '../daemon-link.ts';
import { EXIT } from '../exit-codes.ts';
import { installCcx, removeCcx } from '../install/adobe.ts';
import { type Machine, type Scope, thisMachine } from '../install/machine.ts';
import type { Place } from '../install/places.ts';
import { builtPath, PROGRAMS, type Program } from '../install/programs.ts';
import { namedPlace, putInto, takeOut } from '../install/put.ts';
import { readReceipt } from '../install/receipt.ts';
import { openTerminal } from '../terminal.ts';
import { VERSION } from '../version.ts';

/** Adobe's own installer puts it where it belongs. */
const PREMIERE = 'premiere';

const PREMIERE_SAYS = {
	installed: 'Pickup is in Premiere: Window › UXP Plugins › Pickup.',
	opened: 'Adobe’s installer was not at its place: what opens .ccx files was asked to install it.',
	removed: 'Pickup is no longer in Premiere.',
	notThere: 'Adobe’s installer lists no Pickup: take it out in Creative Cloud, if it is there.',
} as const;

async function openFile(path: string): Promise<void> {
	const { default: open } = await import('open');
	await open(path);
}

type InstallOptions = {
	readonly system?: boolean;
	readonly into?: string;
	readonly anyPort?: boolean;
	readonly json?: boolean;
};

export function addInstall(program: Command, exit: (code: number) => void): void {
	program
		.command('install')
		.description('put Pickup into an editing program')
		.addArgument(editor())
		.option('--system', 'for all who use this machine')
		.option('--into <folder>', 'where the program looks, if that is not found by itself')
		.option(
			'--any-port',
			'of Premiere: the plugin whose manifest lists no addresses, where Premiere refuses such a list',
		)
		.option('--json', 'print JSON')
		.addHelpText(
			'after',
			'\nExamples:\n  pickup install blender\n  pickup install premiere --any-port',
		)
		.action(async (name: string, options: InstallOptions) => {
			const terminal = openTerminal(options.json === true);
			const machine = thisMachine();
			if (name === PREMIERE) {
				// Both have one id: Premiere has the one that came last.
				const plugin = options.anyPort ? 'premiere-uxp-all.ccx' : 'premiere-uxp.ccx';
				const by = await installCcx(machine, builtPath(plugin), openFile);
				terminal.line(by === 'adobe' ? PREMIERE_SAYS.installed : PREMIERE_SAYS.opened);
				terminal.result({ program: name, version: VERSION, by });
				exit(EXIT.ok);
				return;
			}
			if (options.anyPort) {
				throw new PickupError('usage', `--any-port is of ${PREMIERE} alone, got ${name}`, {
					action: 'Leave it out.',
				});
			}
			const wanted = programNamed(name);
			const places = await placesFor(wanted, machine, options);
			const files = await wanted.files(machine);
			await claimStateFolder(machine.state);
			// Nobody has to run the daemon once before an editor can.
			const daemon = { node: process.execPath, daemon: daemonProgram() };
			await writeProgramFile(machine.state, daemon);
			for (const place of places) {
				await putInto(machine.state, { program: wanted.name, version: VERSION, place, files });
				terminal.line(`${place.of}: Pickup ${VERSION} is in ${place.folder}`);
			}
			const next = wanted.next(files);
			terminal.line(next);
			terminal.result({ program: wanted.name, version: VERSION, places, next });
			exit(EXIT.ok);
		});
}

export function addUninstall(program: Command, exit: (code: number) => void): void {
	program
		.command('uninstall')
		.description('take Pickup out of an editing program again')
		.addArgument(editor())
		.option('--json', 'print JSON')
		.addHelpText('after', '\nExample:\n  pickup uninstall blender')
		.action(async (name: string, options: { json?: boolean }) => {
			const terminal = openTerminal(options.json === true);
			const machine = thisMachine();
			const { state } = machine;
			if (name === PREMIERE) {
				const was = await removeCcx(machine);
				terminal.line(was ? PREMIERE_SAYS.removed : PREMIERE_SAYS.notThere);
				terminal.result({ program: name, removed: was });
				exit(EXIT.ok);
				return;
			}
			const { title } = programNamed(name);
			const puts = (await readReceipt(state)).filter((put) => put.program === name);
			if (puts.length === 0) terminal.line(`Pickup was not put into ${title} by this command.`);
			const places = [];
			for (const put of puts) {
				const { kept } = await takeOut(state, put);
				places.push({ of: put.of, folder: put.at, kept });
				terminal.line(`${put.of}: Pickup is no longer in ${put.at}`);
				for (const path of kept) {
					terminal.line(`Left since it was changed after it was installed: ${path}`);
				}
			}
			terminal.result({ program: name, places });
			exit(EXIT.ok);
		});
}

function editor(): Argument {
	const names = [PREMIERE, ...PROGRAMS.map(({ name }) => name)];
	return new Argument('<program>', 'which one').choices(names);
}

function programNamed(name: string): Program {
	return PROGRAMS.find((each) => each.name === name)!;
}

/** Throws `editor-not-found` where the program has left no trace. */
async function placesFor(
	program: Program,
	machine: Machine,
	{ system, into }: InstallOptions,
): Promise<readonly Place[]> {
	if (into !== undefined) return [namedPlace(program.title, into)];
	const scope: Scope = system ? 'system' : 'user';
	const { places, looked } = await program.find(machine, scope);
	if (places.length > 0) return places;
	if (looked.length === 0) {
		throw new PickupError(
			'editor-not-found',
			`Expected Windows or macOS, where ${program.title} runs, this is another system`,
			{ action: 'Name a folder with --into, or open an exported timeline: `pickup open cut.xml`.' },
		);
	}
	throw new PickupError(
		'editor-not-found',
		`Expected ${program.title}’s folder, there is none at ${looked.join(' or ')}`,
		{ field: 'program' },
	);
}

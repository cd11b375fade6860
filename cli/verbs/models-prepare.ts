import { resolve } from 'node:path';
import type { Command } from 'commander';
import { pathFrom } from '../../files/folders.ts';
import { checkRoom, gigabytes } from '../../files/room.ts';
import { claimStateFolder, statePaths } from '../../files/state-folder.ts';
import { transformerIn } from '../../inference-daemon/engines/ltx2/weights/model-files.ts';
import {
	bytesOf,
	prepare,
	type Survey,
	survey,
	whilePreparing,
} from '../../inference-daemon/engines/ltx2/weights/prepare.ts';
import {
	removePrepared,
	removeStale,
} from '../../inference-daemon/engines/ltx2/weights/prepared-source.ts';
import { PickupError } from '../../protocol/errors.ts';
import { ask, canAsk } from '../ask.ts';
import { ownStateFolder } from '../daemon-link.ts';
import { EXIT } from '../exit-codes.ts';
import { interruptible } from '../interruptible.ts';
import { openTerminal, type Terminal } from '../terminal.ts';

type Options = { readonly yes?: boolean; readonly remove?: boolean; readonly json?: boolean };

const HELP = `
This writes the large matrices of LTX-2's transformer once more, in 8 bits, into Pickup's own folder:
about 20 GB for LTX-2 19B. Graphics cards that compute in such weights then get them from there. What was
prepared before is checked, and made again where it is damaged.

Examples:
  pickup models prepare
  pickup models prepare /media/models/ltx2 --yes
  pickup models prepare /media/models/ltx2 --remove`;

export function addModelsPrepare(models: Command, exit: (code: number) => void): void {
	models
		.command('prepare')
		.description('write the weights of LTX-2 once in the form in which smaller cards compute')
		.argument('[folder]', 'with the model; default PICKUP_MODEL, else where the daemon looks')
		.option('--yes', 'do not ask before so much is written')
		.option('--remove', 'delete what was prepared of the model in that folder')
		.option('--json', 'print JSON')
		.addHelpText('after', HELP)
		.action(async (named: string | undefined, options: Options) => {
			const terminal = openTerminal(options.json === true);
			const state = ownStateFolder();
			const folder = named
				? resolve(named)
				: pathFrom(process.env.PICKUP_MODEL || statePaths(state).model);
			await claimStateFolder(state);
			const { cache } = statePaths(state);
			const outcome = await whilePreparing(cache, () =>
				options.remove
					? removed(terminal, folder, cache)
					: interruptible((signal) => prepared(terminal, folder, { cache, signal, ...options })),
			);
			terminal.result(outcome);
			exit(CODES[outcome.outcome]);
		});
}

/** How it may end where nothing fails. */
const CODES = {
	prepared: EXIT.ok,
	'was-there': EXIT.ok,
	removed: EXIT.ok,
	'nothing-to-remove': EXIT.ok,
	refused: EXIT.request,
	interrupted: EXIT.interrupted,
} as const;

type Outcome = {
	readonly outcome: keyof typeof CODES;
	/** Where the files are, of how many blocks, and what they take together; `made` now, `damaged` before. */
	readonly folder?: string;
	readonly blocks?: number;
	readonly bytes?: number;
	readonly made?: number;
	readonly damaged?: number;
};

type Surroundings = Options & { readonly cache: string; readonly signal: AbortSignal };

async function removed(terminal: Terminal, folder: string, cache: string): Promise<Outcome> {
	const count = await removePrepared(folder, cache);
	if (count === 0) terminal.line(`Nothing was prepared of a model in ${folder}.`);
	else terminal.line(`Deleted what was prepared of the model in ${folder}.`);
	return { outcome: count === 0 ? 'nothing-to-remove' : 'removed' };
}

async function prepared(
	terminal: Terminal,
	folder: string,
	{ cache, signal, yes = false }: Surroundings,
): Promise<Outcome> {
	try {
		const checkpoint = await transformerIn(folder);
		const found = await during(terminal, 'check', (report) =>
			survey(checkpoint, cache, report, signal),
		);
		if ((await removeStale(checkpoint, cache, found.layout)) > 0) {
			terminal.note('What was prepared of these files is deleted: they have changed since.');
		}
		for (const { path } of found.damaged) terminal.note(`Damaged, and made again: ${path}`);
		if (found.toMake.length === 0) {
			terminal.line(`Everything is there and whole: ${told(found)}`);
			return outcomeOf('was-there', found);
		}
		if (!(await isWanted(terminal, found, signal, yes))) return outcomeOf('refused', found);
		await during(terminal, 'prepare', (report) => prepare(checkpoint, found, report, signal));
		terminal.line(`Prepared: ${told(found)}`);
		return outcomeOf('prepared', found);
	} catch (error) {
		if (!signal.aborted) throw error;
		terminal.line('Interrupted. The next `pickup models prepare` goes on from here.');
		return { outcome: 'interrupted' };
	}
}

async function during<T>(
	terminal: Terminal,
	name: string,
	work: (report: (fraction: number, block: number) => void) => Promise<T>,
): Promise<T> {
	const progress = terminal.progress();
	try {
		return await work((fraction, block) => progress.update(name, fraction, `block ${block}`));
	} finally {
		progress.stop();
	}
}

/** Says what will be written. Throws `disk-full`, and `usage` where there is nobody to ask. */
async function isWanted(
	terminal: Terminal,
	{ layout, toMake, damaged }: Survey,
	signal: AbortSignal,
	isYes: boolean,
): Promise<boolean> {
	const bytes = bytesOf(toMake);
	const action = 'Free space there, or let PICKUP_STATE name a folder on another disk.';
	await checkRoom(layout.folder, bytes - bytesOf(damaged), action);
	const blocks = `${toMake.length} of ${layout.files.length} blocks`;
	terminal.note(`To write, once: ${blocks}, ${gigabytes(bytes)}, into ${layout.folder}`);
	if (isYes) return true;
	if (!canAsk()) {
		throw new PickupError(
			'usage',
			`Expected somebody at a terminal to agree to ${gigabytes(bytes)} in ${layout.folder}, found none`,
			{ action: 'Add --yes.' },
		);
	}
	if (/^y(es)?$/i.test(await ask(`Write ${gigabytes(bytes)}? (y/N) `, signal))) return true;
	terminal.line('Nothing was written.');
	return false;
}

function told({ layout: { files, bytes, folder } }: Survey): string {
	return `${files.length} blocks, ${gigabytes(bytes)}, in ${folder}`;
}

function outcomeOf(
	outcome: keyof typeof CODES,
	{ layout: { folder, files, bytes }, toMake, damaged }: Survey,
): Outcome {
	return {
		outcome,
		folder,
		blocks: files.length,
		bytes,
		made: outcome === 'prepared' ? toMake.length : 0,
		damaged: damaged.length,
	};
}

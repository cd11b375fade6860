import { resolve } from 'node:path';
import type { Command } from 'commander';
import { gigabytes } from '../../files/room.ts';
import { claimStateFolder } from '../../files/state-folder.ts';
import type { Card } from '../../gpu/card.ts';
import { nvidiaCards } from '../../gpu/cards.ts';
import { fetchLibraries, packagesToFetch, roomFor, type Source } from '../../gpu/fetch.ts';
import { gpuFolder, libraryFolder } from '../../gpu/folder.ts';
import { graphicsDevices } from '../../gpu/graphics.ts';
import { acceptLicences, type Licence, licencesToAccept } from '../../gpu/licences.ts';
import { type GpuList, type GpuPackage, gpuList } from '../../gpu/list.ts';
import { indexAddress } from '../../gpu/package-index.ts';
import { unfit } from '../../gpu/unfit.ts';
import type { VulkanDevice } from '../../gpu/vulkan.ts';
import { PickupError } from '../../protocol/errors.ts';
import { ask, canAsk } from '../ask.ts';
import { ownStateFolder } from '../daemon-link.ts';
import { EXIT } from '../exit-codes.ts';
import { interruptible } from '../interruptible.ts';
import { openTerminal, type Terminal } from '../terminal.ts';

type Options = {
	readonly yes?: boolean;
	readonly from?: string;
	readonly index: string;
	readonly json?: boolean;
};

const HELP = `
On Windows and Linux this fetches ONNX Runtime for CUDA and NVIDIA's libraries, about 1.3 GB, into
Pickup's own folder. Elsewhere, and for other makers' cards, nothing is needed: WebGPU uses them.

Examples:
  pickup setup gpu
  pickup setup gpu --yes
  pickup setup gpu --from /media/stick/wheels`;

export function addSetupGpu(setup: Command, exit: (code: number) => void): void {
	setup
		.command('gpu')
		.description('fetch what ONNX Runtime needs to compute on an NVIDIA card')
		.option('--yes', 'accept NVIDIA’s licences, which are kept beside the libraries')
		.option('--from <folder>', 'take wheels from this folder where they are there')
		.option('--index <address>', 'where packages are found', indexAddress())
		.option('--json', 'print JSON')
		.addHelpText('after', HELP)
		.action(async (_: unknown, command: Command) => {
			const options: Options = command.optsWithGlobals();
			const terminal = openTerminal(options.json === true);
			const outcome = await interruptible((signal) => setupGpu(terminal, options, signal));
			terminal.result(outcome);
			exit(CODES[outcome.outcome]);
		});
}

/** How it may end where nothing fails. */
const CODES = {
	fetched: EXIT.ok,
	'was-there': EXIT.ok,
	'nothing-to-fetch': EXIT.ok,
	refused: EXIT.request,
	interrupted: EXIT.interrupted,
} as const;

type Outcome = {
	readonly outcome: keyof typeof CODES;
	/** NVIDIA's. */
	readonly cards: readonly Card[];
	/** Of other makers, where NVIDIA has none here. */
	readonly others?: readonly VulkanDevice[];
	/** Where the libraries are; null where none are. */
	readonly folder: string | null;
};

async function setupGpu(
	terminal: Terminal,
	options: Options,
	signal: AbortSignal,
): Promise<Outcome> {
	const cards = await nvidiaCards();
	for (const card of cards) terminal.line(described(card));
	const list = gpuList();
	const nothing = (outcome: Outcome['outcome']) => ({ outcome, cards, folder: null });
	if (list === null) {
		terminal.line(
			'Nothing to fetch: on this system WebGPU computes on the graphics card as it is.',
		);
		return nothing('nothing-to-fetch');
	}
	if (cards.length === 0) {
		const others = (await graphicsDevices()).filter(({ kind }) => kind !== 'processor');
		for (const { name, memory, free, driver } of others) {
			terminal.line(described({ name, memory, free, driver, compute: null }));
		}
		terminal.line('No NVIDIA card, or no driver for it: WebGPU uses other cards as they are.');
		terminal.line(
			'Where there is one, install NVIDIA’s driver, then run `pickup setup gpu` again.',
		);
		return { ...nothing('nothing-to-fetch'), others };
	}
	const problem = unfit(cards[0]!, list);
	if (problem !== null) throw problem;
	const folder = libraryFolder(list);
	const packages = await packagesToFetch(list);
	if (packages.length === 0) {
		terminal.line(`Everything is there: ${folder}`);
		return { outcome: 'was-there', cards, folder };
	}
	const from = options.from === undefined ? null : resolve(options.from);
	const source: Source = { index: options.index, from, signal };
	try {
		return (await accepted(terminal, packages, source, options.yes === true))
			? await fetched(terminal, list, source, cards)
			: nothing('refused');
	} catch (error) {
		if (!signal.aborted) throw error;
		terminal.line('Interrupted. The next `pickup setup gpu` goes on from here.');
		return nothing('interrupted');
	}
}

async function fetched(
	terminal: Terminal,
	list: GpuList,
	source: Source,
	cards: readonly Card[],
): Promise<Outcome> {
	const progress = terminal.progress();
	try {
		await fetchLibraries(list, source, progress.update);
	} finally {
		progress.stop();
	}
	const folder = libraryFolder(list);
	terminal.line(`Fetched into ${folder}`);
	terminal.line('`pickup doctor` says whether CUDA works with it.');
	return { outcome: 'fetched', cards, folder };
}

function described({ name, memory, free, driver, compute }: Card): string {
	const told = [
		memory === null ? null : `${asSold(memory)} GB of memory`,
		free === null ? null : `${asSold(free)} GB free`,
		driver === null ? null : `driver ${driver}`,
		compute === null ? null : `compute capability ${compute.toFixed(1)}`,
	].filter((each) => each !== null);
	return [name, ...told].join(', ');
}

/** Says what will be fetched, and asks about the licences that were not accepted before. */
async function accepted(
	terminal: Terminal,
	packages: readonly GpuPackage[],
	source: Source,
	isYes: boolean,
): Promise<boolean> {
	const whole = packages.reduce((sum, { bytes }) => sum + bytes, 0);
	terminal.line(
		`To fetch from ${source.index}: ${gigabytes(whole)}; free space needed: ${gigabytes(roomFor(packages))}, in ${gpuFolder()}`,
	);
	terminal.table(
		['Package', 'Version', 'Size'],
		packages.map(({ name, version, bytes }) => [name, version, gigabytes(bytes)]),
	);
	const licences = await licencesToAccept(packages, source);
	if (!isYes && licences.length > 0 && !(await isAgreed(licences, source.signal!))) {
		terminal.line('Nothing was fetched: without its licences accepted, NVIDIA lets nobody use it.');
		return false;
	}
	await claimStateFolder(ownStateFolder());
	await acceptLicences(licences);
	for (const { packages: under, path } of licences) {
		terminal.line(`The licence of ${under.join(', ')}: ${path}`);
	}
	return true;
}

/** Shows the texts where that is asked for. Throws `usage` where there is nobody to ask. */
async function isAgreed(licences: readonly Licence[], signal: AbortSignal): Promise<boolean> {
	if (!canAsk()) {
		throw new PickupError(
			'usage',
			'Expected somebody at a terminal to accept NVIDIA’s licences, found none',
			{ action: 'Add --yes to accept them; --yes keeps their texts beside the libraries.' },
		);
	}
	for (const { packages, text } of licences) {
		const lines = text.toString().split('\n').length;
		process.stderr.write(`\nNVIDIA’s licence for ${packages.join(', ')} (${lines} lines):\n\n`);
		process.stderr.write(`${text}\n`);
	}
	for (;;) {
		const answer = await ask('Do you accept these licences of NVIDIA’s? (yes or no) ', signal);
		if (/^y(es)?$/i.test(answer)) return true;
		if (/^(n(o)?)?$/i.test(answer)) return false;
	}
}

/** Memory as makers of cards count it: in 2^30 bytes. */
function asSold(bytes: number): string {
	return (bytes / 2 ** 30).toFixed(1);
}

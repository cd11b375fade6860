import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { PickupError } from '../../../../protocol/errors.ts';
import type { Precision } from '../graph/graph.ts';
import { cudaRemedy } from './cuda-remedy.ts';
import { deviceKey, recallReport, rememberReport } from './device-cache.ts';
import { precisionFor } from './precision.ts';
import type { Provider } from './provider.ts';
import {
	graphicsMemory,
	nvidiaCard,
	type ProviderReport,
	providersOf,
	tryProvider,
} from './providers.ts';

/** Where networks run, and how. */
export type Device = {
	readonly provider: Provider;
	/** In which matrices multiply there. */
	readonly precision: Precision;
	/** As its driver calls it; null where nothing tells. */
	readonly name: string | null;
	/** Bytes that it has for all programs together; null where nothing tells. */
	readonly memory: number | null;
	/** Bytes of it that no program used when it was chosen; null where nothing tells. */
	readonly free: number | null;
	/** Why it is not the NVIDIA card that this machine has, by CUDA; null where nothing is lost. */
	readonly note: string | null;
};

export type DeviceOptions = {
	/** `auto`: the best that works; else that one or none. */
	readonly wanted: 'auto' | Provider;
	/** Tries one provider in a process of its own; see `probeProgram`. */
	readonly program: string;
	/** What was found out is kept here, so that a driver is tried once a day and not for each job. */
	readonly folder: string;
	readonly signal?: AbortSignal | undefined;
};

/** The fastest first, where there is more than one. */
const BEST_FIRST = ['cuda', 'webgpu'] as const satisfies readonly Provider[];

/** What draws with the processor and is slower than ONNX Runtime on it. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic|\bwarp\b/i;

/**
 * Finds the device by trying: a driver that is there may still crash, hang or give wrong numbers.
 * `auto` takes no graphics device that only a processor stands for, and the CPU where nothing else
 * works. Throws PickupError `engine-unavailable` with the reason why the named provider does not
 * work, `bad-request` for a name that is none, or the signal's reason.
 */
export async function chooseDevice(options: DeviceOptions): Promise<Device> {
	const { wanted, signal } = options;
	signal?.throwIfAborted();
	if (wanted === 'cpu') return processor();
	if (wanted !== 'auto') return named(wanted, providersOf(process.platform), options);
	const card = await nvidiaCard();
	// Where there is a card it may have been mended since; elsewhere nothing is expected of CUDA.
	const isGood = ({ provider, reason }: ProviderReport) =>
		reason === null || card === null || provider !== 'cuda';
	return bestDevice(card, (provider) => reportOn(provider, options, isGood));
}

/** What `auto` takes. `card` is the NVIDIA card here, if any; `reportOn` is asked until one works. */
export async function bestDevice(
	card: string | null,
	reportOn: (provider: Provider) => Promise<ProviderReport>,
): Promise<Device> {
	const here = providersOf(process.platform);
	let cuda = `ONNX Runtime has no CUDA for ${process.platform}`;
	for (const provider of BEST_FIRST) {
		if (!here.includes(provider)) continue;
		const report = await reportOn(provider);
		if (report.reason === null && (await isHardware(report))) {
			const device = await deviceOf(report);
			return provider === 'cuda' ? device : { ...device, note: noteOn(card, cuda, device) };
		}
		if (provider === 'cuda') cuda = report.reason ?? 'no card is behind it';
	}
	const device = processor();
	return { ...device, note: noteOn(card, cuda, device) };
}

function noteOn(found: string | null, cuda: string, { provider, name }: Device): string | null {
	const card = found ?? (name !== null && /nvidia/i.test(name) ? name : null);
	if (card === null) return null;
	const instead =
		provider === 'cpu' ? 'the CPU' : `${provider}${name === null ? '' : ` on ${name}`}`;
	const said = `This machine has ${card}, but CUDA does not work (${cuda}): ${instead} computes instead.`;
	return `${said} ${cudaRemedy(cuda)}`;
}

/**
 * The device that a job would get, for what a plan says of it. Null where one would have to be tried
 * for that, which is done for a job: takes no time where there is no NVIDIA card.
 */
export async function deviceOfPlan(
	wanted: DeviceOptions['wanted'],
	folder: string,
): Promise<Device | null> {
	if (wanted !== 'cpu' && (wanted !== 'auto' || (await nvidiaCard()) === null)) return null;
	return chooseDevice({ wanted, program: probeProgram(), folder });
}

/**
 * The program that tries a provider: beside this one where it is bundled, in `dist` of the project
 * where it is not.
 */
export function probeProgram(): string {
	const beside = fileURLToPath(new URL('./provider-probe.mjs', import.meta.url));
	if (existsSync(beside)) return beside;
	return fileURLToPath(new URL('../../../../dist/provider-probe.mjs', import.meta.url));
}

/** Bytes of memory that this process may count on, in a container too. */
export function machineMemory(): number {
	return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}

function processor(): Device {
	const name = cpus()[0]?.model.trim() || null;
	const memory = machineMemory();
	return { provider: 'cpu', precision: 'float32', name, memory, free: null, note: null };
}

async function named(
	wanted: Provider,
	here: readonly Provider[],
	options: DeviceOptions,
): Promise<Device> {
	if (!BEST_FIRST.some((provider) => provider === wanted)) {
		throw new PickupError(
			'bad-request',
			`Expected the provider auto or one of ${here.join(', ')}, got ${wanted}`,
			{ field: 'settings.provider' },
		);
	}
	if (!here.includes(wanted)) {
		throw refused(wanted, `this system has ${here.join(', ')}`);
	}
	// What did not work may have been mended since.
	const report = await reportOn(wanted, options, ({ reason }) => reason === null);
	if (report.reason !== null) throw refused(wanted, report.reason);
	return deviceOf(report);
}

function refused(wanted: Provider, reason: string): PickupError {
	return new PickupError(
		'engine-unavailable',
		`Expected ${wanted} to work here, but it does not: ${reason}`,
		{
			field: 'settings.provider',
			action: 'Run `pickup doctor` to see which providers work, and name one of them or auto.',
		},
	);
}

async function reportOn(
	provider: Provider,
	{ program, folder, signal }: DeviceOptions,
	isGood: (known: ProviderReport) => boolean,
): Promise<ProviderReport> {
	const key = await deviceKey(program);
	const known = await recallReport(folder, key, provider);
	if (known !== null && isGood(known)) return known;
	const report = await tryProvider(program, provider, { signal });
	await rememberReport(folder, key, report);
	return report;
}

async function deviceOf({ provider, adapter }: ProviderReport): Promise<Device> {
	const { name } = adapter;
	const { memory, free } = await graphicsMemory(name);
	const precision = precisionFor(provider, adapter);
	return { provider, precision, name, memory, free, note: null };
}

async function isHardware({ adapter: { name } }: ProviderReport): Promise<boolean> {
	if (name !== null) return !SOFTWARE.test(name);
	if (process.platform !== 'linux') return true;
	const drawing = await readdir('/dev/dri').catch(() => []);
	const others = ['/dev/nvidiactl', '/dev/dxg'];
	return drawing.some((device) => device.startsWith('renderD')) || others.some(existsSync);
}

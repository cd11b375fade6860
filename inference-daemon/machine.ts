import { statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, cpus, platform, totalmem } from 'node:os';
import type { EngineDescription } from '../protocol/engines.ts';
import { problemOf } from '../protocol/errors.ts';
import type { Check } from '../protocol/rpc.ts';
import { precisionFor } from './engines/ltx2/runtime/precision.ts';
import { type ProviderReport, providersOf, tryProvider } from './engines/ltx2/runtime/providers.ts';
import type { Provider } from './engines/ltx2/runtime/session.ts';
import type { EngineRegistry } from './engines/registry.ts';
import type { Ffmpeg } from './media/types.ts';

export type MachineOptions = {
	readonly state: string;
	/** Throws `ffmpeg-missing`. */
	readonly ffmpeg: () => Promise<Ffmpeg>;
	readonly engines: EngineRegistry;
	/** What tries one provider of ONNX Runtime. */
	readonly probeProgram: string;
};

/** What works here, what does not and what to do about it. Takes some seconds; never throws. */
export async function checkMachine(options: MachineOptions): Promise<readonly Check[]> {
	const checks = await Promise.all([
		[computer()],
		ffmpegCheck(options),
		diskCheck(options.state),
		engineChecks(options),
		providerChecks(options),
	]);
	return checks.flat();
}

/** Below this an encode may well run out of space. Bytes. */
const LITTLE_SPACE = 5e9;

function computer(): Check {
	const memory = `${gigabytes(totalmem())} memory`;
	const found = `Node ${process.versions.node}, ${platform()} ${arch()}, ${cpus().length} cores, ${memory}`;
	return { name: 'computer', status: 'ok', found, action: null };
}

async function ffmpegCheck({ ffmpeg }: MachineOptions): Promise<Check[]> {
	try {
		const { version, path, origin } = await ffmpeg();
		const found = `${version} at ${path} (${origin})`;
		return [{ name: 'ffmpeg', status: 'ok', found, action: null }];
	} catch (error) {
		const { message, action } = problemOf(error);
		return [{ name: 'ffmpeg', status: 'missing', found: message, action }];
	}
}

async function diskCheck(state: string): Promise<Check[]> {
	const { bavail, bsize } = await statfs(state);
	const free = bavail * bsize;
	const enough = free >= LITTLE_SPACE;
	return [
		{
			name: 'disk',
			status: enough ? 'ok' : 'warning',
			found: `${gigabytes(free)} free at ${state}`,
			action: enough ? null : 'Free some space: a minute of ProRes 422 HQ takes about 1.6 GB.',
		},
	];
}

async function engineChecks({ engines, ffmpeg }: MachineOptions): Promise<Check[]> {
	const descriptions = await engines.describe(await ffmpeg().catch(() => null));
	return [...descriptions.map(engineCheck), modelCheck(descriptions)];
}

function engineCheck({ name, ready, title, needs, kinds }: EngineDescription): Check {
	const missing = needs.filter(({ present }) => !present);
	return {
		name: `engine ${name}`,
		status: ready ? 'ok' : 'missing',
		found: ready
			? `${title}: ${kinds.join(', ')}`
			: `${title} needs ${missing.map(({ what }) => what).join(', ')}`,
		action: ready ? null : missing.map(({ action }) => action).join(' ') || null,
	};
}

function modelCheck(engines: readonly EngineDescription[]): Check {
	const models = engines.flatMap(({ model }) =>
		model ? [`${model.title} in ${model.folder}`] : [],
	);
	if (models.length > 0) {
		return { name: 'models', status: 'ok', found: models.join(', '), action: null };
	}
	const action = 'Drafts need none; what finished shots need is told with their engine.';
	return { name: 'models', status: 'missing', found: 'none', action };
}

/** Each in a process of its own: ONNX Runtime is large, and a driver may bring it down. */
async function providerChecks({ probeProgram }: MachineOptions): Promise<Check[]> {
	const name = 'ONNX Runtime';
	try {
		createRequire(import.meta.url).resolve('onnxruntime-node');
	} catch {
		const action = 'Run `npm ci` again; without it only drafts can be made.';
		return [{ name, status: 'missing', found: 'onnxruntime-node is not installed', action }];
	}
	const providers = providersOf(process.platform);
	const reports = providers.map((provider) => tryProvider(probeProgram, provider));
	return (await Promise.all(reports)).map(providerCheck);
}

function providerCheck({ provider, adapter, reason }: ProviderReport): Check {
	const name = `provider ${provider}`;
	if (reason !== null) {
		return { name, status: 'warning', found: reason, action: PROVIDER_ACTIONS[provider] };
	}
	const type = precisionFor(provider, adapter);
	const where = adapter.name === null ? '' : ` on ${adapter.name}`;
	return { name, status: 'ok', found: `works${where}, matrices in ${type}`, action: null };
}

const PROVIDER_ACTIONS: Readonly<Record<Provider, string>> = {
	cpu: 'Run `npm ci` again.',
	webgpu: 'Install a graphics driver (Linux: Vulkan); without a GPU drafts still work.',
	cuda: 'For an NVIDIA GPU run `pickup setup`, which fetches the CUDA libraries.',
	dml: 'Nothing to do where WebGPU works; otherwise update the graphics driver.',
	coreml: 'Nothing to do where WebGPU works; otherwise update macOS.',
};

function gigabytes(bytes: number): string {
	return `${(bytes / 1e9).toFixed(1)} GB`;
}

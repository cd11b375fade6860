import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, cpus, platform, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { EngineDescription } from '../protocol/engines.ts';
import { problemOf } from '../protocol/errors.ts';
import type { Check } from '../protocol/rpc.ts';
import type { EngineRegistry } from './engines/registry.ts';
import { NO_TELEMETRY } from './jobs/engine-child.ts';
import type { Ffmpeg } from './media/types.ts';

export type MachineOptions = {
	readonly state: string;
	/** Throws `ffmpeg-missing`. */
	readonly ffmpeg: () => Promise<Ffmpeg>;
	readonly engines: EngineRegistry;
};

/** What works here, what does not and what to do about it. Takes a second or two; never throws. */
export async function checkMachine(options: MachineOptions): Promise<readonly Check[]> {
	const checks = await Promise.all([
		[computer()],
		ffmpegCheck(options),
		diskCheck(options.state),
		engineChecks(options),
		providerChecks(),
		[modelCheck()],
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
	return descriptions.map((description) => engineCheck(description));
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

/** No model can be downloaded yet. */
function modelCheck(): Check {
	return {
		name: 'models',
		status: 'missing',
		found: 'none; drafts need none',
		action: 'Nothing to do yet: this version makes drafts only.',
	};
}

/** Each provider adds two one-element tensors; this says why where it cannot. */
const TRY_PROVIDERS = `
	const ort = require(process.argv[1]);
	const model = Buffer.from(
		'CAg6NQoOCgF4CgF4EgF5IgNBZGQSAWdaDwoBeBIKCggIARIECgIIAWIPCgF5EgoKCAgBEgQKAggBQgIQDQ==', 'base64');
	(async () => {
		const results = [];
		for (const { name } of ort.listSupportedBackends()) {
			try {
				const options = { executionProviders: [name], logSeverityLevel: 4 };
				const session = await ort.InferenceSession.create(model, options);
				await session.run({ x: new ort.Tensor('float32', [2], [1]) });
				results.push({ name, reason: null });
			} catch (error) {
				results.push({ name, reason: error.message });
			}
		}
		console.log('\\n' + JSON.stringify(results));
		process.exit(0);
	})();`;

/** ONNX Runtime is tried in a process of its own: it is large, and a driver may bring it down. */
async function providerChecks(): Promise<Check[]> {
	const name = 'ONNX Runtime';
	let runtime: string;
	try {
		runtime = createRequire(import.meta.url).resolve('onnxruntime-node');
	} catch {
		const action = 'Run `npm ci` again; without it only drafts can be made.';
		return [{ name, status: 'missing', found: 'onnxruntime-node is not installed', action }];
	}
	try {
		const { stdout } = await run(process.execPath, ['-e', TRY_PROVIDERS, runtime], {
			env: { ...process.env, ...NO_TELEMETRY },
			timeout: 30_000,
			killSignal: 'SIGKILL',
		});
		const results = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as ProviderResult[];
		return results.map(providerCheck);
	} catch (error) {
		const { message } = problemOf(error);
		const action = 'Run `npm ci` again; if that does not help, look at the graphics driver.';
		return [{ name, status: 'warning', found: firstLine(message), action }];
	}
}

type ProviderResult = { readonly name: string; readonly reason: string | null };

function providerCheck({ name, reason }: ProviderResult): Check {
	return {
		name: `provider ${name}`,
		status: reason === null ? 'ok' : 'warning',
		found: reason === null ? 'works' : withoutPlace(firstLine(reason)),
		action: reason === null ? null : (PROVIDER_ACTIONS[name] ?? null),
	};
}

const PROVIDER_ACTIONS: Readonly<Record<string, string>> = {
	webgpu: 'Install a graphics driver (Linux: Vulkan); without a GPU drafts still work.',
	cuda: 'For an NVIDIA GPU run `pickup setup`, which fetches the CUDA libraries.',
	tensorrt: 'Nothing to do: CUDA is enough.',
};

/** Where in ONNX Runtime's source it went wrong is of no use here. */
function withoutPlace(reason: string): string {
	return reason.replace(/^\/\S+ .* was false\. /, '');
}

function firstLine(text: string): string {
	return (text.split('\n').find((line) => line.trim() !== '') ?? '').slice(0, 600);
}

function gigabytes(bytes: number): string {
	return `${(bytes / 1e9).toFixed(1)} GB`;
}

const run = promisify(execFile);

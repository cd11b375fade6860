import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nvidiaCards } from '../../../../gpu/cards.ts';
import { graphicsDevices } from '../../../../gpu/graphics.ts';
import { gpuList } from '../../../../gpu/list.ts';
import { unfit } from '../../../../gpu/unfit.ts';
import { missingLibrary } from './onnxruntime.ts';
import type { Adapter } from './precision.ts';
import type { Finding } from './probe.ts';
import type { Provider } from './provider.ts';

/** What was found out about a provider by running it. */
export type ProviderReport = {
	readonly provider: Provider;
	readonly adapter: Adapter;
	/** Why it does not work here; null where it does. */
	readonly reason: string | null;
};

/** A compiler of shaders may take long the first time; a driver that hangs takes for ever. In ms. */
const LONGEST = 60_000;

/**
 * What is offered on an operating system, the CPU first. DirectML and Core ML are in ONNX Runtime's
 * package too, but lack what LTX-2 is made of: DirectML wants attention's bias for each head and would
 * fail in Gemma, Core ML has no MultiHeadAttention and no convolution in three dimensions. WebGPU
 * reaches the same cards.
 */
export function providersOf(platform: NodeJS.Platform): readonly Provider[] {
	return platform === 'darwin' ? ['cpu', 'webgpu'] : ['cpu', 'webgpu', 'cuda'];
}

export type TryOptions = {
	/** Milliseconds after which a driver counts as hanging. */
	readonly longest?: number;
	readonly signal?: AbortSignal | undefined;
};

/**
 * Tries one provider in a process of its own, `program`, which is what probe-process.ts is bundled
 * into. A driver that crashes or hangs is a reason too; throws the signal's reason only.
 */
export async function tryProvider(
	program: string,
	provider: Provider,
	{ longest = LONGEST, signal }: TryOptions = {},
): Promise<ProviderReport> {
	try {
		// Vulkan's loader then says on stderr which device it was asked to use.
		const env = { ...process.env, VK_LOADER_DEBUG: 'driver' };
		const limits = { timeout: longest, killSignal: 'SIGKILL', maxBuffer: 1 << 26 } as const;
		const options = { env, ...limits, ...(signal && { signal }) };
		// It may crash as it ends, over what libraries do then: what it has found out counts.
		const ended = await run(process.execPath, [program, provider], options).catch(withFinding);
		const { stderr } = ended;
		const finding = findingIn(ended.stdout);
		if (finding === null) throw new Error(`it said ${ended.stdout.slice(0, 200)}`);
		const { precisions, reason } = finding;
		if (reason === null) {
			const name = await adapterName(provider, stderr);
			return { provider, adapter: { name, precisions }, reason };
		}
		const adapter = { name: null, precisions };
		const unfitting = provider === 'cuda' ? await unfitCard() : null;
		return { provider, adapter, reason: unfitting ?? missingLibrary(stderr) ?? reason };
	} catch (error) {
		signal?.throwIfAborted();
		return { provider, adapter: { name: null, precisions: [] }, reason: ending(error, longest) };
	}
}

/** Bytes; null where nothing tells. */
export type GraphicsMemory = {
	/** For all programs together. */
	readonly memory: number | null;
	/** What no program uses now. */
	readonly free: number | null;
};

/** Of the device of that name. */
export async function graphicsMemory(name: string | null): Promise<GraphicsMemory> {
	// Apple's processors share theirs; Metal gives out three quarters of it.
	if (process.platform === 'darwin') return { memory: 0.75 * totalmem(), free: null };
	const isIt = (one: { readonly name: string }) => name?.includes(one.name) === true;
	const card = (await nvidiaCards()).find(isIt);
	if (card) return card;
	// What a device has that the processor stands for is the processor's.
	const device = (await graphicsDevices()).find((one) => one.kind !== 'processor' && isIt(one));
	return { memory: device?.memory ?? null, free: device?.free ?? null };
}

async function adapterName(provider: Provider, stderr: string): Promise<string | null> {
	if (provider === 'cpu' || process.platform === 'darwin') return cpus()[0]?.model ?? null;
	if (provider === 'cuda') return (await nvidiaCards())[0]?.name ?? null;
	if (process.platform === 'win32') return windowsAdapter();
	return /Using "(.+)" with driver/.exec(stderr)?.[1] ?? null;
}

/** Why no library could make CUDA work on the first card; null where nothing speaks against it. */
async function unfitCard(): Promise<string | null> {
	const [[card], list] = [await nvidiaCards(), gpuList()];
	return (card && list && unfit(card, list)?.message) ?? null;
}

/** The name of an NVIDIA card that this machine has, whatever can use it; null where there is none. */
export async function nvidiaCard(): Promise<string | null> {
	const [first] = await nvidiaCards();
	if (first) return first.name;
	return DRIVER_FILES.some((path) => existsSync(path)) ? 'an NVIDIA card' : null;
}

/** Of NVIDIA's driver, for where its program is not on the path. */
const DRIVER_FILES: readonly string[] =
	process.platform === 'win32'
		? [join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'nvcuda.dll')]
		: ['/proc/driver/nvidia/version', '/dev/nvidiactl', '/dev/nvidia0'];

/** Direct3D takes what is not drawn by the processor where there is any. */
async function windowsAdapter(): Promise<string | null> {
	const ask = '(Get-CimInstance Win32_VideoController).Name';
	const command = ['-NoProfile', '-NonInteractive', '-Command', ask];
	const answer = await run('powershell.exe', command, { timeout: LONGEST }).catch(() => null);
	const names = (answer?.stdout.split('\n') ?? []).map((line) => line.trim()).filter(Boolean);
	return names.find((name) => !name.startsWith('Microsoft ')) ?? names[0] ?? null;
}

type Said = { readonly stdout: string; readonly stderr: string };

/** What a process said that ended otherwise than it should. Throws what it ended with where that is nothing. */
function withFinding(error: Said): Said {
	if (findingIn(error.stdout ?? '') === null) throw error;
	return error;
}

/** The last line; null where it is something else. */
function findingIn(stdout: string): Finding | null {
	try {
		const found = JSON.parse(stdout.trim().split('\n').at(-1)!) as Finding;
		return Array.isArray(found.precisions) ? found : null;
	} catch {
		return null;
	}
}

function ending(error: unknown, longest: number): string {
	const { killed, signal, code, stderr } = error as {
		killed?: boolean;
		signal?: string | null;
		code?: number | string;
		stderr?: string;
	};
	if (killed) return `its driver did not answer within ${longest / 1000} s`;
	const library = missingLibrary(stderr ?? '');
	if (signal) return `its driver ended the process by ${signal}${library ? ` (${library})` : ''}`;
	const thrown = /^\w*Error: .*/m.exec(stderr ?? '')?.[0];
	return `it could not be tried (${thrown ?? code ?? error})`;
}

const run = promisify(execFile);

import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { promisify } from 'node:util';
import type { Adapter } from './precision.ts';
import type { Finding } from './probe.ts';
import type { Provider } from './session.ts';

/** What was found out about a provider by running it. */
export type ProviderReport = {
	readonly provider: Provider;
	readonly adapter: Adapter;
	/** Why it does not work here; null where it does. */
	readonly reason: string | null;
};

/** A compiler of shaders may take long the first time; a driver that hangs takes for ever. In ms. */
const LONGEST = 60_000;

/** What ONNX Runtime's package has for an operating system, the CPU first. */
export function providersOf(platform: NodeJS.Platform): readonly Provider[] {
	if (platform === 'win32') return ['cpu', 'webgpu', 'dml'];
	if (platform === 'darwin') return ['cpu', 'webgpu', 'coreml'];
	return ['cpu', 'webgpu', 'cuda'];
}

/**
 * Tries one provider in a process of its own, `program`, which is what probe-process.ts is bundled
 * into. A driver that crashes or hangs is a reason too; never throws.
 */
export async function tryProvider(
	program: string,
	provider: Provider,
	longest = LONGEST,
): Promise<ProviderReport> {
	try {
		// Vulkan's loader then says on stderr which device it was asked to use.
		const env = { ...process.env, VK_LOADER_DEBUG: 'driver' };
		const options = { env, timeout: longest, killSignal: 'SIGKILL', maxBuffer: 1 << 26 } as const;
		const { stdout, stderr } = await run(process.execPath, [program, provider], options);
		const { precisions, reason } = JSON.parse(stdout.trim().split('\n').at(-1)!) as Finding;
		const name = reason === null ? await adapterName(provider, stderr) : null;
		return { provider, adapter: { name, precisions }, reason };
	} catch (error) {
		return { provider, adapter: { name: null, precisions: [] }, reason: ending(error, longest) };
	}
}

async function adapterName(provider: Provider, stderr: string): Promise<string | null> {
	if (provider === 'cpu' || process.platform === 'darwin') return cpus()[0]?.model ?? null;
	if (provider !== 'cuda') return /Using "(.+)" with driver/.exec(stderr)?.[1] ?? null;
	const query = ['--query-gpu=name', '--format=csv,noheader'];
	const answer = await run('nvidia-smi', query).catch(() => null);
	return answer?.stdout.split('\n')[0]?.trim() || null;
}

function ending(error: unknown, longest: number): string {
	const { killed, signal, code, stderr } = error as {
		killed?: boolean;
		signal?: string | null;
		code?: number | string;
		stderr?: string;
	};
	if (killed) return `its driver did not answer within ${longest / 1000} s`;
	if (signal) return `its driver ended the process by ${signal}`;
	const thrown = /^\w*Error: .*/m.exec(stderr ?? '')?.[0];
	return `it could not be tried (${thrown ?? code ?? error})`;
}

const run = promisify(execFile);

import { createRequire } from 'node:module';
import type { Check } from '../../../../protocol/rpc.ts';
import { bestDevice, probeProgram } from './device.ts';
import { precisionFor } from './precision.ts';
import { nvidiaCard, type ProviderReport, providersOf, tryProvider } from './providers.ts';
import type { Provider } from './session.ts';

/** Each in a process of its own: ONNX Runtime is large, and a driver may bring it down. */
export async function checkProviders(): Promise<readonly Check[]> {
	const name = 'ONNX Runtime';
	try {
		createRequire(import.meta.url).resolve('onnxruntime-node');
	} catch {
		const action = 'Run `npm ci` again; without it only drafts can be made.';
		return [{ name, status: 'missing', found: 'onnxruntime-node is not installed', action }];
	}
	const program = probeProgram();
	const providers = providersOf(process.platform);
	const reports = await Promise.all(providers.map((provider) => tryProvider(program, provider)));
	const card = await nvidiaCard();
	return [
		...reports.map(providerCheck),
		...(card === null ? [] : [await cardCheck(card, reports)]),
	];
}

async function cardCheck(card: string, reports: readonly ProviderReport[]): Promise<Check> {
	const name = 'NVIDIA card';
	const of = (wanted: Provider) => reports.find(({ provider }) => provider === wanted);
	const { note } = await bestDevice(card, async (provider) => of(provider)!);
	if (note === null) return { name, status: 'ok', found: `${card}, by CUDA`, action: null };
	return { name, status: 'warning', found: note, action: cudaAction(of('cuda')?.reason ?? null) };
}

/**
 * `pickup setup` fetches ONNX Runtime's own libraries; CUDA's and cuDNN's come from NVIDIA, and so
 * does the driver, which brings libcuda: without it, or where it is older than CUDA, CUDA fails.
 */
export function cudaAction(reason: string | null): string {
	if (reason === null) return PROVIDER_ACTIONS.dml;
	const [library] = /\b(lib)?(?!cuda\.)(cu|nv(?!cuda))\w+\.(so[.\d]*|dll)/.exec(reason) ?? [];
	if (library !== undefined) {
		return `Install NVIDIA's CUDA and cuDNN of the version that goes with ${library}, where the system looks for libraries.`;
	}
	return /\blibcuda\b|\bnvcuda\b|CUDA failure|\bits driver\b/.test(reason)
		? 'For an NVIDIA GPU: `nvidia-smi` says whether its driver works and what else uses the card; update the driver where it is older than CUDA.'
		: PROVIDER_ACTIONS.cuda;
}

function providerCheck({ provider, adapter, reason }: ProviderReport): Check {
	const name = `provider ${provider}`;
	if (reason !== null) {
		const action = provider === 'cuda' ? cudaAction(reason) : PROVIDER_ACTIONS[provider];
		return { name, status: 'warning', found: reason, action };
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

import { createRequire } from 'node:module';
import type { Check } from '../../../../protocol/rpc.ts';
import { probeProgram } from './device.ts';
import { precisionFor } from './precision.ts';
import { type ProviderReport, providersOf, tryProvider } from './providers.ts';
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
	const reports = providers.map((provider) => tryProvider(program, provider));
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

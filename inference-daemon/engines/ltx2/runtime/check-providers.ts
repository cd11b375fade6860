import { createRequire } from 'node:module';
import type { Check } from '../../../../protocol/rpc.ts';
import { cudaRemedy, SETUP } from './cuda-remedy.ts';
import { bestDevice, probeProgram } from './device.ts';
import { precisionFor } from './precision.ts';
import type { Provider } from './provider.ts';
import { nvidiaCard, type ProviderReport, providersOf, tryProvider } from './providers.ts';

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
	const checks = reports.map((report) => providerCheck(report, card));
	return card === null ? checks : [...checks, await cardCheck(card, reports)];
}

async function cardCheck(card: string, reports: readonly ProviderReport[]): Promise<Check> {
	const name = 'NVIDIA card';
	const of = (wanted: Provider) => reports.find(({ provider }) => provider === wanted)!;
	const { note } = await bestDevice(card, async (provider) => of(provider));
	if (note === null) return { name, status: 'ok', found: `${card}, by CUDA`, action: null };
	const action = cudaRemedy(of('cuda').reason ?? '');
	return { name, status: 'warning', found: note.replace(` ${action}`, ''), action };
}

function providerCheck({ provider, adapter, reason }: ProviderReport, card: string | null): Check {
	const name = `provider ${provider}`;
	if (reason !== null) return { name, status: 'warning', ...problem(provider, reason, card) };
	const type = precisionFor(provider, adapter);
	const where = adapter.name === null ? '' : ` on ${adapter.name}`;
	return { name, status: 'ok', found: `works${where}, matrices in ${type}`, action: null };
}

function problem(
	provider: Provider,
	reason: string,
	card: string | null,
): Pick<Check, 'found' | 'action'> {
	if (provider === 'cpu') return { found: reason, action: 'Run `npm ci` again.' };
	if (provider === 'webgpu') {
		const action = 'Install a graphics driver (Linux: Vulkan); without a GPU drafts still work.';
		return { found: reason, action };
	}
	const action = cudaRemedy(reason);
	if (card !== null || action !== SETUP) return { found: reason, action };
	return {
		found: 'there is no NVIDIA card, or no driver for it',
		action:
			'Without such a card nothing is to do; with one, install NVIDIA’s driver, then run `pickup setup gpu`.',
	};
}

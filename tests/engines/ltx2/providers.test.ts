import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
	type Adapter,
	precisionFor,
} from '../../../inference-daemon/engines/ltx2/runtime/precision.ts';
import {
	providersOf,
	tryProvider,
} from '../../../inference-daemon/engines/ltx2/runtime/providers.ts';
import { bundle, PROBE, scratchFolder } from './scratch.ts';
import { swiftShader } from './swiftshader.ts';

const folder = scratchFolder('probe');
const program = join(folder, 'provider-probe.mjs');
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeAll(() => bundle(program, PROBE));

/** A program that answers in another way. */
async function other(name: string, source: string): Promise<string> {
	const path = join(folder, `${name}.mjs`);
	await writeFile(path, source);
	return path;
}

describe('A provider is tried', () => {
	test('on the CPU', async () => {
		const { adapter, reason } = await tryProvider(program, 'cpu');
		expect(reason).toBeNull();
		expect(adapter.precisions).toContain('float32');
		expect(precisionFor('cpu', adapter)).toBe('float32');
	});

	test('on the adapter that Vulkan offers, whose half precision is found out', async () => {
		process.env.VK_ICD_FILENAMES = swiftShader();
		const { adapter, reason } = await tryProvider(program, 'webgpu');
		expect(reason).toBeNull();
		expect(adapter.name).toContain('SwiftShader');
		expect(adapter.precisions).toEqual(['float32']);
		expect(precisionFor('webgpu', adapter)).toBe('float32');
	});

	test('and says why there is no adapter', async () => {
		process.env.VK_ICD_FILENAMES = join(folder, 'none.json');
		expect(await tryProvider(program, 'webgpu')).toEqual({
			provider: 'webgpu',
			adapter: { name: null, precisions: [] },
			reason: 'Failed to get a WebGPU adapter: No supported adapters',
		});
	});

	test('and says which library is missing, which ONNX Runtime only logs', async () => {
		// As ONNX Runtime 1.30 writes it where CUDA's provider is there and cuBLAS is not.
		const line =
			'2026-11-29 23:15:31.7 [E:onnxruntime:onnxruntime-node, provider_bridge_ort.cc:2146 Create] /onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1988 onnxruntime::Provider& onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library /home/Ann Lee/gpu/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file: No such file or directory';
		const finding = { precisions: [], reason: 'Append_Cuda: Failed to load shared library' };
		const source = `console.error(${JSON.stringify(line)}); console.log(${JSON.stringify(JSON.stringify(finding))});`;
		const { reason } = await tryProvider(await other('no cuBLAS', source), 'cuda');
		expect(reason).toBe(
			'libcublasLt.so.13: cannot open shared object file: No such file or directory',
		);
	});

	test('and names libraries for CUDA that have not been fetched', async () => {
		process.env.PICKUP_GPU = join(folder, 'no such folder');
		const { reason } = await tryProvider(program, 'cuda');
		delete process.env.PICKUP_GPU;
		expect(reason).toBe(
			'its libraries have not been fetched: libcudart.so.13, libnvrtc-builtins.so.13.5, libnvrtc.so.13 and 16 more',
		);
	});

	test('and what it has found out counts, though it crashes as it ends', async () => {
		const finding = JSON.stringify({ precisions: ['float32'], reason: null });
		const source = `process.stdout.write(${JSON.stringify(finding)}, () => process.kill(process.pid, 'SIGSEGV')); setInterval(() => {}, 1000);`;
		const { reason, adapter } = await tryProvider(await other('late crash', source), 'webgpu');
		expect(reason).toBeNull();
		expect(adapter.precisions).toEqual(['float32']);
	});

	test.each([
		['crash', 'process.kill(process.pid, "SIGSEGV"); setInterval(() => {}, 1000);', /by SIGSEGV/],
		['exit', 'process.exit(7);', /could not be tried \(7\)/],
		['throw', 'throw new Error("no such device");', /\(Error: no such device\)/],
		['babble', 'console.log("what?");', /could not be tried/],
	])('though its driver may %s', async (name, source, expected) => {
		const { reason } = await tryProvider(await other(name, source), 'webgpu');
		expect(reason).toMatch(expected);
	});

	test('though its driver may hang', async () => {
		const hanging = await other('hang', 'for (;;);');
		const { reason } = await tryProvider(hanging, 'webgpu', { longest: 2000 });
		expect(reason).toBe('its driver did not answer within 2 s');
	});
});

const adapter = (...precisions: Adapter['precisions']): Adapter => ({ name: null, precisions });

test.each([
	['cpu', adapter('float32', 'float16', 'bfloat16'), 'float32'],
	['cuda', adapter('float32', 'float16', 'bfloat16'), 'bfloat16'],
	['cuda', adapter('float32', 'float16'), 'float16'],
	['webgpu', adapter('float32', 'float16', 'bfloat16'), 'float32'],
	['webgpu', adapter('float32'), 'float32'],
] as const)('with %s and %j matrices multiply in %s', (provider, given, expected) => {
	expect(precisionFor(provider, given)).toBe(expected);
});

test.each([
	['linux', ['cpu', 'webgpu', 'cuda']],
	['win32', ['cpu', 'webgpu', 'cuda']],
	['darwin', ['cpu', 'webgpu']],
] as const)('on %s %j are offered', (platform, expected) => {
	expect(providersOf(platform)).toEqual(expected);
});

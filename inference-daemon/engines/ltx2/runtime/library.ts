import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The one ONNX Runtime that a process loads. */
export type Library = {
	readonly path: string;
	/** Libraries that it needs, in the order in which they are loaded before it. */
	readonly before: readonly string[];
};

const NAMES: Partial<Record<NodeJS.Platform, string>> = {
	linux: 'libonnxruntime.so.1',
	win32: 'onnxruntime.dll',
};

/** The library that comes with Pickup: for processors, WebGPU and, on Windows, DirectML. */
export function ownLibrary(): Library {
	const { platform, arch } = process;
	const main = createRequire(import.meta.url).resolve('onnxruntime-node');
	const folder = join(dirname(main), '..', 'bin', 'napi-v6', platform, arch);
	return { path: join(folder, NAMES[platform] ?? 'libonnxruntime.1.dylib'), before: [] };
}

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { libraryFolder, missingFiles } from '../../../../gpu/folder.ts';
import { filesOf, gpuList } from '../../../../gpu/list.ts';

/** The one ONNX Runtime that a process loads. */
export type Library = {
	readonly path: string;
	/** Libraries that it needs, in the order in which they are loaded before it. */
	readonly before: readonly string[];
};

/**
 * The library that has a provider; all have the processor's. Throws an Error that names what is
 * missing.
 */
export function libraryFor(provider: string): Library {
	return provider === 'cuda' ? cudaLibrary() : ownLibrary();
}

const NAMES: Partial<Record<NodeJS.Platform, string>> = {
	linux: 'libonnxruntime.so.1',
	win32: 'onnxruntime.dll',
};

/** The library that comes with Pickup: for processors and WebGPU. */
export function ownLibrary(): Library {
	const { platform, arch } = process;
	const main = createRequire(import.meta.url).resolve('onnxruntime-node');
	const folder = join(dirname(main), '..', 'bin', 'napi-v6', platform, arch);
	return { path: join(folder, NAMES[platform] ?? 'libonnxruntime.1.dylib'), before: [] };
}

/** The library that `pickup setup gpu` has fetched, which finds its providers beside it. */
function cudaLibrary(): Library {
	const list = gpuList();
	if (list === null) {
		throw new Error(`ONNX Runtime has no CUDA for ${process.platform} on ${process.arch}`);
	}
	const folder = libraryFolder(list);
	const missing = missingFiles(list);
	if (missing.length === filesOf(list).length) {
		throw new Error(`its libraries have not been fetched: ${named(missing)}`);
	}
	if (missing.length > 0) throw new Error(`missing or cut off in ${folder}: ${named(missing)}`);
	return {
		path: join(folder, list.runtime),
		before: list.before.map((name) => join(folder, name)),
	};
}

/** As “libcudnn.so.9” or “a.dll, b.dll, c.dll and 4 more”. */
function named(missing: readonly string[]): string {
	const first = missing.slice(0, 3).join(', ');
	return missing.length > 3 ? `${first} and ${missing.length - 3} more` : first;
}

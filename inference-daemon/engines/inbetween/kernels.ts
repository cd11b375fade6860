import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { builtFile } from '../../../files/built-file.ts';
import type { KernelExports } from './kernel-exports.ts';

/** Node has WebAssembly; its types stand in the browsers' library, which this room does not use. */
type Memory = { readonly buffer: SharedArrayBuffer; grow(pages: number): number };
declare const WebAssembly: {
	compile(bytes: Uint8Array): Promise<KernelModule>;
	readonly Memory: new (pages: { initial: number; maximum: number; shared: true }) => Memory;
	readonly Instance: new (
		module: KernelModule,
		imports: { env: { memory: Memory } },
	) => { readonly exports: unknown };
};
declare const compiled: unique symbol;

/** Compiled kernels, which threads share. */
export type KernelModule = { readonly [compiled]: true };

/**
 * The kernels and their memory, handed out from one end like a stack. Pointers are byte offsets into
 * the memory.
 */
export type Kernels = {
	readonly run: KernelExports;
	/** All of it, as large as it is now. Other threads may read it. */
	memory(): SharedArrayBuffer;
	/** Everything allocated is free again. */
	clear(): void;
	/** Room for `bytes` of anything, on a 16-byte boundary, with 64 bytes of slack behind it. */
	allocate(bytes: number): number;
	/** Everything allocated while `work` runs is free again after it. */
	scratch<T>(work: () => T): T;
	/** Views are good until the next `allocate`. */
	bytes(pointer: number, length: number): Uint8Array;
	floats(pointer: number, length: number): Float32Array;
	doubles(pointer: number, length: number): Float64Array;
	integers(pointer: number, length: number): Int32Array;
};

let compiling: Promise<KernelModule> | null = null;

/** What the build puts into dist/. Throws PickupError `engine-unavailable` without it. */
export function kernelModule(): Promise<KernelModule> {
	compiling ??= compile();
	return compiling;
}

/** Kernels with a memory of their own. */
export function loadKernels(module: KernelModule): Kernels {
	const memory = new WebAssembly.Memory({ initial: 2, maximum: 65_536, shared: true });
	const run = new WebAssembly.Instance(module, { env: { memory } }).exports as KernelExports;
	const bottom = align(run.heapBase());
	let top = bottom;
	return {
		run,
		memory: () => memory.buffer,
		clear() {
			top = bottom;
		},
		allocate(bytes) {
			const pointer = top;
			top = align(pointer + bytes + 64);
			const missing = top - memory.buffer.byteLength;
			if (missing > 0) memory.grow(Math.ceil(missing / 65_536));
			return pointer;
		},
		scratch(work) {
			const mark = top;
			try {
				return work();
			} finally {
				top = mark;
			}
		},
		bytes: (pointer, length) => new Uint8Array(memory.buffer, pointer, length),
		floats: (pointer, length) => new Float32Array(memory.buffer, pointer, length),
		doubles: (pointer, length) => new Float64Array(memory.buffer, pointer, length),
		integers: (pointer, length) => new Int32Array(memory.buffer, pointer, length),
	};
}

/** For speed at once, not when it runs hot. */
async function compile(): Promise<KernelModule> {
	const code = await readFile(builtFile('inbetween.wasm'));
	setFlagsFromString('--no-wasm-dynamic-tiering');
	return WebAssembly.compile(code);
}

/** The next 16-byte boundary. */
function align(bytes: number): number {
	return Math.ceil(bytes / 16) * 16;
}

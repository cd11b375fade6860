import { setFlagsFromString } from 'node:v8';

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

/** What kernels/*.assembly.ts export; pointers are byte offsets into their memory. */
type Exports = {
	heapBase(): number;
	shrink(
		source: number,
		width: number,
		height: number,
		bits: number,
		factor: number,
		target: number,
		columns: number,
		rows: number,
	): void;
	halve(source: number, width: number, height: number, target: number): void;
	normalise(source: number, width: number, height: number, target: number, scratch: number): void;
	gradients(picture: number, width: number, height: number, alongX: number, alongY: number): void;
	search(
		a: number,
		b: number,
		width: number,
		height: number,
		columns: number,
		rows: number,
		motion: number,
		distancePenalty: number,
	): void;
	searchAgain(
		a: number,
		b: number,
		width: number,
		height: number,
		columns: number,
		rows: number,
		motion: number,
		costs: number,
		zero: number,
		flat: number,
		distancePenalty: number,
	): number;
	refine(
		a: number,
		b: number,
		alongX: number,
		alongY: number,
		width: number,
		height: number,
		columns: number,
		rows: number,
		motion: number,
		coarse: number,
		coarseColumns: number,
		coarseRows: number,
		affine: number,
		costs: number,
		sweeps: number,
		expected: number,
	): void;
	calm(
		a: number,
		b: number,
		width: number,
		height: number,
		columns: number,
		rows: number,
		motion: number,
		costs: number,
		scratch: number,
		expected: number,
	): void;
	fitness(
		a: number,
		b: number,
		width: number,
		height: number,
		columns: number,
		rows: number,
		motion: number,
		residual: number,
		texture: number,
		zero: number,
	): void;
	certainty(
		alongX: number,
		alongY: number,
		width: number,
		height: number,
		columns: number,
		rows: number,
		result: number,
	): void;
	spread(
		columns: number,
		rows: number,
		motion: number,
		trust: number,
		certain: number,
		luma: number,
		result: number,
		rounds: number,
		pull: number,
	): void;
	padPlane(
		source: number,
		width: number,
		height: number,
		bytes: number,
		pad: number,
		target: number,
	): void;
	combine(
		a: number,
		b: number,
		c: number,
		ka: number,
		kb: number,
		kc: number,
		unit: number,
		columns: number,
		rows: number,
		moved: number,
	): void;
	trace(moved: number, columns: number, rows: number, found: number, misses: number): void;
	reconsider(
		moved: number,
		trust: number,
		found: number,
		misses: number,
		other: number,
		otherWay: number,
		unit: number,
		columns: number,
		rows: number,
	): void;
	toMap(
		found: number,
		finer: number,
		columns: number,
		rows: number,
		mapColumns: number,
		mapRows: number,
		width: number,
		height: number,
		pad: number,
		map: number,
		line: number,
	): void;
	toShares(
		values: number,
		finer: number,
		columns: number,
		rows: number,
		mapColumns: number,
		mapRows: number,
		map: number,
	): void;
	weighScene(
		left: number,
		right: number,
		missesLeft: number,
		missesRight: number,
		motion: number,
		trustLeft: number,
		trustRight: number,
		unit: number,
		columns: number,
		rows: number,
		width: number,
		height: number,
		time: number,
		sharpness: number,
		result: number,
	): void;
	weighWipe(
		columns: number,
		rows: number,
		width: number,
		height: number,
		dx: number,
		dy: number,
		place: number,
		softness: number,
		result: number,
	): void;
	warp8: Warp;
	warp10: Warp;
};

type Warp = (
	target: number,
	width: number,
	height: number,
	shiftX: number,
	shiftY: number,
	left: number,
	right: number,
	pad: number,
	maps: number,
	columns: number,
	rows: number,
	scratch: number,
	gainLeft: number,
	offsetLeft: number,
	gainRight: number,
	offsetRight: number,
) => void;

/** The kernels and their memory, handed out from one end like a stack. */
export type Kernels = {
	readonly run: Exports;
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
	integers(pointer: number, length: number): Int32Array;
};

/** `code` is what stands in dist/inbetween.wasm. Compiled for speed at once, not when it runs hot. */
export async function compileKernels(code: Uint8Array): Promise<KernelModule> {
	setFlagsFromString('--no-wasm-dynamic-tiering');
	return WebAssembly.compile(code);
}

/** Kernels with a memory of their own. */
export function loadKernels(module: KernelModule): Kernels {
	const memory = new WebAssembly.Memory({ initial: 2, maximum: 65_536, shared: true });
	const run = new WebAssembly.Instance(module, { env: { memory } }).exports as Exports;
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
		integers: (pointer, length) => new Int32Array(memory.buffer, pointer, length),
	};
}

function align(pointer: number): number {
	return Math.ceil(pointer / 16) * 16;
}

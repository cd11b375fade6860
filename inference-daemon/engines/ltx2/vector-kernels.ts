import { type KernelsOf, kernelModule, loadKernels } from '../kernels.ts';

type Down = (
	source: number,
	width: number,
	rows: number,
	count: number,
	first: number,
	weights: number,
	target: number,
) => void;

/** `last` is where totals go, or a share. */
type Look = (
	x: number,
	velocity: number,
	timesteps: number,
	tokens: number,
	channels: number,
	cond: number,
	sum: number,
	last: number,
) => void;

/** What kernels/*.assembly.ts export. */
type Exports = {
	heapBase(): number;
	bytesDown: Down;
	downToBytes: Down;
	downToWords: Down;
	across(
		source: number,
		rows: number,
		from: number,
		to: number,
		count: number,
		first: number,
		weights: number,
		target: number,
		scratch: number,
	): void;
	toColours(
		luma: number,
		blueness: number,
		redness: number,
		count: number,
		target: number,
		step: number,
	): void;
	toLevels(source: number, count: number, unit: number, target: number, step: number): void;
	toPlanes(source: number, count: number, target: number, step: number): void;
	toBytes(source: number, count: number, target: number): void;
	addWeighted(
		source: number,
		rows: number,
		columns: number,
		across: number,
		down: number,
		target: number,
	): void;
	beginGuiding: Look;
	addGuiding: Look;
	endGuiding(sum: number, count: number, result: number, totals: number): void;
	scaleAll(values: number, count: number, factor: number): void;
	multiply(
		a: number,
		rows: number,
		terms: number,
		b: number,
		columns: number,
		target: number,
	): void;
	addProducts(
		a: number,
		across: number,
		b: number,
		columns: number,
		rows: number,
		sums: number,
	): void;
};

export type VectorKernels = KernelsOf<Exports>;

/** Their memory goes when nobody uses them any more. */
export async function openVectorKernels(): Promise<VectorKernels> {
	return loadKernels(await kernelModule('ltx2'));
}

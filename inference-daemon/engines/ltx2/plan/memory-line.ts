import type { Format, MemoryDevice } from './memory-need.ts';

/** Where blocks are, and as what. */
type Blocks = {
	readonly format: Format;
	readonly resident: number;
	readonly streamed: number;
};

/** What is said of a plan: which device, what it has, how the weights lie there. */
export function memoryLine(
	device: MemoryDevice,
	plan: Blocks & { readonly fits: boolean },
): string {
	const tight = plan.fits ? '' : ' This may be too little.';
	return `${told(device)}: ${weightsLine(device, plan)}.${tight}`;
}

/** How many blocks stay, and in which weights. */
export function weightsLine(
	device: Pick<MemoryDevice, 'provider'>,
	{ resident, streamed, format }: Blocks,
): string {
	return `${held(device, resident, resident + streamed)}; ${BITS[format]} weights`;
}

const BITS: Readonly<Record<Format, string>> = {
	f32: '32-bit',
	bf16: '16-bit',
	f16: '16-bit',
	fp8: '8-bit',
	int8: '8-bit',
};

function told({ provider, name, memory, free, machine }: MemoryDevice): string {
	if (provider === 'cpu') return `${name ?? 'Processor'}, ${gigabytes(machine)} GB`;
	const size = memory === null ? 'memory unknown' : `${gigabytes(memory)} GB`;
	const now = free === null ? '' : `, ${gigabytes(free)} free`;
	return `${name ?? 'Graphics device'}, ${size}${now}`;
}

function held(
	{ provider }: Pick<MemoryDevice, 'provider'>,
	resident: number,
	blocks: number,
): string {
	if (resident === blocks) return `all ${blocks} blocks stay`;
	if (provider === 'cpu') return `one of ${blocks} blocks at a time`;
	if (resident === 0) return `none of ${blocks} blocks stays, all stream`;
	return `${resident} of ${blocks} blocks ${resident === 1 ? 'stays' : 'stay'}, the rest streams`;
}

/** As devices are sold: 2³⁰ bytes. */
function gigabytes(bytes: number): string {
	const count = bytes / 2 ** 30;
	return count >= 20 ? count.toFixed(0) : count.toFixed(1).replace(/\.0$/, '');
}

import type { Provider } from '../runtime/provider.ts';
import { memoryLine } from './memory-line.ts';
import {
	activationBytes,
	DISPATCH,
	eights,
	type Format,
	type MemoryDevice,
	type MemoryJob,
	mostQueries,
	mostRows,
	SHARE_OF_MACHINE,
	stagingBytes,
	stepOperations,
	unpackedBytes,
	usableMemory,
} from './memory-need.ts';

/** How a job is to use its device. Bytes are of the device, which for the CPU is the computer's memory. */
export type MemoryPlan = {
	readonly format: Format;
	/** Blocks that stay, and those that come again in every step, through so many places. */
	readonly resident: number;
	readonly streamed: number;
	readonly slots: number;
	/** Most queries of one dispatch of attention, and most rows of one of the feed-forward layer. */
	readonly queryChunk: number;
	readonly rowChunk: number;
	/** Most bytes beside its weights that the VAE takes for a tile; most operations of one dispatch. */
	readonly vaeTileBytes: number;
	readonly vaeTileFlops: number;
	/** Bytes expected while blocks run. */
	readonly peak: number;
	/** Whether that, and a layer of the text encoder beside the next one, is within what may be taken. */
	readonly fits: boolean;
	/** What was chosen and why, for the editor. */
	readonly line: string;
	readonly device: MemoryDevice;
	readonly job: MemoryJob;
};

/** The most exact format first, of those that kernels multiply by (ONNX Runtime 1.30). */
const FORMATS: Readonly<Record<Provider, readonly Format[]>> = {
	cpu: ['f32', 'int8'],
	cuda: ['f32', 'bf16', 'f16', 'fp8', 'int8'],
	webgpu: ['f32', 'f16', 'int8'],
};

/** Bytes of a runtime on a device: its context, kernels and the libraries' own buffers. Estimated. */
const RUNTIME = 1e9;
/** Most bytes of a tile: beyond that tiles bring nothing. */
const TILE = 8 * 2 ** 30;
const LEAST_TILE = 2 ** 28;
/** Bytes a second of a disk that weights come from where memory does not hold them. Estimated. */
const DISK = 3.5e9;

/**
 * A plan from what the device has now. Where not even the smallest fits, that one, since estimates are
 * on the safe side; `fits` and the line say so. Throws RangeError where no format suits the device.
 */
export function planMemory(device: MemoryDevice, job: MemoryJob): MemoryPlan {
	const formats = formatsFor(device, job);
	if (formats.length === 0) {
		const known = Object.keys(job.block);
		throw new RangeError(`Expected weights for ${device.provider}, got ${known.join(', ')}`);
	}
	const plans = formats.map((format) => layOut(device, job, format));
	const whole = plans.find(({ fits, streamed }) => fits && streamed === 0);
	return whole ?? bestOf(plans);
}

/**
 * The next smaller plan after memory has run out; null where there is none. Each takes less than the
 * one before, so that this ends.
 */
export function smaller(plan: MemoryPlan): MemoryPlan | null {
	const { job, format, resident, slots, queryChunk } = plan;
	const most = resident === job.config.blocks ? resident - slotsOf(plan) : resident;
	const share = isCpu(plan) || !job.canMix ? 0 : SMALLER;
	const formats = formatsFor(plan.device, job);
	const changes: Partial<Layout>[] = [
		{ resident: Math.max(0, Math.floor(share * most)), slots: slotsOf(plan) },
		...formats.slice(formats.indexOf(format) + 1).map((other) => ({ format: other })),
		{ queryChunk: Math.max(LEAST_CHUNK, eights(queryChunk / 2)) },
		{ slots: Math.min(1, slots) },
	];
	const plans = changes.map((change) => complete({ ...plan, ...change }));
	return plans.find(({ peak }) => peak < plan.peak) ?? null;
}

/** Of the blocks that stay, how many still do in the next smaller plan. */
const SMALLER = 0.6;
const LEAST_CHUNK = 64;

/** Which of the blocks come in every step: evenly among those that stay, so that each has time to come. */
export function streamedBlocks({ resident, streamed }: Pick<MemoryPlan, 'resident' | 'streamed'>) {
	const blocks = resident + streamed;
	const before = (block: number) => Math.floor((block * streamed) / blocks);
	return Array.from({ length: blocks }, (_, block) => block).filter(
		(block) => before(block + 1) > before(block),
	);
}

function formatsFor({ provider }: MemoryDevice, { block }: MemoryJob): readonly Format[] {
	return FORMATS[provider].filter((format) => block[format] !== undefined);
}

type Layout = Pick<MemoryPlan, 'device' | 'job' | 'format' | 'resident' | 'slots' | 'queryChunk'>;

function isCpu({ device }: Pick<MemoryPlan, 'device'>): boolean {
	return device.provider === 'cpu';
}

/** Two places, so that one is filled while the other is used; the CPU takes a block from its file. */
function slotsOf({ device, job }: Pick<MemoryPlan, 'device' | 'job'>): number {
	return isCpu({ device }) ? 1 : Math.max(1, Math.min(2, job.config.blocks - 1));
}

/** As many blocks as there is room for; all or none on the CPU, whose system keeps files in memory. */
function layOut(device: MemoryDevice, job: MemoryJob, format: Format): MemoryPlan {
	const { blocks } = job.config;
	const queryChunk = mostQueries(device, job);
	const plan = (resident: number, slots: number) =>
		complete({ device, job, format, resident, slots, queryChunk });
	const slots = slotsOf({ device, job });
	const [whole, none] = [plan(blocks, 0), plan(0, slots)];
	if (whole.fits) return whole;
	if (!none.fits) return plan(0, 1);
	if (isCpu(none) || !job.canMix) return none;
	const room = Math.floor((usableMemory(device) - none.peak) / job.block[format]!);
	return plan(Math.max(0, Math.min(room, blocks - slots - 1)), slots);
}

/**
 * Without a plan that keeps all: the most exact whose copies computing hides, else the fastest one. The
 * CPU is as fast in all formats, and int8 would be made anew for every step where it is not prepared.
 */
function bestOf(plans: readonly MemoryPlan[]): MemoryPlan {
	const fitting = plans.filter(({ fits }) => fits);
	const last = plans.at(-1)!;
	if (fitting.length === 0) return last;
	if (isCpu(last) && !last.job.isPrepared) return fitting[0]!;
	const { speeds } = last.device;
	if (speeds === null) return last;
	const computing = stepOperations(last.job) / speeds.compute;
	return (
		fitting.find((plan) => copying(plan) <= computing) ??
		fitting.reduce((best, plan) => (copying(plan) < copying(best) ? plan : best))
	);
}

/** Seconds in which the streamed blocks of a step come, from memory or, where that is too small, the disk. */
function copying({ device, job, format, streamed }: MemoryPlan): number {
	const bytes = streamed * job.block[format]!;
	const isHeld = bytes <= SHARE_OF_MACHINE * device.machine;
	return bytes / Math.min(device.speeds!.copy, isHeld ? Number.POSITIVE_INFINITY : DISK);
}

/** With what follows from the layout. */
function complete({ device, job, format, resident, slots, queryChunk }: Layout): MemoryPlan {
	const usable = usableMemory(device);
	const isGraphics = device.provider !== 'cpu';
	const runtime = isGraphics ? RUNTIME : stagingBytes(job);
	const weights = (resident + slots) * job.block[format]!;
	const running = activationBytes(device, job, queryChunk) + unpackedBytes(device, job, format);
	const peak = runtime + job.ends + weights + running;
	const reading = runtime + 2 * job.encoderLayer;
	const tile = isGraphics ? usable - runtime - job.vae : device.machine / 4;
	const layout = {
		format,
		resident,
		streamed: job.config.blocks - resident,
		slots,
		queryChunk,
		rowChunk: mostRows(device, job),
		vaeTileBytes: Math.min(TILE, Math.max(LEAST_TILE, tile)),
		vaeTileFlops: device.hasTimeLimit ? DISPATCH : Number.POSITIVE_INFINITY,
		peak,
		fits: Math.max(peak, reading) <= usable,
	};
	return { ...layout, line: memoryLine(device, layout), device, job };
}

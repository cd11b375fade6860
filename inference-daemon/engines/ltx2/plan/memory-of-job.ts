import { type Model, parametersOf } from '../model/open-model.ts';
import { TRANSFORMER } from '../networks/transformer.ts';
import { transformerConfig } from '../networks/transformer-config.ts';
import { type Device, machineMemory } from '../runtime/device.ts';
import type { Layout } from '../runtime/transformer.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { INT8_BLOCK } from '../weights/int8.ts';
import { type MemoryPlan, planMemory, streamedBlocks } from './memory.ts';
import type { Format, MemoryDevice, MemoryJob } from './memory-need.ts';

/** What a job asks of the transformer. */
export type JobSize = Pick<MemoryJob, 'tokens' | 'masked' | 'passes'>;

type Known = Pick<Device, 'provider' | 'precision' | 'name' | 'memory' | 'free'>;

/** The plan for a model on a device. `machine`: bytes of the computer. */
export function memoryPlanFor(
	device: Known,
	model: Pick<Model, 'checkpoint' | 'description'>,
	size: JobSize,
	machine = machineMemory(),
): MemoryPlan {
	const { checkpoint } = model;
	const bytes = BYTES[device.precision];
	return planMemory(memoryDevice(device, machine), {
		...size,
		...transformerBytes(checkpoint, device),
		config: transformerConfig(checkpoint.config.transformer),
		canMix: true,
		isPrepared: checkpoint.prepared !== null,
		contextTokens: CONTEXT,
		encoderLayer: ENCODER_LAYER * bytes,
		vae: parametersOf(model, 'video decoder') * bytes,
	});
}

/** How a plan has a `TransformerRunner` work. */
export function layoutOf(plan: MemoryPlan): Layout {
	const { format, slots, queryChunk, rowChunk } = plan;
	const weights = WEIGHTS[format];
	return { weights, streamed: streamedBlocks(plan), slots, queryChunk, rowChunk };
}

const WEIGHTS: Readonly<Record<Format, Layout['weights']>> = {
	f32: 'float',
	f16: 'float',
	bf16: 'stored',
	fp8: 'stored',
	int8: 'int8',
};

/** Of the first block, which is like all others, in each format, and of what is before and after them. */
function transformerBytes(
	checkpoint: Checkpoint,
	{ provider }: Known,
): Pick<MemoryJob, 'block' | 'ends'> {
	const block = { matrices: 0, others: 0, stored: 0, isFp8: false };
	const ends = { numbers: 0, stored: 0 };
	for (const [name, { type, shape, bytes }] of checkpoint.tensors) {
		if (!name.startsWith(`${TRANSFORMER}.`) || OTHER_ROOMS.test(name)) continue;
		const numbers = shape.reduce((product, n) => product * n, 1);
		if (!name.includes('.transformer_blocks.')) {
			ends.numbers += numbers;
			ends.stored += bytes;
		} else if (name.includes('.transformer_blocks.0.')) {
			block.stored += bytes;
			block.isFp8 ||= type === 'F8_E4M3';
			if (shape.length > 1) block.matrices += type === 'U8' ? 2 * numbers : numbers;
			else block.others += numbers;
		}
	}
	const { matrices, others, stored } = block;
	const int8 = matrices * (1 + 4 / INT8_BLOCK) + 4 * others;
	if (provider !== 'cuda') {
		return { block: { f32: 4 * (matrices + others), int8 }, ends: 4 * ends.numbers };
	}
	return { block: { [block.isFp8 ? 'fp8' : 'bf16']: stored, int8 }, ends: ends.stored };
}

/** They are done with before the transformer begins. */
const OTHER_ROOMS = /caption_projection|connector/;

/** What a `Vae` may take on the device: bytes of a tile beside its weights, operations of a convolution. */
export function vaeLimits(
	device: Known,
	model: Pick<Model, 'checkpoint' | 'description'>,
	machine = machineMemory(),
): { readonly memory: number; readonly dispatch: number } {
	const size = { tokens: { video: 0, audio: 0 }, masked: false, passes: 1 };
	const { vaeTileBytes, vaeTileFlops } = memoryPlanFor(device, model, size, machine);
	return { memory: vaeTileBytes, dispatch: vaeTileFlops };
}

/** Tokens of every prompt: the rest is filled up. */
const CONTEXT = 1024;
/** Numbers in a layer of Gemma, both 12B. */
const ENCODER_LAYER = 12e9 / 48;

/** Of a number that networks are computed in. */
const BYTES: Readonly<Record<Device['precision'], number>> = {
	float32: 4,
	float16: 2,
	bfloat16: 2,
};

function memoryDevice({ provider, name, memory, free }: Known, machine: number): MemoryDevice {
	// What draws the screen, as far as is known: all but CUDA on a system other than Windows.
	const hasTimeLimit = provider !== 'cpu' && (provider !== 'cuda' || process.platform === 'win32');
	return { provider, name, memory, free, machine, largestBuffer: null, hasTimeLimit, speeds: null };
}

import { type Model, parametersOf, transformerParameters } from '../model/open-model.ts';
import { transformerConfig } from '../networks/transformer-config.ts';
import { type Device, machineMemory } from '../runtime/device.ts';
import { type MemoryPlan, planMemory } from './memory.ts';
import type { Format, MemoryDevice, MemoryJob } from './memory-need.ts';

/** What a job asks of the transformer. */
export type JobSize = Pick<MemoryJob, 'tokens' | 'masked' | 'passes'> & {
	/** How many kinds of passes have weights of their own: 1, and one more for those with isolated streams. */
	readonly kinds: number;
};

type Known = Pick<Device, 'provider' | 'precision' | 'name' | 'memory' | 'free'>;

/**
 * The plan for a model that is computed in the device's precision, all blocks held or one at a time.
 * `machine`: bytes of the computer.
 */
export function memoryPlanFor(
	device: Known,
	model: Pick<Model, 'checkpoint' | 'description'>,
	size: JobSize,
	machine = machineMemory(),
): MemoryPlan {
	const { kinds, ...asked } = size;
	const config = transformerConfig(model.checkpoint.config.transformer);
	const [format, bytes] = COMPUTED[device.precision];
	const weights = (transformerParameters(model) / config.blocks) * bytes * kinds;
	const decoder = parametersOf(model, 'video decoder') * bytes;
	return planMemory(memoryDevice(device, machine), {
		...asked,
		config,
		canMix: false,
		block: { [format]: weights },
		contextTokens: CONTEXT,
		encoderLayer: ENCODER_LAYER * bytes,
		vae: decoder,
	});
}

/** What a `Vae` may take on the device: bytes of a tile beside its weights, operations of a convolution. */
export function vaeLimits(
	device: Known,
	model: Pick<Model, 'checkpoint' | 'description'>,
	machine = machineMemory(),
): { readonly memory: number; readonly dispatch: number } {
	const size = { tokens: { video: 0, audio: 0 }, masked: false, passes: 1, kinds: 1 };
	const { vaeTileBytes, vaeTileFlops } = memoryPlanFor(device, model, size, machine);
	return { memory: vaeTileBytes, dispatch: vaeTileFlops };
}

/** Tokens of every prompt: the rest is filled up. */
const CONTEXT = 1024;
/** Numbers in a layer of Gemma, both 12B. */
const ENCODER_LAYER = 12e9 / 48;

const COMPUTED: Readonly<Record<Device['precision'], readonly [Format, number]>> = {
	float32: ['f32', 4],
	float16: ['f16', 2],
	bfloat16: ['bf16', 2],
};

function memoryDevice({ provider, name, memory, free }: Known, machine: number): MemoryDevice {
	// What draws the screen, as far as is known: all but CUDA on a system other than Windows.
	const hasTimeLimit = provider !== 'cpu' && (provider !== 'cuda' || process.platform === 'win32');
	return { provider, name, memory, free, machine, largestBuffer: null, hasTimeLimit, speeds: null };
}

import { PickupError } from '../../../../protocol/errors.ts';
import { reasonOf } from './onnxruntime.ts';

/**
 * What ONNX Runtime, its providers and JavaScript say when there is no memory: in order the C++
 * library, ONNX Runtime's arena, CUDA and its libraries, Dawn (a buffer over the device's limit,
 * one that could not be made, Vulkan, Direct3D), DirectML, Core ML, Linux and JavaScript.
 */
const MESSAGES = [
	/\bbad_alloc\b|\bbad allocation\b/,
	/failed to allocate|unable to allocate|could not allocate/i,
	/out of memory/i,
	/\b(CUBLAS|CUDNN|CUFFT)_STATUS_(INTERNAL_ERROR_DEVICE_ALLOCATION|ALLOC)_?FAILED\b/,
	/exceeds the max buffer size limit|larger than the maximum storage buffer binding size/,
	/\[Invalid Buffer\b.*\] is invalid/,
	/\b(VK_ERROR_OUT_OF_(DEVICE|HOST)_MEMORY|E_OUTOFMEMORY)\b/,
	/\b8007000E\b|not enough memory/i,
	/memory allocation error|insufficient memory/i,
	/cannot allocate memory|\bENOMEM\b/i,
	/Array buffer allocation failed|Invalid (typed array|array buffer) length/,
];

/** Whether it is memory that was missing, of the machine or of the device behind a provider. */
export function isOutOfMemory(error: unknown): boolean {
	if (error instanceof PickupError) return error.code === 'out-of-memory';
	const text = error instanceof Error ? error.message : String(error);
	return MESSAGES.some((message) => message.test(text));
}

/** A failure of ONNX Runtime as `out-of-memory` or, for any other reason, `engine-failed`. */
export function runtimeFailure(expected: string, error: unknown): PickupError {
	if (error instanceof PickupError) return error;
	const reason = reasonOf(error);
	return isOutOfMemory(error)
		? new PickupError('out-of-memory', `${expected}, but memory ran out: ${reason}`, {
				cause: error,
			})
		: new PickupError('engine-failed', `${expected}: ${reason}`, { cause: error });
}

import { expect, test } from 'vitest';
import { cudaRemedy } from '../../../inference-daemon/engines/ltx2/runtime/cuda-remedy.ts';

const DRIVER = 'update the driver';
const SETUP = 'Run `pickup setup gpu`';

test.each([
	['CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version', DRIVER],
	['CUDA failure 100: no CUDA-capable device is detected', DRIVER],
	['CUDA failure 803: system has unsupported display driver / cuda driver combination', DRIVER],
	['libcuda.so.1: cannot open shared object file: No such file or directory', DRIVER],
	['nvcuda.dll: The specified module could not be found.', DRIVER],
	['CUDA failure 2: out of memory', 'what else uses the card'],
	['its driver did not answer within 60 s', DRIVER],
	['its driver ended the process by SIGSEGV', DRIVER],
	['its driver ended the process by SIGABRT (Could not load library libcudnn.so.9)', SETUP],
	['libcublasLt.so.12: cannot open shared object file: No such file or directory', SETUP],
	['libcudart.so.13: file too short', SETUP],
	['libcudnn_graph.so.9: file too short', SETUP],
	["libcudnn.so.9: version `libcudnn.so.9' not found", SETUP],
	['Could not load library cudnn64_9.dll', SETUP],
	['nvrtc64_130_0.dll: The specified module could not be found.', SETUP],
	['libonnxruntime_providers_cuda.so: cannot open shared object file', SETUP],
	['onnxruntime.dll is not in C:\\Users\\x\\pickup\\gpu', SETUP],
	['libonnxruntime.so.1.30.0 and 18 more have not been fetched', SETUP],
	['Expected a driver of NVIDIA’s of version 580 or newer for RTX 4090, got 551.23', DRIVER],
	['Expected a card of compute capability 7.5 or newer, got GTX 1080 with 6.1', 'WebGPU'],
])('where CUDA says “%s” the advice is about %s', (reason, advice) => {
	expect(cudaRemedy(reason)).toContain(advice);
});

import { expect, test } from 'vitest';
import { cudaAction } from '../../../inference-daemon/engines/ltx2/runtime/check-providers.ts';

const DRIVER = 'update the driver';
const SETUP = 'run `pickup setup`';

test.each([
	['CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version', DRIVER],
	['CUDA failure 100: no CUDA-capable device is detected', DRIVER],
	['CUDA failure 803: system has unsupported display driver / cuda driver combination', DRIVER],
	['libcuda.so.1: cannot open shared object file: No such file or directory', DRIVER],
	['nvcuda.dll: The specified module could not be found.', DRIVER],
	['CUDA failure 2: out of memory', 'what else uses the card'],
	['its driver did not answer within 60 s', DRIVER],
	['its driver ended the process by SIGSEGV', DRIVER],
	[
		'its driver ended the process by SIGABRT (Could not load library libcudnn.so.9)',
		'libcudnn.so.9',
	],
	[
		'libcublasLt.so.12: cannot open shared object file: No such file or directory',
		'libcublasLt.so.12',
	],
	['libcudart.so.13: file too short', 'libcudart.so.13'],
	["libcudnn.so.9: version `libcudnn.so.9' not found", 'libcudnn.so.9'],
	['Could not load library cudnn64_9.dll', 'cudnn64_9.dll'],
	['libonnxruntime_providers_cuda.so: cannot open shared object file', SETUP],
])('where CUDA says “%s” the advice is about %s', (reason, advice) => {
	expect(cudaAction(reason)).toContain(advice);
});

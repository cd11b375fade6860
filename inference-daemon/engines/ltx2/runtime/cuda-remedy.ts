/**
 * What somebody with an NVIDIA card can do where CUDA does not work for that reason. The driver
 * brings libcuda: without it, or where it is older than CUDA, CUDA fails. All other libraries are
 * fetched.
 */
export function cudaRemedy(reason: string): string {
	if (/\bcompute capability\b/.test(reason)) return 'Nothing to do: WebGPU is used on it.';
	if (LIBRARY.test(reason) || !DRIVER.test(reason)) return SETUP;
	return '`nvidia-smi` says whether NVIDIA’s driver works and what else uses the card; update the driver where it is older than CUDA.';
}

export const SETUP = 'Run `pickup setup gpu`, which fetches the libraries that CUDA needs.';

/** A library of NVIDIA's or ONNX Runtime's that is not the driver's own. */
const LIBRARY = /\b(lib)?((?!cuda\.)cu|nv(?!cuda)|onnxruntime)\w*\.?\w*\.(so|dll)/;

/** What the driver says, or what is said of it. */
const DRIVER = /\blibcuda\b|\bnvcuda\b|CUDA failure|\bits driver\b|\bdriver of NVIDIA/;

/** The library: native, 40 MB of it, so that only a process that opens a network loads it. */
export async function onnxRuntime(): Promise<typeof import('onnxruntime-node')> {
	// It would report its use to its makers otherwise; it reads this while it loads.
	process.env.ORT_DISABLE_TELEMETRY = '1';
	const runtime = await import('onnxruntime-node');
	// Which library is missing stands in the log alone, not in the exception.
	runtime.env.logLevel = 'error';
	return runtime;
}

/** The first line of an error, without the place in the library's source. */
export function reasonOf(error: unknown): string {
	const text = error instanceof Error ? error.message : String(error);
	const first = text.split('\n').find((line) => line.trim() !== '') ?? '';
	// The name of a C++ template of some hundred letters stands before what CUDA says.
	const cuda = /\b(CUDA|CUDNN|CUBLAS|CUFFT) failure \d+: [^;]+/.exec(first)?.[0].trim();
	return cuda ?? first.replace(/^\/\S+ .* was false\. /, '').slice(0, 600);
}

/** The library that could not be loaded and why, from what ONNX Runtime or cuDNN wrote to stderr. */
export function missingLibrary(stderr: string): string | null {
	const [, told] = /Failed to load library \S+ with error: (.+)/.exec(stderr) ?? [];
	// The system's words begin with the path of a library that is missing itself.
	if (told) return told.trim().replace(/^\S*\/(?=[^/\s]+: )/, '');
	return /(Could not load library \S+|Unable to load any of \{[^}]+\})/.exec(stderr)?.[0] ?? null;
}

/** The library: native, 40 MB of it, so that only a process that opens a network loads it. */
export async function onnxRuntime(): Promise<typeof import('onnxruntime-node')> {
	// It would report its use to its makers otherwise; it reads this while it loads.
	process.env.ORT_DISABLE_TELEMETRY = '1';
	const runtime = await import('onnxruntime-node');
	// What goes wrong comes as an exception too.
	runtime.env.logLevel = 'fatal';
	return runtime;
}

/** The first line of an error, without the place in the library's source. */
export function reasonOf(error: unknown): string {
	const text = error instanceof Error ? error.message : String(error);
	const first = text.split('\n').find((line) => line.trim() !== '') ?? '';
	return first.replace(/^\/\S+ .* was false\. /, '').slice(0, 600);
}

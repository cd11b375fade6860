import { koffi } from '../../../../files/native-library.ts';
import { inTurn as oneAtATime } from '../../../../protocol/in-turn.ts';
import { ELSEWHERE } from '../../engine.ts';
import { type CApi, type Handle, loadCApi } from './c-api.ts';
import { type Library, libraryFor, ownLibrary } from './library.ts';

/** ONNX Runtime in this process. */
export type OnnxRuntime = CApi & {
	readonly env: Handle;
	/** Of the processor's memory. */
	readonly memory: Handle;
	readonly providers: readonly string[];
};

let loaded: OnnxRuntime | null = null;

/** What is loaded, or will be. */
let library: Library | null = null;

/**
 * Which library this process is to load: the one that has the provider. The processor's is in all of
 * them. Throws an Error that names what is missing, or one named `ELSEWHERE` where another has been
 * loaded.
 */
export function useLibraryOf(provider: string): void {
	const wanted = libraryFor(provider);
	if (loaded === null) library = wanted;
	else if (provider !== 'cpu' && library?.path !== wanted.path) {
		const error = new Error(`Expected ${wanted.path} in this process, got ${library?.path}`);
		error.name = ELSEWHERE;
		throw error;
	}
}

/**
 * Loads the library, 40 MB of it, so that only a process that opens a network does. Throws an Error that
 * says what is wrong with it.
 */
export function onnxRuntime(): OnnxRuntime {
	if (loaded !== null) return loaded;
	// It would report its use to its makers otherwise; it reads this while it loads.
	process.env.ORT_DISABLE_TELEMETRY = '1';
	library ??= ownLibrary();
	const { path, before } = library;
	const api = loadCApi(path, before);
	const providers = providersIn(api);
	const memory = api.CreateCpuMemoryInfo(0, 0);
	checkPlaces(api, memory, providers);
	// What goes wrong comes back from each call; which library is missing stands in the log alone.
	const env = api.CreateEnv(LOG_ERRORS, 'pickup');
	loaded = { ...api, env, memory, providers };
	return loaded;
}

const LOG_ERRORS = 3;

function providersIn(api: CApi): readonly string[] {
	const [list, count]: [Handle[], number[]] = [[0n], [0]];
	api.GetAvailableProviders(list, count);
	const names: string[] = koffi().decode(list[0], koffi().array('str', count[0]!));
	api.ReleaseAvailableProviders(list[0]!, count[0]!);
	return names;
}

/** Calls whose answers are known, before any that could do harm where the table is another one. */
function checkPlaces(api: CApi, memory: Handle, providers: readonly string[]): void {
	const shape = BigInt64Array.of(2n, 3n);
	const numbers = new Float32Array(6);
	const value = api.CreateTensorWithDataAsOrtValue(memory, numbers, 24, shape, 2, FLOAT);
	const info = api.GetTensorTypeAndShape(value);
	const [type, rank, found] = [[0], [0], new BigInt64Array(2)];
	api.GetTensorElementType(info, type);
	api.GetDimensionsCount(info, rank);
	if (rank[0] === 2) api.GetDimensions(info, found, 2);
	api.ReleaseTensorTypeAndShapeInfo(info);
	api.ReleaseValue(value);
	const isRight =
		providers.includes('CPUExecutionProvider') && type[0] === FLOAT && `${found}` === '2,3';
	if (!isRight) throw new Error(`ONNX Runtime ${api.version} has its functions in other places`);
}

const FLOAT = 1;

const queues = new Map<string, ReturnType<typeof oneAtATime>>();

/**
 * Does the work after all that was asked of the provider before: two calls at once that use WebGPU would
 * end the process, and two networks on the processors would share them badly.
 */
export function inTurn<T>(provider: string, work: () => T | Promise<T>): Promise<T> {
	const queue = queues.get(provider) ?? oneAtATime();
	queues.set(provider, queue);
	return queue(async () => work());
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
	const [, told] = /Failed to load library .+? with error: (.+)/.exec(stderr) ?? [];
	// The system's words begin with the path of a library that is missing itself.
	if (told) return told.trim().replace(/^\/.*\/(?=[^/\s]+: )/, '');
	return /(Could not load library \S+|Unable to load any of \{[^}]+\})/.exec(stderr)?.[0] ?? null;
}

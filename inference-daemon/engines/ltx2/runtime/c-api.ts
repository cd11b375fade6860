import type { LibraryHandle } from 'koffi';
import { koffi, loadLibrary } from '../../../../files/native-library.ts';

/** An address of ONNX Runtime's. */
export type Handle = bigint;

type Argument = Handle | number | string | null | NodeJS.TypedArray | readonly unknown[];

const PATH = process.platform === 'win32' ? 'str16' : 'str';
const OPTIONS = 'const char **keys, const char **values, size_t count';

/**
 * What we call of ONNX Runtime's C API (its onnxruntime_c_api.h): the place of each function in the table
 * OrtApi, which only ever grows at its end, and its parameters. Those here tell how it went.
 */
const DOES = {
	EnableProfiling: [14, `void *options, ${PATH} prefix`],
	DisableCpuMemArena: [19, 'void *options'],
	SetSessionLogSeverityLevel: [22, 'void *options, int level'],
	SetSessionGraphOptimizationLevel: [23, 'void *options, int level'],
	RunOptionsSetTerminate: [46, 'void *options'],
	GetTensorElementType: [60, 'void *info, _Out_ int *type'],
	GetDimensionsCount: [61, 'void *info, _Out_ size_t *count'],
	GetDimensions: [62, 'void *info, int64_t *dims, size_t count'],
	AllocatorFree: [76, 'void *allocator, void *memory'],
	GetAvailableProviders: [125, '_Out_ void **list, _Out_ int *count'],
	ReleaseAvailableProviders: [126, 'void *list, int count'],
	AddSessionConfigEntry: [130, 'void *options, str key, str value'],
	RunWithBinding: [133, 'void *session, void *options, void *binding'],
	BindInput: [136, 'void *binding, str name, void *value'],
	BindOutput: [137, 'void *binding, str name, void *value'],
	SessionOptionsAppendExecutionProvider_CUDA_V2: [204, 'void *options, void *cuda'],
	UpdateCUDAProviderOptions: [206, `void *cuda, ${OPTIONS}`],
	SessionOptionsAppendExecutionProvider: [216, `void *options, str name, ${OPTIONS}`],
	CopyTensors: [386, 'void *env, void **from, void **to, void *stream, size_t count'],
} as const;

/** Their last parameter takes what they make. */
const MAKES = {
	CreateEnv: [3, 'int level, str name'],
	CreateSessionFromArray: [8, 'void *env, void *bytes, size_t count, void *options'],
	CreateSessionOptions: [10, ''],
	CreateRunOptions: [39, ''],
	CreateTensorAsOrtValue: [48, 'void *allocator, int64_t *shape, size_t rank, int type'],
	CreateTensorWithDataAsOrtValue: [
		49,
		'void *info, void *data, size_t bytes, int64_t *shape, size_t rank, int type',
	],
	GetTensorMutableData: [51, 'void *value'],
	GetTensorTypeAndShape: [65, 'void *value'],
	CreateMemoryInfo: [68, 'str name, int type, int id, int memory'],
	CreateCpuMemoryInfo: [69, 'int type, int memory'],
	GetAllocatorWithDefaultOptions: [78, ''],
	SessionEndProfiling: [110, 'void *session, void *allocator'],
	CreateAllocator: [131, 'void *session, void *info'],
	CreateIoBinding: [134, 'void *session'],
	CreateCUDAProviderOptions: [205, ''],
} as const;

/** They cannot fail. */
const GIVES = {
	GetErrorMessage: [2, 'void *status', 'str'],
	ReleaseStatus: [93, 'void *status', 'void'],
	ReleaseMemoryInfo: [94, 'void *info', 'void'],
	ReleaseSession: [95, 'void *session', 'void'],
	ReleaseValue: [96, 'void *value', 'void'],
	ReleaseRunOptions: [97, 'void *options', 'void'],
	ReleaseTensorTypeAndShapeInfo: [99, 'void *info', 'void'],
	ReleaseSessionOptions: [100, 'void *options', 'void'],
	ReleaseAllocator: [132, 'void *allocator', 'void'],
	ReleaseIoBinding: [135, 'void *binding', 'void'],
	ReleaseCUDAProviderOptions: [208, 'void *cuda', 'void'],
} as const;

/** Places in OrtApi by name. */
export const PLACES: Readonly<Record<string, number>> = Object.fromEntries(
	[DOES, MAKES, GIVES].flatMap((group) =>
		Object.entries(group).map(([name, [place]]) => [name, place] as const),
	),
);

/** The version of OrtApi that is asked for: that of ONNX Runtime 1.30. */
const VERSION = 30;

/**
 * The C API of a library that is loaded: calls throw an Error with ONNX Runtime's own words. `later` does
 * one in a thread of its own; what it is given has to stay in place until then.
 */
export type CApi = {
	readonly [name in keyof typeof DOES]: (...args: Argument[]) => void;
} & { readonly [name in keyof typeof MAKES]: (...args: Argument[]) => Handle } & {
	readonly [name in keyof typeof GIVES]: (...args: Argument[]) => string;
} & {
	readonly version: string;
	readonly later: {
		(name: 'RunWithBinding' | 'CopyTensors', ...args: Argument[]): Promise<void>;
		(name: 'CreateSessionFromArray', ...args: Argument[]): Promise<Handle>;
	};
};

/** Once for each process. Throws an Error that says what is wrong with the library. */
export function loadCApi(path: string, before: readonly string[] = []): CApi {
	for (const needed of before) loadLibrary(needed, { isShared: true });
	const library = loadLibrary(path);
	const base = koffi().decode(
		library.func('void *OrtGetApiBase()')(),
		koffi().struct({ api: 'void *', version: 'void *' }),
	);
	const version: string = koffi().call(base.version, koffi().proto('str OrtVersion()'));
	const table = koffi().call(base.api, koffi().proto('void *OrtGetApi(uint32_t version)'), VERSION);
	if (!table)
		throw new Error(`Expected ONNX Runtime 1.${VERSION} or newer, got ${version}: ${path}`);
	return functionsOf(table, version);
}

function functionsOf(table: unknown, version: string): CApi {
	const count = 1 + Math.max(...Object.values(PLACES));
	const places: Handle[] = koffi().decode(table, koffi().array('void *', count));
	const bound = (name: string, back: string, parameters: string) =>
		koffi().decode(places[PLACES[name]!], koffi().proto(`${back} Ort${name}(${parameters})`));
	const api: Record<string, unknown> = { version };
	for (const [name, [, parameters, back]] of Object.entries(GIVES)) {
		api[name] = bound(name, back, parameters);
	}
	const check = (status: Handle | null) => {
		if (!status) return;
		const { GetErrorMessage, ReleaseStatus } = api as CApi;
		const message = GetErrorMessage(status);
		ReleaseStatus(status);
		throw new Error(message);
	};
	const waited = new Map<string, (...args: Argument[]) => Promise<unknown>>();
	for (const [name, [, parameters]] of Object.entries(DOES)) {
		const call = bound(name, 'void *', parameters);
		api[name] = (...args: Argument[]) => check(call(...args));
		waited.set(name, async (...args) => check(await promised(call, args)));
	}
	for (const [name, [, parameters]] of Object.entries(MAKES)) {
		const all = parameters === '' ? '_Out_ void **made' : `${parameters}, _Out_ void **made`;
		const call = bound(name, 'void *', all);
		api[name] = (...args: Argument[]) => {
			const made: Handle[] = [0n];
			check(call(...args, made));
			return made[0];
		};
		waited.set(name, async (...args) => {
			const made: Handle[] = [0n];
			check(await promised(call, [...args, made]));
			return made[0];
		});
	}
	api.later = (name: string, ...args: Argument[]) => waited.get(name)!(...args);
	return api as CApi;
}

function promised(
	call: ReturnType<LibraryHandle['func']>,
	args: unknown[],
): Promise<Handle | null> {
	return new Promise((resolve, reject) => {
		call.async(...args, (error: Error | null, status: Handle | null) => {
			if (error) reject(error);
			else resolve(status);
		});
	});
}

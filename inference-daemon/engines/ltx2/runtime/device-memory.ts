import { koffi } from '../../../../files/native-library.ts';
import { Graph } from '../graph/graph.ts';
import type { ElementType, ValueSpec } from '../graph/onnx.ts';
import type { Handle } from './c-api.ts';
import { runtimeFailure } from './failures.ts';
import { inTurn, onnxRuntime } from './onnxruntime.ts';
import type { Provider } from './provider.ts';
import { Session } from './session.ts';
import {
	DeviceValue,
	dimensions,
	emptyArray,
	type NdArray,
	typeNumber,
	type Values,
	valueOver,
} from './values.ts';

/**
 * What ONNX Runtime calls the memory of a provider's device, and how numbers get there: as bytes in
 * memory, by its own function, or, where a provider has none (CUDA's does only as a plugin), by running a
 * graph that does nothing else.
 */
const DEVICES: Readonly<
	Record<Provider, { readonly name: string | null; readonly copies: Copies }>
> = {
	cpu: { name: null, copies: 'as bytes' },
	webgpu: { name: 'WebGPU_Buffer', copies: 'directly' },
	cuda: { name: 'Cuda', copies: 'by runs' },
};

type Copies = 'as bytes' | 'directly' | 'by runs';

/**
 * A provider's own memory, for numbers that go from run to run; the processor's is ONNX Runtime's too,
 * since JavaScript ends the process where it gets no more of it. While it is open a device keeps what it
 * has compiled.
 */
export class DeviceMemory {
	readonly #provider: Provider;
	readonly #allocator: Handle;
	/** By which there is memory of a device; null for the processor's. */
	readonly #anchor: Session | null;
	readonly #copies: Copies;
	readonly #values = new Set<DeviceValue>();
	/** That copy, by what. */
	readonly #copiers = new Map<string, Session>();

	private constructor(
		provider: Provider,
		allocator: Handle,
		anchor: Session | null,
		copies: Copies,
	) {
		this.#provider = provider;
		this.#allocator = allocator;
		this.#anchor = anchor;
		this.#copies = copies;
	}

	/** Throws PickupError `engine-failed` or `out-of-memory`. */
	static async open(provider: Provider, copies = DEVICES[provider].copies): Promise<DeviceMemory> {
		const { name } = DEVICES[provider];
		if (name === null) {
			const allocator = onnxRuntime().GetAllocatorWithDefaultOptions();
			return new DeviceMemory(provider, allocator, null, copies);
		}
		const anchor = await Session.open(copyOf('float32', [1]), { provider });
		const allocator = await inTurn(provider, () => allocatorOf(anchor.handle, name));
		return new DeviceMemory(provider, allocator, anchor, copies);
	}

	/** Room for a value of each name. Throws PickupError `out-of-memory` or `engine-failed`. */
	async room(specs: readonly ValueSpec[]): Promise<Record<string, DeviceValue>> {
		try {
			return await inTurn(this.#provider, () => {
				const entries = specs.map((spec) => [spec.name, this.#empty(spec)]);
				return Object.fromEntries(entries);
			});
		} catch (error) {
			const shapes = specs.map(({ shape }) => `[${shape}]`).join(', ');
			throw runtimeFailure(`Expected room for ${shapes} on ${this.#provider}`, error);
		}
	}

	/** Copies what is float32 to the device; the rest stays where it is. Throws as `room` does. */
	async hold(inputs: Readonly<Record<string, NdArray>>): Promise<Values> {
		if (this.#anchor === null) return inputs;
		const floats = Object.entries(inputs).filter(([, { data }]) => data instanceof Float32Array);
		const specs = floats.map(([name, { shape }]) => ({ name, type: 'float32', shape }) as const);
		const room = await this.room(specs);
		for (const [name, from] of floats) await this.#copy(from, room[name]!, 'in');
		return { ...inputs, ...room };
	}

	/** Its values are of no use afterwards. */
	async release(): Promise<void> {
		await inTurn(this.#provider, () => {
			const api = onnxRuntime();
			for (const value of this.#values) api.ReleaseValue(value.take()!);
			this.#values.clear();
			if (this.#anchor !== null) api.ReleaseAllocator(this.#allocator);
		});
		for (const copier of this.#copiers.values()) await copier.release();
		await this.#anchor?.release();
	}

	/** Over what is there; it has to stay as it is until then. Throws as `room` does. */
	write(value: DeviceValue, from: NdArray): Promise<void> {
		return this.#copy(from, value, 'in');
	}

	#empty(spec: ValueSpec): DeviceValue {
		const { CreateTensorAsOrtValue } = onnxRuntime();
		const { type, shape } = spec;
		const handle = CreateTensorAsOrtValue(this.#allocator, ...dimensions(shape), typeNumber(type));
		const value: DeviceValue = new DeviceValue(spec, handle, async () => {
			const read = emptyArray(spec);
			await this.#copy(read, value, 'out');
			return read;
		});
		this.#values.add(value);
		return value;
	}

	/** After the runs that were asked for before, which may still be under way on the device. */
	async #copy(array: NdArray, value: DeviceValue, way: 'in' | 'out'): Promise<void> {
		if (this.#copies === 'by runs') return this.#copyByRun(array, value, way);
		if (this.#copies === 'as bytes') return copyBytes(array, value, way);
		try {
			await inTurn(this.#provider, async () => {
				const api = onnxRuntime();
				const here = valueOver(value.type, array);
				const [from, to] = way === 'in' ? [here, value.handle] : [value.handle, here];
				try {
					await api.later('CopyTensors', api.env, [from], [to], null, 1);
				} finally {
					api.ReleaseValue(here);
				}
			});
		} catch (error) {
			throw runtimeFailure(`Expected [${value.shape}] to go ${way} of ${this.#provider}`, error);
		}
	}

	async #copyByRun(array: NdArray, value: DeviceValue, way: 'in' | 'out'): Promise<void> {
		const { type, shape } = value;
		const key = `${type} ${shape}`;
		const copier =
			this.#copiers.get(key) ??
			(await Session.open(copyOf(type, shape), { provider: this.#provider }));
		this.#copiers.set(key, copier);
		const [x, y] = way === 'in' ? [array, value] : [value, array];
		await copier.run({ x }, { into: { y }, isWatched: false });
	}
}

function copyBytes({ data }: NdArray, { handle }: DeviceValue, way: 'in' | 'out'): void {
	const { buffer, byteOffset, byteLength } = data;
	const here = new Uint8Array(buffer, byteOffset, byteLength);
	const there = new Uint8Array(
		koffi().view(onnxRuntime().GetTensorMutableData(handle), byteLength),
	);
	if (way === 'in') there.set(here);
	else here.set(there);
}

/** x to y. */
function copyOf(type: ElementType, shape: readonly number[]): Graph {
	const graph = new Graph('device memory');
	graph.output('y', graph.input('x', shape, type));
	return graph;
}

function allocatorOf(session: Handle, name: string): Handle {
	const api = onnxRuntime();
	const memory = api.CreateMemoryInfo(name, 0, 0, 0);
	try {
		return api.CreateAllocator(session, memory);
	} finally {
		api.ReleaseMemoryInfo(memory);
	}
}

import { dirname, relative, sep } from 'node:path';
import { INT8_BLOCK } from '../weights/int8.ts';
import type { Stored, StoredInt8 } from '../weights/quantise.ts';
import type { Tensor } from '../weights/safetensors.ts';
import {
	type Attribute,
	type ElementType,
	encodeModel,
	type NodeSpec,
	type TensorSpec,
	type ValueSpec,
} from './onnx.ts';

export type Shape = readonly number[];

/** What flows along an edge of a graph. Shapes are whole: a graph is built for one size of work. */
export type Value = ValueSpec & { readonly graph: Graph };

/** Element types of a file and what a graph calls them. */
const STORED: Readonly<Record<string, ElementType>> = {
	F32: 'float32',
	F16: 'float16',
	BF16: 'bfloat16',
	F8_E4M3: 'float8e4m3',
	U8: 'uint8',
	I8: 'int8',
	I32: 'int32',
	I64: 'int64',
};

/** In which type matrices and convolutions multiply; everything else is float32. */
export type Precision = 'float32' | 'float16' | 'bfloat16';

/**
 * As what weights are inputs of a graph: as they are stored in their file, as float32, or as that but for
 * matrices, which come as int8 in blocks of 32 with a scale each.
 */
export type WeightInputs = 'stored' | 'float' | 'int8';

export type GraphOptions = {
	readonly precision?: Precision | undefined;
	/** Default: none, they are read from files. */
	readonly weightInputs?: WeightInputs | undefined;
	/** Most queries that an attention takes at a time, and rows that a feed-forward layer does; default all. */
	readonly queryChunk?: number | undefined;
	readonly rowChunk?: number | undefined;
};

/** A weight that is an input. */
export type Feed = {
	/** What it is to the graph; of int8 the second one is its scales. */
	readonly inputs: readonly [ValueSpec, ValueSpec?];
	/** null: the checkpoint has none, which it reports. */
	readonly stored: Stored | StoredInt8 | null;
	readonly as: 'stored' | 'float32' | 'int8';
};

type Whole = {
	tensors?: readonly Tensor[];
	folder?: string | null;
	file?: Uint8Array<SharedArrayBuffer>;
};

/** An ONNX graph while it is being built: nodes in the order they run, weights by file range. */
export class Graph {
	readonly name: string;
	readonly precision: Precision;
	readonly weightInputs: WeightInputs | null;
	readonly queryChunk: number;
	readonly rowChunk: number;
	readonly #feeds: Feed[] = [];
	readonly #fed = new Map<string, Value>();
	readonly #nodes: NodeSpec[] = [];
	readonly #inputs: ValueSpec[] = [];
	readonly #outputs: ValueSpec[] = [];
	readonly #constants: TensorSpec[] = [];
	readonly #weights = new Map<string, { readonly name: string; readonly tensor: Tensor }>();
	readonly #names = new Map<string, number>();
	readonly #values = new Map<string, Value>();
	readonly #known = new Map<string, Value>();
	/** What is known of it as long as nothing is added. */
	#whole: Whole = {};

	constructor(name: string, options: GraphOptions = {}) {
		const all = Number.POSITIVE_INFINITY;
		this.name = name;
		this.precision = options.precision ?? 'float32';
		this.weightInputs = options.weightInputs ?? null;
		this.queryChunk = options.queryChunk ?? all;
		this.rowChunk = options.rowChunk ?? all;
	}

	input(name: string, shape: Shape, type: ElementType = 'float32'): Value {
		const value = { name: this.unique(name), type, shape };
		this.#inputs.push(value);
		return this.#value(value);
	}

	output(name: string, value: Value): void {
		const output = { name: this.unique(name), type: value.type, shape: value.shape };
		this.#whole = {};
		this.#nodes.push({
			op: 'Identity',
			domain: '',
			name: `${output.name}/Identity`,
			attributes: {},
			inputs: [value.name],
			outputs: [output.name],
		});
		this.#outputs.push(output);
	}

	/**
	 * A tensor of a file, in the type in which it is stored. Named once, however often it is used; by its
	 * number where weights are inputs as they are stored, so that graphs of equal parts are equal.
	 */
	weight(tensor: Tensor, shape: Shape = tensor.shape): Value {
		const type = STORED[tensor.type];
		if (type === undefined) throw new TypeError(`${tensor.name}: ${tensor.type} cannot be used`);
		const key = `${tensor.path}:${tensor.offset}:${shape}`;
		if (this.weightInputs === 'stored') return this.#fedAsStored(key, tensor, shape, type);
		const known = this.#weights.get(key);
		const name = known?.name ?? this.unique(tensor.name);
		if (!known) this.#weights.set(key, { name, tensor: { ...tensor, shape } });
		return this.#value({ name, type, shape });
	}

	/** A weight as an input of that name, float32; once, however often it is used. */
	fed(name: string, stored: Stored | null, shape: Shape): Value {
		const known = this.#fed.get(name);
		if (known) return known;
		const value = this.input(name, shape);
		this.#feeds.push({ inputs: [specOf(value)], stored, as: 'float32' });
		this.#fed.set(name, value);
		return value;
	}

	/**
	 * A matrix [n, k] as an input of that name in int8: uint8 [n, ⌈k / 32⌉, 32], 128 more than the numbers,
	 * and a scale for each block, float32 [n · ⌈k / 32⌉].
	 */
	fedInt8(name: string, stored: Stored | StoredInt8 | null, [n, k]: readonly [number, number]) {
		const named = { data: name, scales: `${name}.scales` };
		const known = this.#fed.get(named.data);
		if (known) return { data: known, scales: this.#fed.get(named.scales)! };
		const blocks = Math.ceil(k / INT8_BLOCK);
		const data = this.input(named.data, [n, blocks, INT8_BLOCK], 'uint8');
		const scales = this.input(named.scales, [n * blocks]);
		this.#feeds.push({ inputs: [specOf(data), specOf(scales)], stored, as: 'int8' });
		this.#fed.set(named.data, data).set(named.scales, scales);
		return { data, scales };
	}

	#fedAsStored(key: string, tensor: Tensor, shape: Shape, type: ElementType): Value {
		const known = this.#fed.get(key);
		if (known) return known;
		const value = this.input(`weight ${this.#feeds.length}`, shape, type);
		const stored = { kind: 'plain', tensor } as const;
		this.#feeds.push({ inputs: [specOf(value)], stored, as: 'stored' });
		this.#fed.set(key, value);
		return value;
	}

	/** Weights that are inputs. */
	get feeds(): readonly Feed[] {
		return this.#feeds;
	}

	/** Numbers that are part of the graph itself. The same ones are held once. */
	constant(name: string, type: ElementType, shape: Shape, data: NodeJS.TypedArray): Value {
		const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
		const key = `${type} [${shape}] ${bytes.toString('latin1')}`;
		const known = this.#known.get(key);
		if (known) return known;
		const value = this.#value({ name: this.unique(name), type, shape });
		this.#constants.push({ name: value.name, type, shape, data: bytes });
		this.#known.set(key, value);
		return value;
	}

	node(
		path: string,
		op: string,
		inputs: readonly (Value | null)[],
		outputs: readonly { readonly type: ElementType; readonly shape: Shape }[],
		attributes: Readonly<Record<string, Attribute>> = {},
		domain = '',
	): Value[] {
		const name = this.unique(path === '' ? op : `${path}/${op}`);
		const values = outputs.map((output, i) =>
			this.#value({ ...output, name: i === 0 ? `${name}:out` : `${name}:out${i}` }),
		);
		this.#nodes.push({
			op,
			domain,
			name,
			attributes,
			inputs: inputs.map((value) => value?.name ?? ''),
			outputs: values.map((value) => value.name),
		});
		return values;
	}

	/** The value of that name; null where there is none. */
	find(name: string): Value | null {
		return this.#values.get(name) ?? null;
	}

	#value(spec: ValueSpec): Value {
		this.#whole = {};
		const value = { ...spec, graph: this };
		this.#values.set(spec.name, value);
		return value;
	}

	/** `name`, or with a number where that is taken. */
	unique(name: string): string {
		const taken = this.#names.get(name) ?? 0;
		this.#names.set(name, taken + 1);
		return taken === 0 ? name : `${name}_${taken}`;
	}

	get inputs(): readonly ValueSpec[] {
		return this.#inputs;
	}

	get outputs(): readonly ValueSpec[] {
		return this.#outputs;
	}

	get nodes(): readonly NodeSpec[] {
		return this.#nodes;
	}

	/** The tensors that the graph reads from files. */
	get tensors(): readonly Tensor[] {
		this.#whole.tensors ??= [...this.#weights.values()].map(({ tensor }) => tensor);
		return this.#whole.tensors;
	}

	/** The folder that holds all files with weights; null where there are none. */
	get folder(): string | null {
		if (this.#whole.folder === undefined) this.#whole.folder = this.#sharedFolder();
		return this.#whole.folder;
	}

	#sharedFolder(): string | null {
		const folders = this.tensors.map(({ path }) => dirname(path).split(sep));
		const [first] = folders;
		if (first === undefined) return null;
		const apart = first.findIndex((part, i) => folders.some((folder) => folder[i] !== part));
		const shared = apart < 0 ? first : first.slice(0, apart);
		return shared.join(sep) || sep;
	}

	/**
	 * The ONNX file, in memory that threads share; weights stay where they are, told by ranges of files
	 * below `folder`.
	 */
	encode(): Uint8Array<SharedArrayBuffer> {
		this.#whole.file ??= this.#encode();
		return this.#whole.file;
	}

	#encode(): Uint8Array<SharedArrayBuffer> {
		const folder = this.folder ?? '';
		const weights = [...this.#weights.values()].map(({ name, tensor }) => ({
			name,
			type: STORED[tensor.type]!,
			shape: tensor.shape,
			data: {
				location: relative(folder, tensor.path).split(sep).join('/'),
				offset: tensor.offset,
				bytes: tensor.bytes,
			},
		}));
		return encodeModel({
			name: this.name,
			nodes: this.#nodes,
			inputs: this.#inputs,
			outputs: this.#outputs,
			tensors: [...this.#constants, ...weights],
		});
	}
}

/** Without its graph, which may be one of many that are equal. */
function specOf({ name, type, shape }: Value): ValueSpec {
	return { name, type, shape };
}

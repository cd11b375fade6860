/** ONNX files as bytes: just what our graphs need of onnx.proto3 (github onnx/onnx). */

export const ELEMENT_TYPES = {
	...{ float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 },
	...{ float16: 10, bfloat16: 16, float8e4m3: 17 },
} as const;

export type ElementType = keyof typeof ELEMENT_TYPES;

export type Attribute = number | { readonly float: number } | string | readonly number[];

export type NodeSpec = {
	readonly op: string;
	readonly domain: string;
	readonly name: string;
	/** '' stands for an optional input that is left out. */
	readonly inputs: readonly string[];
	readonly outputs: readonly string[];
	readonly attributes: Readonly<Record<string, Attribute>>;
};

export type TensorSpec = {
	readonly name: string;
	readonly type: ElementType;
	readonly shape: readonly number[];
	readonly data:
		| Uint8Array
		/** A range of a file; `location` is relative to the folder told when the graph is opened. */
		| { readonly location: string; readonly offset: number; readonly bytes: number };
};

export type ValueSpec = {
	readonly name: string;
	readonly type: ElementType;
	readonly shape: readonly number[];
};

export type GraphSpec = {
	readonly name: string;
	readonly nodes: readonly NodeSpec[];
	readonly inputs: readonly ValueSpec[];
	readonly outputs: readonly ValueSpec[];
	readonly tensors: readonly TensorSpec[];
};

const IR_VERSION = 10;
/** The newest in which onnxruntime's WebGPU provider has Sin and ConvTranspose: 22 makes them fall back to the CPU. */
const OPSET = 21;

export function encodeModel(graph: GraphSpec): Uint8Array {
	const opset = (domain: string, version: number) => message(text(1, domain), integer(2, version));
	return message(
		integer(1, IR_VERSION),
		text(2, 'pickup'),
		bytes(7, encodeGraph(graph)),
		bytes(8, opset('', OPSET)),
		bytes(8, opset('com.microsoft', 1)),
	);
}

function encodeGraph(graph: GraphSpec): Uint8Array {
	return message(
		...graph.nodes.map((node) => bytes(1, encodeNode(node))),
		text(2, graph.name),
		...graph.tensors.map((tensor) => bytes(5, encodeTensor(tensor))),
		...graph.inputs.map((value) => bytes(11, encodeValue(value))),
		...graph.outputs.map((value) => bytes(12, encodeValue(value))),
	);
}

function encodeNode(node: NodeSpec): Uint8Array {
	return message(
		...node.inputs.map((name) => text(1, name)),
		...node.outputs.map((name) => text(2, name)),
		text(3, node.name),
		text(4, node.op),
		...Object.entries(node.attributes).map(([name, value]) =>
			bytes(5, encodeAttribute(name, value)),
		),
		text(7, node.domain),
	);
}

function encodeAttribute(name: string, value: Attribute): Uint8Array {
	const head = text(1, name);
	if (typeof value === 'number') return message(head, integer(3, value), integer(20, 2));
	if (typeof value === 'string') return message(head, text(4, value), integer(20, 3));
	if ('float' in value) return message(head, float(2, value.float), integer(20, 1));
	return message(head, ...value.map((item) => integer(8, item)), integer(20, 7));
}

function encodeTensor({ name, type, shape, data }: TensorSpec): Uint8Array {
	const head = [
		...shape.map((size) => integer(1, size)),
		integer(2, ELEMENT_TYPES[type]),
		text(8, name),
	];
	if (data instanceof Uint8Array) return message(...head, bytes(9, data));
	const entry = (key: string, value: string) => bytes(13, message(text(1, key), text(2, value)));
	return message(
		...head,
		entry('location', data.location),
		entry('offset', String(data.offset)),
		entry('length', String(data.bytes)),
		integer(14, 1),
	);
}

function encodeValue({ name, type, shape }: ValueSpec): Uint8Array {
	const dimensions = shape.map((size) => bytes(1, message(integer(1, size))));
	const tensor = message(integer(1, ELEMENT_TYPES[type]), bytes(2, message(...dimensions)));
	return message(text(1, name), bytes(2, message(bytes(1, tensor))));
}

function message(...fields: readonly Uint8Array[]): Uint8Array {
	return Buffer.concat(fields);
}

function integer(field: number, value: number): Uint8Array {
	return Buffer.concat([varint(field << 3), varint(value)]);
}

function float(field: number, value: number): Uint8Array {
	const data = Buffer.alloc(4);
	data.writeFloatLE(value);
	return Buffer.concat([varint((field << 3) | 5), data]);
}

function bytes(field: number, value: Uint8Array): Uint8Array {
	return Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);
}

function text(field: number, value: string): Uint8Array {
	return bytes(field, Buffer.from(value, 'utf8'));
}

/** Negative numbers as 64-bit two's complement. */
function varint(value: number): Uint8Array {
	const out: number[] = [];
	if (value < 0) {
		let rest = BigInt.asUintN(64, BigInt(value));
		for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
		return Uint8Array.of(...out, Number(rest));
	}
	let rest = value;
	for (; rest > 0x7f; rest = Math.floor(rest / 128)) out.push((rest % 128) | 0x80);
	return Uint8Array.of(...out, rest);
}

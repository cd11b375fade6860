/** ONNX files as bytes: just what our graphs need of onnx.proto3 (github onnx/onnx). */

export const ELEMENT_TYPES = {
	float32: 1,
	uint8: 2,
	int8: 3,
	uint16: 4,
	int32: 6,
	int64: 7,
	bool: 9,
	float16: 10,
	bfloat16: 16,
	float8e4m3: 17,
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

/** In memory that threads share. */
export function encodeModel(graph: GraphSpec): Uint8Array<SharedArrayBuffer> {
	const to = new Writer();
	const opset = (domain: string, version: number) =>
		to.message(8, () => {
			to.text(1, domain);
			to.integer(2, version);
		});
	to.integer(1, IR_VERSION);
	to.text(2, 'pickup');
	to.message(7, () => writeGraph(to, graph));
	opset('', OPSET);
	opset('com.microsoft', 1);
	return to.written();
}

function writeGraph(to: Writer, { name, nodes, inputs, outputs, tensors }: GraphSpec): void {
	for (const node of nodes) to.message(1, () => writeNode(to, node));
	to.text(2, name);
	for (const tensor of tensors) to.message(5, () => writeTensor(to, tensor));
	for (const value of inputs) to.message(11, () => writeValue(to, value));
	for (const value of outputs) to.message(12, () => writeValue(to, value));
}

function writeNode(to: Writer, node: NodeSpec): void {
	for (const name of node.inputs) to.text(1, name);
	for (const name of node.outputs) to.text(2, name);
	to.text(3, node.name);
	to.text(4, node.op);
	for (const [name, value] of Object.entries(node.attributes)) {
		to.message(5, () => writeAttribute(to, name, value));
	}
	to.text(7, node.domain);
}

function writeAttribute(to: Writer, name: string, value: Attribute): void {
	to.text(1, name);
	if (typeof value === 'number') {
		to.integer(3, value);
		to.integer(20, 2);
	} else if (typeof value === 'string') {
		to.text(4, value);
		to.integer(20, 3);
	} else if ('float' in value) {
		to.float(2, value.float);
		to.integer(20, 1);
	} else {
		for (const item of value) to.integer(8, item);
		to.integer(20, 7);
	}
}

function writeTensor(to: Writer, { name, type, shape, data }: TensorSpec): void {
	for (const size of shape) to.integer(1, size);
	to.integer(2, ELEMENT_TYPES[type]);
	to.text(8, name);
	if (data instanceof Uint8Array) {
		to.bytes(9, data);
		return;
	}
	const entry = (key: string, value: string) =>
		to.message(13, () => {
			to.text(1, key);
			to.text(2, value);
		});
	entry('location', data.location);
	entry('offset', String(data.offset));
	entry('length', String(data.bytes));
	to.integer(14, 1);
}

function writeValue(to: Writer, { name, type, shape }: ValueSpec): void {
	const writeShape = () => {
		for (const size of shape) to.message(1, () => to.integer(1, size));
	};
	const writeType = () => {
		to.integer(1, ELEMENT_TYPES[type]);
		to.message(2, writeShape);
	};
	to.text(1, name);
	to.message(2, () => to.message(1, writeType));
}

/** Bytes of a length that is written before it is known: as many as a varint may take. */
const LENGTH = 4;
/** The most that fit there. */
const LONGEST = 2 ** (7 * LENGTH);
/** Of a field's number and of a 64-bit number. */
const VARINT = 10;

/** Fields of a protobuf message, one after the other. */
class Writer {
	#bytes = Buffer.allocUnsafe(1 << 16);
	#length = 0;

	/** Negative numbers as 64-bit two's complement. */
	integer(field: number, value: number): void {
		this.#tag(field, 0);
		this.#varint(value);
	}

	float(field: number, value: number): void {
		this.#tag(field, 5);
		this.#reserve(4);
		this.#length = this.#bytes.writeFloatLE(value, this.#length);
	}

	text(field: number, value: string): void {
		this.#tag(field, 2);
		const length = Buffer.byteLength(value);
		this.#varint(length);
		this.#reserve(length);
		this.#length += this.#bytes.write(value, this.#length);
	}

	bytes(field: number, value: Uint8Array): void {
		this.#tag(field, 2);
		this.#varint(value.length);
		this.#reserve(value.length);
		this.#bytes.set(value, this.#length);
		this.#length += value.length;
	}

	message(field: number, write: () => void): void {
		this.#tag(field, 2);
		this.#reserve(LENGTH);
		const start = this.#length;
		this.#length += LENGTH;
		write();
		let rest = this.#length - start - LENGTH;
		if (rest >= LONGEST) throw new RangeError(`Expected less than ${LONGEST} bytes, got ${rest}`);
		for (let i = 0; i < LENGTH; i++, rest >>= 7) {
			this.#bytes[start + i] = (rest & 0x7f) | (i < LENGTH - 1 ? 0x80 : 0);
		}
	}

	written(): Uint8Array<SharedArrayBuffer> {
		const all = new Uint8Array(new SharedArrayBuffer(this.#length));
		all.set(this.#bytes.subarray(0, this.#length));
		return all;
	}

	#tag(field: number, kind: number): void {
		this.#varint((field << 3) | kind);
	}

	#varint(value: number): void {
		this.#reserve(VARINT);
		let rest = value;
		if (value < 0) {
			let bits = BigInt.asUintN(64, BigInt(value));
			for (; bits > 0x7fn; bits >>= 7n) this.#bytes[this.#length++] = Number(bits & 0x7fn) | 0x80;
			rest = Number(bits);
		}
		for (; rest > 0x7f; rest = Math.floor(rest / 128)) {
			this.#bytes[this.#length++] = (rest % 128) | 0x80;
		}
		this.#bytes[this.#length++] = rest;
	}

	#reserve(more: number): void {
		if (this.#length + more <= this.#bytes.length) return;
		const larger = Buffer.allocUnsafe(2 * (this.#length + more));
		larger.set(this.#bytes.subarray(0, this.#length));
		this.#bytes = larger;
	}
}

import { ELEMENT_TYPES } from '../../inference-daemon/engines/ltx2/graph/onnx.ts';

export type Output = { readonly name: string; readonly shape: readonly number[] };

/** What stands for a network: its name, and what it gives, in float32. */
export type Outline = { readonly name: string; readonly outputs: readonly Output[] };

/** From the bytes of an ONNX file, as graph/onnx.ts writes it. */
export function readGraph(model: Uint8Array): Outline {
	const graph = messageIn(model, 7);
	const outputs = allIn(graph, 12).map((value) => readValue(value as Uint8Array));
	return { name: textIn(graph, 2), outputs };
}

function readValue(value: Uint8Array): Output {
	const name = textIn(value, 1);
	const tensor = messageIn(messageIn(value, 2), 1);
	const [type] = allIn(tensor, 1);
	if (type !== ELEMENT_TYPES.float32) {
		throw new TypeError(`Expected ${name} in float32, got ONNX's type ${type}`);
	}
	const dimensions = allIn(messageIn(tensor, 2), 1);
	return { name, shape: dimensions.map((size) => allIn(size as Uint8Array, 1)[0] as number) };
}

function messageIn(message: Uint8Array, field: number): Uint8Array {
	return allIn(message, field)[0] as Uint8Array;
}

function textIn(message: Uint8Array, field: number): string {
	return Buffer.from(messageIn(message, field)).toString('utf8');
}

/** All that a message has of a field: bytes, or whole numbers. */
function allIn(message: Uint8Array, wanted: number): (Uint8Array | number)[] {
	const found: (Uint8Array | number)[] = [];
	let at = 0;
	const varint = () => {
		let value = 0;
		for (let scale = 1; ; scale *= 128) {
			const byte = message[at++]!;
			value += (byte & 127) * scale;
			if (byte < 128) return value;
		}
	};
	while (at < message.length) {
		const key = varint();
		const [field, wire] = [key >>> 3, key & 7];
		let value: Uint8Array | number = 0;
		if (wire === 0) value = varint();
		else {
			const length = wire === 5 ? 4 : varint();
			value = message.subarray(at, at + length);
			at += length;
		}
		if (field === wanted) found.push(value);
	}
	return found;
}

import { openRegular } from '../../../../files/open-regular.ts';
import { PickupError } from '../../../../protocol/errors.ts';
import type { Graph } from '../graph/graph.ts';
import type { ElementType } from '../graph/onnx.ts';
import { type Bits, firstWith } from '../weights/floats.ts';
import type { Tensor } from '../weights/safetensors.ts';
import type { Elements } from './values.ts';

/** Values are read by this much at a time; a multiple of every element's size. */
const CHUNK = 1 << 22;

/**
 * Bytes of an element, and the bits that are all ones in NaN and infinity; in F8_E4M3, which has no
 * infinity, in NaN. Other types hold neither.
 */
const LAYOUTS: Partial<Record<Tensor['type'], { width: 1 | 2 | 4; exponent: number }>> = {
	F32: { width: 4, exponent: 0x7f80_0000 },
	F16: { width: 2, exponent: 0x7c00 },
	BF16: { width: 2, exponent: 0x7f80 },
	F8_E4M3: { width: 1, exponent: 0x7f },
	F8_E5M2: { width: 1, exponent: 0x7c },
};

/** Throws PickupError `bad-weights` that names the first tensor with a NaN or an infinity in it. */
export async function checkWeights(
	{ name }: Pick<Graph, 'name'>,
	tensors: readonly Tensor[],
): Promise<void> {
	for (const tensor of tensors) {
		const index = await firstNotFinite(tensor);
		if (index === null) continue;
		throw new PickupError(
			'bad-weights',
			`Expected finite weights in ${name}, but element ${index} of ${tensor.name} in ${tensor.path} is NaN or infinite`,
			{ field: tensor.name },
		);
	}
}

/** Index of the first NaN or infinity, in file order. */
async function firstNotFinite(tensor: Tensor): Promise<number | null> {
	const layout = LAYOUTS[tensor.type];
	if (layout === undefined) return null;
	const { width, exponent } = layout;
	const file = await openRegular(tensor.path);
	try {
		const buffer = new ArrayBuffer(CHUNK);
		for (let at = 0; at < tensor.bytes; at += CHUNK) {
			const length = Math.min(CHUNK, tensor.bytes - at);
			const { bytesRead } = await file.read(
				new Uint8Array(buffer, 0, length),
				0,
				length,
				tensor.offset + at,
			);
			const index = firstWith(bitsOf(buffer, bytesRead, width), exponent);
			if (index !== null) return at / width + index;
		}
		return null;
	} finally {
		await file.close();
	}
}

function bitsOf(buffer: ArrayBuffer, bytes: number, width: number): Bits {
	const Type = width === 4 ? Uint32Array : width === 2 ? Uint16Array : Uint8Array;
	return new Type(buffer, 0, Math.floor(bytes / width));
}

/** Index of the first NaN or infinity among numbers of a graph; whole numbers have none. */
export function firstWrong(
	{ buffer, byteOffset, length }: Elements,
	type: ElementType,
): number | null {
	if (type === 'float32') {
		return firstWith(new Uint32Array(buffer, byteOffset, length), LAYOUTS.F32!.exponent);
	}
	if (type !== 'float16') return null;
	return firstWith(new Uint16Array(buffer, byteOffset, length), LAYOUTS.F16!.exponent);
}

import { crc32, deflateSync } from 'node:zlib';
import type { Size } from '../../protocol/schemas.ts';

/** Packed red, green and blue, a byte each. */
export type RgbPicture = Size & { readonly data: Uint8Array | Uint8ClampedArray };

/**
 * A small picture as a PNG, in this process, in milliseconds where a start of ffmpeg would take a
 * hundred. Throws RangeError for sizes that are no whole numbers above 0 and for data of another length.
 */
export function pngOf({ width, height, data }: RgbPicture): Uint8Array {
	const isSize = Number.isInteger(width) && width > 0 && Number.isInteger(height) && height > 0;
	if (!isSize || data.length !== width * height * 3) {
		throw new RangeError(`Expected ${width}×${height} RGB pixels, got ${data.length} bytes`);
	}
	const head = Buffer.alloc(13);
	head.writeUInt32BE(width, 0);
	head.writeUInt32BE(height, 4);
	// 8 bits of red, green and blue.
	head.set([8, 2], 8);
	const line = 3 * width;
	const rows = new Uint8Array(height * (line + 1));
	for (let y = 0; y < height; y++) {
		const [from, to] = [y * line, y * (line + 1)];
		// Each byte less that of the pixel before it, which takes less room.
		rows[to] = 1;
		for (let x = 0; x < line; x++) {
			rows[to + 1 + x] = data[from + x]! - (x < 3 ? 0 : data[from + x - 3]!);
		}
	}
	const chunks = [chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND')];
	return Buffer.concat([PNG_SIGNATURE, ...chunks]);
}

export const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/** Of a PNG (ISO/IEC 15948, 5.3). */
function chunk(name: string, data: Uint8Array = new Uint8Array(0)): Buffer {
	const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
	const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
	length.writeUInt32BE(data.length);
	check.writeUInt32BE(crc32(body));
	return Buffer.concat([length, body, check]);
}

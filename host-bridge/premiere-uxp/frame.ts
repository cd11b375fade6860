import { PickupError } from '../../protocol/errors.ts';
import type { Size } from '../../protocol/schemas.ts';
import { pause } from '../premiere/import-once.ts';
import type { Open } from './open.ts';
import type { Files, Premiere } from './surroundings.ts';
import { timeAt } from './time.ts';

/** How often it is looked for a picture that comes late, and for how long, in ms. */
const LOOK_EVERY = 50;
const LOOK_FOR = 30_000;

/**
 * Writes the composed picture of a frame as PNG to a path that is free. Premiere appends an
 * extension of its own in some versions, and may still be writing when it says that it has written.
 */
export async function grabFrame(
	{ ppro, files }: { readonly ppro: Premiere; readonly files: Files },
	{ sequence, ticksPerFrame }: Open,
	frame: number,
	path: string,
): Promise<Size> {
	const { width, height } = await sequence.getFrameSize();
	const at = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1;
	const folder = path.slice(0, at);
	const name = `${path.slice(at).replace(/\.png$/i, '')}-part.png`;
	const written = [`${folder}${name}`, `${folder}${name}.png`];
	const time = timeAt(ppro, frame, ticksPerFrame);
	try {
		await ppro.Exporter.exportSequenceFrame(sequence, time, name, folder, width, height);
		// What it answers is no proof, either way: the file is.
		for (let waited = 0; waited < LOOK_FOR; waited += LOOK_EVERY) {
			for (const candidate of written) {
				const size = await sizeOfWhole(files, candidate);
				if (!size) continue;
				if (size.width !== width || size.height !== height)
					throw otherSize(size, { width, height });
				await files.rename(candidate, path);
				return size;
			}
			await pause(LOOK_EVERY);
		}
		throw new PickupError('host-refused', 'Premiere wrote no picture of that frame');
	} finally {
		for (const candidate of written) await files.unlink(candidate).catch(() => {});
	}
}

/** Of a PNG that is all there; null where it is not, or not yet. */
async function sizeOfWhole(files: Files, path: string): Promise<Size | null> {
	const buffer = await files.readFile(path, {}).catch(() => null);
	if (!buffer || buffer.byteLength < 45) return null;
	const view = new DataView(buffer);
	const isPng = view.getUint32(0) === 0x89504e47 && view.getUint32(4) === 0x0d0a1a0a;
	const endsWhole = view.getUint32(buffer.byteLength - 8) === IEND;
	if (!isPng || !endsWhole) return null;
	return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** The name of the chunk that ends a PNG; four bytes of a checksum follow. */
const IEND = 0x49454e44;

function otherSize(got: Size, wanted: Size): PickupError {
	return new PickupError(
		'host-refused',
		`Expected a picture of ${wanted.width} × ${wanted.height}, Premiere wrote ${got.width} × ${got.height}`,
	);
}

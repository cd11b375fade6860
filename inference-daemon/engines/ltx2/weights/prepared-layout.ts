import { join } from 'node:path';
import { PickupError } from '../../../../protocol/errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { filesKey } from './files-key.ts';
import { headerBytes, type TensorToWrite } from './header-text.ts';
import { INT8_BLOCK } from './int8.ts';
import { sizesOf } from './numbers.ts';
import { type Stored, type StoredInt8, storedAs } from './quantise.ts';
import type { Tensor } from './safetensors.ts';

/** A matrix as its checkpoint has it, and where it lies in a prepared file. */
export type PreparedMatrix = {
	/** In a whole checkpoint. */
	readonly name: string;
	readonly source: Stored;
	readonly stored: StoredInt8;
};

/** A prepared file, which holds all matrices of a block of the transformer, whether it is there or not. */
export type PreparedFile = {
	readonly path: string;
	readonly block: number;
	readonly matrices: readonly PreparedMatrix[];
	/** The file's first bytes, but for the hash of what follows them: zeros stand there. */
	readonly header: Buffer;
	/** Where in the header the hash is, in hex. */
	readonly hashAt: number;
	readonly bytes: number;
};

/** The prepared files of a checkpoint are those of a folder of their own. */
export type PreparedLayout = {
	readonly folder: string;
	readonly files: readonly PreparedFile[];
	readonly bytes: number;
};

/** Names the folder in `cache` with what is prepared, one folder in it for each checkpoint. */
export function preparedIn(cache: string): string {
	return join(cache, 'prepared');
}

/**
 * What is to be prepared of a checkpoint, and where: the matrices of the transformer's blocks, not
 * their biases, norms and tables. Throws PickupError `bad-weights` for formats that are not known.
 */
export async function layoutIn(checkpoint: Checkpoint, cache: string): Promise<PreparedLayout> {
	const matrices = matricesOf(checkpoint);
	const key = await filesKey([VERSION], pathsOf(matrices));
	return layoutOf(matrices, key, join(preparedIn(cache), key));
}

/** Bytes that all prepared files of a checkpoint have. Throws as `layoutIn`. */
export function preparedBytes(checkpoint: Checkpoint): number {
	return layoutOf(matricesOf(checkpoint), NO_HASH, '').bytes;
}

/** Of the checkpoint's files all that matrices are read from. */
export function sourcesOf({ files }: PreparedLayout): readonly string[] {
	return pathsOf(
		files.flatMap(({ matrices }) => matrices.map(({ name, source }) => ({ name, source }))),
	);
}

/** Changes when the same weights come to give other files. */
const VERSION = 'pickup int8 1';

const MATRIX = /^model\.diffusion_model\.transformer_blocks\.(\d+)\..+\.weight$/;
const NO_HASH = '0'.repeat(64);

type Source = Pick<PreparedMatrix, 'name' | 'source'>;

function matricesOf(checkpoint: Checkpoint): readonly Source[] {
	const names = [...checkpoint.names()].filter((name) => MATRIX.test(name)).sort();
	return names.flatMap((name) => {
		const tensor = checkpoint.find(name)!;
		if (tensor.shape.length !== 2) return [];
		const source = storedAs(tensor, name, (other) => checkpoint.find(other));
		if (source !== null) return [{ name, source }];
		throw new PickupError(
			'bad-weights',
			`Expected weights in a format that is known here, got ${name} in ${tensor.path} in a ${tensor.type} format of its own`,
			{ field: tensor.path, action: 'Take the model in BF16, FP8 or NVFP4.' },
		);
	});
}

function pathsOf(matrices: readonly Source[]): readonly string[] {
	const tensors = matrices.flatMap(({ source }) => tensorsOf(source));
	return [...new Set(tensors.map(({ path }) => path))].sort();
}

/** All that a matrix is read from. */
function tensorsOf(source: Stored): readonly Tensor[] {
	if (source.kind === 'plain') return [source.tensor];
	if (source.kind === 'fp8') return [source.tensor, source.scale];
	const { tensor, blockScales, scale, columnScale } = source;
	return [tensor, blockScales, scale, ...(columnScale ? [columnScale] : [])];
}

function layoutOf(matrices: readonly Source[], key: string, folder: string): PreparedLayout {
	const blocks = new Map<number, Source[]>();
	for (const matrix of matrices) {
		const block = Number(MATRIX.exec(matrix.name)![1]);
		blocks.set(block, [...(blocks.get(block) ?? []), matrix]);
	}
	const inOrder = [...blocks].sort(([a], [b]) => a - b);
	const files = inOrder.map(([block, own]) => fileOf(block, own, key, folder));
	return { folder, files, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

function fileOf(
	block: number,
	matrices: readonly Source[],
	key: string,
	folder: string,
): PreparedFile {
	const path = join(folder, `block-${String(block).padStart(2, '0')}.safetensors`);
	const tensors = matrices.flatMap(({ name, source }): TensorToWrite[] => {
		const { rows, columns } = sizesOf(source);
		const shape = [rows, Math.ceil(columns / INT8_BLOCK)];
		const blocks = shape[0]! * shape[1]!;
		return [
			{ name, type: 'U8', shape: [...shape, INT8_BLOCK], bytes: blocks * INT8_BLOCK },
			{ name: `${name}_scale`, type: 'F16', shape, bytes: 2 * blocks },
		];
	});
	const meaning = `(U8 - 128) * weight_scale, one scale for ${INT8_BLOCK} columns`;
	const header = headerBytes({ format: VERSION, meaning, key, sha256: NO_HASH }, tensors);
	let bytes = header.length;
	const placed = tensors.map((tensor): Tensor => {
		const offset = bytes;
		bytes += tensor.bytes;
		return { ...tensor, path, offset };
	});
	return {
		path,
		block,
		header,
		hashAt: header.indexOf(NO_HASH, header.indexOf('"sha256"')),
		bytes,
		matrices: matrices.map(({ name, source }, i) => {
			const { rows, columns } = sizesOf(source);
			const [tensor, scales] = [placed[2 * i]!, placed[2 * i + 1]!];
			const stored = { kind: 'int8', tensor, scales, shape: [rows, columns] } as const;
			return { name, source, stored };
		}),
	};
}

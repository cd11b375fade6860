import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../../inference-daemon/engines/ltx2/weights/safetensors.ts';
import { readWeights } from '../../../inference-daemon/engines/ltx2/weights/shards.ts';
import { PickupError } from '../../../protocol/errors.ts';
import { tries } from '../../tries.ts';
import { goldenPath } from './golden.ts';
import { type Entries, writeWeights } from './sparse.ts';

const MEBIBYTE = 2 ** 20;

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup weights '));
});
afterAll(() => rm(folder, { recursive: true }));

let count = 0;
function place(): string {
	count++;
	return join(folder, `${count}.safetensors`);
}

/** A file with that header, that length told before it and that many bytes after it. */
async function fileOf(header: string | Uint8Array, data = 0, told?: bigint): Promise<string> {
	const path = place();
	const text = typeof header === 'string' ? Buffer.from(header) : header;
	const length = Buffer.alloc(8);
	length.writeBigUInt64LE(told ?? BigInt(text.length));
	const file = await open(path, 'w');
	await file.write(Buffer.concat([length, text]));
	await file.truncate(8 + text.length + data);
	await file.close();
	return path;
}

/** The error of reading a file, which must come without much memory. */
async function refused(path: string): Promise<string> {
	const before = process.memoryUsage();
	const error = await readSafetensors(path).then(
		() => null,
		(reason: unknown) => reason,
	);
	const after = process.memoryUsage();
	expect(error).toBeInstanceOf(PickupError);
	expect((error as PickupError).code).toBe('bad-weights');
	expect((error as PickupError).field).toBe(path);
	const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
	expect(grown).toBeLessThan(24 * MEBIBYTE);
	return (error as PickupError).message.replaceAll(path, 'FILE');
}

const entry = (dtype: string, shape: unknown, offsets: unknown) =>
	JSON.stringify({ dtype, shape, data_offsets: offsets });

describe('what is there', () => {
	it('is told with its place, whatever order the names are in', async () => {
		const header = `{"b":${entry('F32', [2], [2, 10])},"__metadata__":{"config":"{}","α":"\\u03b2"},
			"a":${entry('F16', [], [0, 2])}, "empty":${entry('U8', [0, 7], [10, 10])}}   `;
		const path = await fileOf(header, 10);
		const file = await readSafetensors(path);
		const start = 8 + Buffer.byteLength(header);
		expect(file).toEqual({
			path,
			bytes: start + 10,
			metadata: { config: '{}', α: 'β' },
			tensors: new Map([
				['b', { name: 'b', type: 'F32', shape: [2], path, offset: start + 2, bytes: 8 }],
				['a', { name: 'a', type: 'F16', shape: [], path, offset: start, bytes: 2 }],
				['empty', { name: 'empty', type: 'U8', shape: [0, 7], path, offset: start + 10, bytes: 0 }],
			]),
		});
	});

	it('may have any name', async () => {
		const names = ['__proto__', 'constructor', 'toString', 'ünï.✓', 'a "b" \\ c', '\u0001'];
		const text = names.map((name, i) => `${JSON.stringify(name)}:${entry('U8', [1], [i, i + 1])}`);
		const header = `{"__metadata__":{"__proto__":"x","constructor":"y"},${text}}`;
		const { tensors, metadata } = await readSafetensors(await fileOf(header, names.length));
		expect([...tensors.keys()]).toEqual(names);
		expect(Object.entries(metadata)).toEqual([
			['__proto__', 'x'],
			['constructor', 'y'],
		]);
		expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
	});

	it('may lie beyond 4 GiB', async () => {
		const path = place();
		await writeWeights(path, { a: ['BF16', [5 * 2 ** 30]], b: ['F32', [3]] });
		const { tensors, bytes } = await readSafetensors(path);
		const start = bytes - 10 * 2 ** 30 - 12;
		expect(tensors.get('b')).toMatchObject({ offset: start + 10 * 2 ** 30, bytes: 12 });
	});

	it('may have a header of many mebibytes', async () => {
		const value = 'x'.repeat(3 * MEBIBYTE - 7).concat('✓');
		const path = await fileOf(
			`{"__metadata__":{"a":"${value}"},"b":${entry('U8', [1], [0, 1])}}`,
			1,
		);
		const { metadata, tensors } = await readSafetensors(path);
		expect(metadata.a === value).toBe(true);
		expect([...tensors.keys()]).toEqual(['b']);
	});

	it('is found through links, as download caches make them', async () => {
		const blob = join(folder, 'blob');
		await writeWeights(blob, { a: ['U8', [1]] });
		const path = place();
		await symlink(blob, path);
		const file = await readSafetensors(path);
		expect([file.path, file.tensors.get('a')!.path]).toEqual([path, blob]);
	});
});

describe('what is damaged is told at once', () => {
	const one = (offsets: unknown, shape: unknown = [2, 3], dtype = 'F32') =>
		`{"a":${entry(dtype, shape, offsets)}}`;

	it.each([
		['an empty header', '', 'a whole header with { at character 0'],
		['a header that is cut', '{"a":{"dtype":"F3', 'a whole header with the end of a string at'],
		['not an object', '[1]', 'a header with { at character 0'],
		['not JSON', '{a:1}', 'a header with " at character 1'],
		['spaces first', ' {}', 'a header with { at character 0'],
		['a mark of byte order', '\ufeff{}', 'a header with { at character 0'],
		['two objects', '{}{}', 'nothing but spaces after the header at character 2'],
		['a comma too much', `{"a":${entry('U8', [0], [0, 0])},}`, 'a header with " at'],
		[
			'a key that comes twice',
			one([0, 24]).replace('}}', '},"a":{}}'),
			'each key once, not a twice',
		],
		['a key twice by an escape', one([0, 24]).replace('}}', '},"\\u0061":{}}'), 'not a twice'],
		[
			'a shape that comes twice',
			one([0, 24]).replace('"shape"', '"shape":[],"shape"'),
			'not shape tw',
		],
		['metadata twice', '{"__metadata__":{},"__metadata__":{}}', 'not __metadata__ twice'],
		['a key of metadata twice', '{"__metadata__":{"a":"","a":""}}', 'each key once, not a twice'],
		['metadata that is a list', '{"__metadata__":[]}', 'a header with { at'],
		['metadata of numbers', '{"__metadata__":{"a":1}}', 'a header with " at'],
		['metadata of objects', '{"__metadata__":{"a":{}}}', 'a header with " at'],
		['a tensor that is null', '{"a":null}', 'a header with { at'],
		['a tensor without a name', one([0, 24]).replace('"a"', '""'), 'a tensor with a name'],
		['a tensor without a type', '{"a":{"shape":[],"data_offsets":[0,4]}}', 'dtype, shape and two'],
		[
			'a tensor without a shape',
			'{"a":{"dtype":"U8","data_offsets":[0,4]}}',
			'dtype, shape and two',
		],
		['one offset', one([0]), 'dtype, shape and two data_offsets of a'],
		['three offsets', one([0, 24, 24]), 'dtype, shape and two data_offsets of a'],
		['a key that no tensor has', '{"a":{"strides":[]}}', 'data_offsets of a, not strides,'],
		['a negative size', one([0, 24], [2, -3]), 'a whole number from 0'],
		['half a size', one([0, 24], [2, 3.5]), 'a header with ,'],
		['a size with an exponent', one([0, 24]).replace('[2,3]', '[2,3e0]'), 'a header with ,'],
		['a size as text', one([0, 24], [2, '3']), 'a whole number from 0'],
		['a size with leading zeros', one([0, 24]).replace('[2,3]', '[2,03]'), 'a whole number from 0'],
		['a size beyond counting', one([0, 24], [2, 2 ** 53]), 'a whole number from 0'],
		['a product beyond counting', one([0, 24], [2 ** 40, 2 ** 40]), 'a of a size to count'],
		['a type that is not known', one([0, 24], [2, 3], 'F31'), 'a in a type of the format, got F31'],
		['a type of every object', one([0, 24], [2, 3], 'toString'), 'format, got toString'],
		['too few bytes', one([0, 20]), '24 bytes for a, F32 [2,3], got 20'],
		['too many bytes', one([0, 28]), '24 bytes for a, F32 [2,3], got 28'],
		['an end before the start', one([24, 0]), '24 bytes for a, F32 [2,3], got -24'],
		['half a byte', one([0, 1], [3], 'F4'), '1.5 bytes for a, F4 [3], got 1'],
		['a broken escape', '{"\\x":{}}', 'a string without broken escapes'],
		['half a character', '{"\\ud800":{}}', 'a string without broken escapes'],
		['a line break in a name', '{"a\nb":{}}', 'no control character'],
	])('%s', async (_, header, expected) => {
		expect(await refused(await fileOf(header, 24))).toContain(expected);
	});

	it('text that is no UTF-8', async () => {
		const header = Buffer.concat([Buffer.from('{"'), Buffer.of(0xc3, 0x28), Buffer.from('":{}}')]);
		expect(await refused(await fileOf(header))).toContain('a header in UTF-8');
	});

	it('offsets that overlap', async () => {
		const header = `{"a":${entry('U8', [8], [0, 8])},"b":${entry('U8', [8], [4, 12])}}`;
		expect(await refused(await fileOf(header, 12))).toBe(
			'Expected FILE to have b after a, got both in the same bytes',
		);
	});

	it('offsets that leave a hole, at the start or between', async () => {
		const between = `{"a":${entry('U8', [8], [0, 8])},"b":${entry('U8', [8], [12, 20])}}`;
		expect(await refused(await fileOf(between, 20))).toBe(
			'Expected FILE to have b right after a, got 4 bytes between',
		);
		expect(await refused(await fileOf(one([4, 28]), 28))).toBe(
			'Expected FILE to have a right after the header, got 4 bytes between',
		);
	});

	it('offsets that leave the file, as after a download that broke off', async () => {
		expect(await refused(await fileOf(one([0, 24]), 10))).toBe(
			'Expected FILE to have all of a, 14 bytes are missing',
		);
	});

	it('bytes that belong to no tensor', async () => {
		expect(await refused(await fileOf(one([0, 24]), 25))).toBe(
			'Expected FILE to have no bytes after a, got 1',
		);
	});

	it('a file of a few bytes', async () => {
		const path = place();
		await writeFile(path, Buffer.alloc(7));
		expect(await refused(path)).toBe(
			'Expected FILE to have 8 bytes that tell the header’s length, got 7'.replace('’', "'"),
		);
	});

	it('a header longer than the file, than 100 MB, or than any file', async () => {
		expect(await refused(await fileOf('{}', 0, 3n))).toContain('at most 2 bytes, got 3');
		expect(await refused(await fileOf('{}', 200_000_000, 100_000_001n))).toContain(
			'a header of at most 100000000 bytes, got 100000001',
		);
		expect(await refused(await fileOf('{}', 9, 2n ** 64n - 1n))).toContain(
			'got 18446744073709551615',
		);
	});

	it.each(['', '{', '{"a":', '{"__metadata__":{"a":"b"}'])(
		'a sparse file whose header is said to be 99 MB and is %j and zeros',
		async (start) => {
			const path = await fileOf(start, 100_000_000, 99_000_000n);
			expect(await refused(path)).toContain('a header with');
		},
	);

	it.each([
		['a web page', '<!doctype html><title>Access denied</title>'.repeat(100)],
		['a pointer of Git LFS, which stands for them', 'version https://git-lfs.github.com/spec/v1\n'],
		['a GGUF file', `GGUF\x03${'\0'.repeat(50)}`],
		['a ZIP archive, as PyTorch writes its checkpoints', `PK\x03\x04${'\0'.repeat(50)}`],
		['text', '{"error":"Access to this model is restricted"}'],
		['an empty file', ''],
	])('%s', async (what, bytes) => {
		const path = place();
		await writeFile(path, bytes);
		expect(await refused(path)).toBe(`Expected FILE to have weights, got ${what}`);
	});
});

describe('where there is no file', () => {
	it('nothing, a folder or a FIFO is told', async () => {
		expect(await refused(join(folder, 'none'))).toBe(
			'Expected a file with weights at FILE, found none',
		);
		expect(await refused(folder)).toBe('Expected a file with weights at FILE, got a folder');
		const fifo = join(folder, 'fifo');
		execFileSync('mkfifo', [fifo]);
		expect(await refused(fifo)).toBe(
			'Expected a file with weights at FILE, got a device, pipe or socket',
		);
	});
});

describe('a file in parts', () => {
	/** A folder with these parts and an index of them. */
	async function parts(files: Readonly<Record<string, Entries>>, index?: unknown): Promise<string> {
		count++;
		const where = join(folder, `parts ${count}`);
		await mkdir(where);
		for (const [name, entries] of Object.entries(files)) {
			await writeWeights(join(where, name), entries, { from: name, [name]: 'yes' });
		}
		const map = Object.entries(files).flatMap(([file, entries]) =>
			Object.keys(entries).map((name) => [name, file]),
		);
		const path = join(where, 'model.safetensors.index.json');
		const whole = index ?? { metadata: { total_size: 1 }, weight_map: Object.fromEntries(map) };
		await writeFile(path, typeof whole === 'string' ? whole : JSON.stringify(whole));
		return path;
	}

	const FILES = {
		'model-00001-of-00002.safetensors': { a: ['F32', [2]], b: ['U8', [1]] },
		'model-00002-of-00002.safetensors': { c: ['F16', [3]] },
	} as const;

	it('is one file', async () => {
		const path = await parts(FILES);
		const file = await readWeights(path);
		expect(file.path).toBe(path);
		expect([...file.tensors.keys()]).toEqual(['a', 'b', 'c']);
		expect(file.tensors.get('c')!.path).toMatch(/model-00002-of-00002\.safetensors$/);
		expect(Object.keys(file.metadata)).toHaveLength(3);
		expect(file.metadata.from).toBe('model-00001-of-00002.safetensors');
	});

	it('tells every part that is missing and every tensor that a part lacks', async () => {
		const gone = await parts(FILES, { weight_map: { a: 'x.safetensors', c: 'y.safetensors' } });
		await expect(readWeights(gone)).rejects.toThrow(
			/x\.safetensors, found none; .*y\.safetensors, f/,
		);
		const [first, second] = Object.keys(FILES);
		const lacking = await parts(FILES, { weight_map: { a: first, b: second, d: second } });
		await expect(readWeights(lacking)).rejects.toThrow(`no b in ${second}, d in ${second}`);
	});

	it.each([
		['no JSON', '{', /to have JSON/],
		['no weight_map', {}, /a weight_map/],
		['a list', { weight_map: [] }, /a weight_map/],
		['a number for a file', { weight_map: { a: 1 } }, /for a a file beside it, got 1/],
		['a file elsewhere', { weight_map: { a: '../x.safetensors' } }, /got "\.\.\/x\.safetensors"/],
		['a folder', { weight_map: { a: '..' } }, /got "\.\."/],
		['no name', { weight_map: { a: '' } }, /got ""/],
	])('tells an index with %s', async (_, index, expected) => {
		const path = await parts(FILES, index);
		const reading = readWeights(path);
		await expect(reading).rejects.toThrow(expected);
		await expect(reading).rejects.toMatchObject({ code: 'bad-weights' });
	});
});

describe('mutations', () => {
	/** Headers of golden files and the bytes that follow each. */
	async function realHeaders(): Promise<{ header: Buffer; data: number }[]> {
		const names = await readdir(goldenPath('', ''), { recursive: true });
		const files = names.filter((name) => name.endsWith('.safetensors')).sort();
		const all = await Promise.all(
			files.map(async (name) => {
				const bytes = await readFile(goldenPath('', name));
				const end = 8 + Number(bytes.readBigUInt64LE());
				return { header: Buffer.from(bytes.subarray(8, end)), data: bytes.length - end };
			}),
		);
		return all.filter(({ header }) => header.length < 20_000);
	}

	const mutations = tries(2000, 100_000);
	it(`${mutations} of real headers, changed, are read or refused`, async () => {
		const real = await realHeaders();
		expect(real.length).toBeGreaterThan(50);
		const random = generator(20_260_111);
		const path = place();
		const file = await open(path, 'w');
		let [read, refusals] = [0, 0];
		for (let i = 0; i < mutations; i++) {
			const { header, data } = pick(real, random);
			const mutated = mutate(header, pick(real, random).header, random);
			const length = Buffer.alloc(8);
			const told = random() < 0.05 ? Math.floor(random() * 2 ** 40) : mutated.length;
			length.writeBigUInt64LE(BigInt(told));
			await file.truncate(0);
			await file.write(Buffer.concat([length, mutated]), 0, 8 + mutated.length, 0);
			await file.truncate(8 + mutated.length + data);
			try {
				const { tensors, bytes } = await readSafetensors(path);
				const sum = [...tensors.values()].reduce((all, tensor) => all + tensor.bytes, 0);
				expect(sum).toBe(bytes - 8 - mutated.length);
				read++;
			} catch (error) {
				if (!(error instanceof PickupError) || error.code !== 'bad-weights') throw error;
				expect(error.message).toContain(path);
				refusals++;
			}
		}
		await file.close();
		// Some changes only touch names or metadata; the rest must be found.
		expect(read).toBeGreaterThan(mutations / 40);
		expect(refusals).toBeGreaterThan(mutations / 4);
		expect(read + refusals).toBe(mutations);
	});
});

const GRAMMAR = '{}[]",:\\0123456789-.eE \n\t\0\x7fntu';
const NUMBERS = ['0', '-1', '1e9', '00', '4294967296', '9007199254740993', '18446744073709551616'];

/** One to three changes: a byte, a number, a cut, something twice, or a piece of another header. */
function mutate(header: Buffer, other: Buffer, random: () => number): Buffer {
	let bytes = Buffer.from(header);
	for (let changes = 1 + Math.floor(random() * 3); changes > 0; changes--) {
		const at = Math.floor(random() * bytes.length);
		const end = Math.min(bytes.length, at + 1 + Math.floor(random() ** 3 * 200));
		const [before, piece, after] = [
			bytes.subarray(0, at),
			bytes.subarray(at, end),
			bytes.subarray(end),
		];
		const kind = Math.floor(random() * 8);
		if (kind === 0) bytes[at] = Math.floor(random() * 256);
		else if (kind === 1) bytes[at] = GRAMMAR.charCodeAt(Math.floor(random() * GRAMMAR.length));
		else if (kind === 2) bytes[at] = 97 + Math.floor(random() * 26);
		else if (kind === 3) bytes = Buffer.concat([before, after]);
		else if (kind === 4) bytes = Buffer.concat([before, piece, piece, after]);
		else if (kind === 5) bytes = Buffer.concat([before, other.subarray(at, end), after]);
		else if (kind === 6) bytes = Buffer.from(before);
		else {
			const text = bytes.toString('latin1');
			const number = /\d+/g;
			number.lastIndex = at;
			const found = number.exec(text);
			if (!found) continue;
			const rest = text.slice(found.index + found[0].length);
			bytes = Buffer.from(text.slice(0, found.index) + pick(NUMBERS, random) + rest, 'latin1');
		}
		if (bytes.length === 0) return bytes;
	}
	return bytes;
}

function pick<T>(items: readonly T[], random: () => number): T {
	return items[Math.floor(random() * items.length)]!;
}

/** Numbers in [0, 1), always the same for a seed (mulberry32). */
function generator(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	};
}

import { writeFile } from 'node:fs/promises';

/** What a function does before it returns: writes a number where one of its arguments points. */
export type Write = {
	/** Which argument: 0 is the first, 3 the last that is known here. */
	readonly argument: 0 | 1 | 2 | 3;
	/** In bytes. */
	readonly offset?: number;
	/** A number, or the name of another function here, whose address is written. */
	readonly value: bigint | string;
	readonly bits: 32 | 64;
};

export type FakeFunction = {
	readonly name: string;
	readonly writes?: readonly Write[];
	readonly returns: number;
};

/**
 * Writes a shared library for Linux on x86-64 (ELF, System V's calling convention) whose functions do
 * what they are told, with no compiler: what a driver's library answers, where there is no driver.
 */
export async function writeSharedLibrary(
	path: string,
	soname: string,
	functions: readonly FakeFunction[],
): Promise<void> {
	await writeFile(path, library(soname, functions), { mode: 0o755 });
}

/** Text and the zero behind it, where that argument points. */
export function textAt(argument: Write['argument'], text: string, first = 0): Write[] {
	const bytes = Buffer.alloc(Math.ceil((text.length + 1) / 8) * 8);
	bytes.write(text);
	return Array.from({ length: bytes.length / 8 }, (_, i) => ({
		argument,
		offset: first + 8 * i,
		value: bytes.readBigUInt64LE(8 * i),
		bits: 64,
	}));
}

const HEADER = 64;
const PROGRAM_HEADER = 56;
const SYMBOL = 24;

function library(soname: string, functions: readonly FakeFunction[]): Buffer {
	const names = ['', soname, ...functions.map(({ name }) => name)];
	const strings = Buffer.from(`${names.join('\0')}\0`);
	const nameAt = (i: number) =>
		Buffer.byteLength(
			names
				.slice(0, i)
				.map((name) => `${name}\0`)
				.join(''),
		);
	// Addresses are as long as any others: lengths are known before they are.
	const lengths = functions.map((each) => body(each, 0, () => 0).length);
	const count = functions.length + 1;

	// One after the other: headers, table of symbols, hash of their names, names, dynamic section, code.
	const symbolsAt = HEADER + 3 * PROGRAM_HEADER;
	const hashAt = symbolsAt + SYMBOL * count;
	const stringsAt = hashAt + 4 * (2 + 1 + count);
	const dynamicAt = Math.ceil((stringsAt + strings.length) / 8) * 8;
	const dynamic = dynamicSection([
		[14n, nameAt(1)],
		[4n, hashAt],
		[5n, stringsAt],
		[6n, symbolsAt],
		[10n, strings.length],
		[11n, SYMBOL],
		[0n, 0],
	]);
	const codeAt = dynamicAt + dynamic.length;
	const symbols = Buffer.alloc(SYMBOL * count);
	const addresses = lengths.map((_, i) => codeAt + sum(lengths.slice(0, i)));
	const bodies = functions.map((each, i) =>
		body(
			each,
			addresses[i]!,
			(name) => addresses[functions.findIndex((one) => one.name === name)]!,
		),
	);
	for (const [i, code] of bodies.entries()) {
		const symbol = SYMBOL * (i + 1);
		symbols.writeUInt32LE(nameAt(i + 2), symbol);
		// A function that all may use, in some section.
		symbols.writeUInt8(0x12, symbol + 4);
		symbols.writeUInt16LE(1, symbol + 6);
		symbols.writeBigUInt64LE(BigInt(addresses[i]!), symbol + 8);
		symbols.writeBigUInt64LE(BigInt(code.length), symbol + 16);
	}
	const size = codeAt + sum(lengths);
	const gap = Buffer.alloc(dynamicAt - stringsAt - strings.length);
	return Buffer.concat([
		elfHeader(),
		// Everything is loaded where it stands in the file, and may be read, written and run.
		programHeader({ type: 1, flags: 7, at: 0, size, align: 4096 }),
		programHeader({ type: 2, flags: 6, at: dynamicAt, size: dynamic.length, align: 8 }),
		// The stack need not run anything.
		programHeader({ type: 0x6474e551, flags: 6, at: 0, size: 0, align: 16 }),
		...[symbols, hashTable(count), strings, gap, dynamic, ...bodies],
	]);
}

/** Machine code of a function that stands at that address. */
function body(
	{ writes = [], returns }: FakeFunction,
	address: number,
	addressOf: (name: string) => number,
): Buffer {
	// Of [rdi + 32 bits], [rsi + …], [rdx + …], [rcx + …] with no register, or rax, beside it.
	const places = [0x87, 0x86, 0x82, 0x81];
	let code = Buffer.alloc(0);
	for (const { argument, offset = 0, value, bits } of writes) {
		const [place, number] = [Buffer.alloc(5), Buffer.alloc(8)];
		place.writeUInt8(places[argument]!);
		place.writeInt32LE(offset, 1);
		if (typeof value === 'string') {
			// From the instruction behind this one, which is seven bytes long.
			const apart = addressOf(value) - (address + code.length + 7);
			number.writeInt32LE(apart);
			const load = [0x48, 0x8d, 0x05, ...number.subarray(0, 4)];
			code = Buffer.concat([code, Buffer.from([...load, 0x48, 0x89, ...place])]);
			continue;
		}
		number.writeBigUInt64LE(BigInt.asUintN(64, value));
		const write =
			bits === 32
				? [0xc7, ...place, ...number.subarray(0, 4)]
				: [0x48, 0xb8, ...number, 0x48, 0x89, ...place];
		code = Buffer.concat([code, Buffer.from(write)]);
	}
	const end = Buffer.from([0xb8, 0, 0, 0, 0, 0xc3]);
	end.writeInt32LE(returns, 1);
	return Buffer.concat([code, end]);
}

function elfHeader(): Buffer {
	const header = Buffer.alloc(HEADER);
	// 64 bits, little-endian, version 1; a shared library for x86-64.
	Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(header);
	header.writeUInt16LE(3, 16);
	header.writeUInt16LE(62, 18);
	header.writeUInt32LE(1, 20);
	header.writeBigUInt64LE(BigInt(HEADER), 32);
	header.writeUInt16LE(HEADER, 52);
	header.writeUInt16LE(PROGRAM_HEADER, 54);
	header.writeUInt16LE(3, 56);
	header.writeUInt16LE(64, 58);
	return header;
}

function programHeader(part: {
	readonly type: number;
	readonly flags: number;
	readonly at: number;
	readonly size: number;
	readonly align: number;
}): Buffer {
	const header = Buffer.alloc(PROGRAM_HEADER);
	header.writeUInt32LE(part.type, 0);
	header.writeUInt32LE(part.flags, 4);
	const [at, size] = [BigInt(part.at), BigInt(part.size)];
	for (const place of [8, 16, 24]) header.writeBigUInt64LE(at, place);
	for (const place of [32, 40]) header.writeBigUInt64LE(size, place);
	header.writeBigUInt64LE(BigInt(part.align), 48);
	return header;
}

function dynamicSection(entries: readonly (readonly [bigint, number])[]): Buffer {
	const numbers = entries.flatMap(([tag, value]) => [tag, BigInt(value)]);
	return Buffer.from(BigUint64Array.from(numbers).buffer);
}

/** All names in one bucket: each leads to the next. */
function hashTable(count: number): Buffer {
	const chain = Array.from({ length: count }, (_, i) => (i > 0 && i + 1 < count ? i + 1 : 0));
	return Buffer.from(Uint32Array.from([1, count, count > 1 ? 1 : 0, ...chain]).buffer);
}

function sum(numbers: readonly number[]): number {
	return numbers.reduce((all, number) => all + number, 0);
}

import { readFile } from 'node:fs/promises';

/** What a DLL of Windows' offers and wants, by name. */
export type Dll = {
	readonly exports: ReadonlySet<string>;
	/** By the DLL that they come from, in lower case. */
	readonly imports: ReadonlyMap<string, readonly string[]>;
};

/** Reads the tables of a 64-bit DLL (PE32+), those of functions that are imported by number left out. */
export async function readDll(path: string): Promise<Dll> {
	const file = await readFile(path);
	const header = file.readUInt32LE(0x3c);
	if (file.toString('latin1', header, header + 4) !== 'PE\0\0') throw new Error(`${path}: no DLL`);
	const optional = header + 24;
	if (file.readUInt16LE(optional) !== 0x20b) throw new Error(`${path}: not of 64 bits`);
	const first = optional + file.readUInt16LE(header + 20);
	const sections = Array.from({ length: file.readUInt16LE(header + 6) }, (_, i) => ({
		virtual: file.readUInt32LE(first + 40 * i + 12),
		size: file.readUInt32LE(first + 40 * i + 16),
		at: file.readUInt32LE(first + 40 * i + 20),
	}));
	/** Where in the file stands what is loaded at that address. */
	const place = (address: number) => {
		const section = sections.find(
			({ virtual, size }) => virtual <= address && address < virtual + size,
		);
		if (!section) throw new Error(`${path}: nothing at ${address}`);
		return address - section.virtual + section.at;
	};
	const text = (address: number) => {
		const at = place(address);
		return file.toString('latin1', at, file.indexOf(0, at));
	};
	const table = (index: number) => file.readUInt32LE(optional + 112 + 8 * index);
	return { exports: exported(table(0)), imports: imported(table(1)) };

	function exported(address: number): Set<string> {
		if (address === 0) return new Set();
		const at = place(address);
		const names = place(file.readUInt32LE(at + 32));
		const count = file.readUInt32LE(at + 24);
		return new Set(Array.from({ length: count }, (_, i) => text(file.readUInt32LE(names + 4 * i))));
	}

	function imported(address: number): Map<string, string[]> {
		const all = new Map<string, string[]>();
		if (address === 0) return all;
		for (let at = place(address); file.readUInt32LE(at + 12) !== 0; at += 20) {
			const names: string[] = [];
			for (let entry = place(file.readUInt32LE(at)); ; entry += 8) {
				const value = file.readBigUInt64LE(entry);
				if (value === 0n) break;
				// The highest bit says that it is a number; else two bytes of a hint stand before the name.
				if (value < 1n << 63n) names.push(text(Number(value) + 2));
			}
			all.set(text(file.readUInt32LE(at + 12)).toLowerCase(), names);
		}
		return all;
	}
}

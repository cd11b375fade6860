/** Bytes at the start of a WAL, and before each page in it. */
const HEAD = 32;
const FRAME_HEAD = 24;

/** How a WAL begins; the last bit says in which order its sums take the bytes. */
const MAGIC = 0x377f_0682;

/**
 * Whether there is something in a WAL that SQLite passes over without a word: it takes what stands
 * before the first frame whose sum is wrong. A crash leaves at most one transaction there that was
 * never finished; more were. Source: the WAL format in https://sqlite.org/fileformat2.html.
 */
export function losesTransactions(wal: Buffer): boolean {
	if (wal.length <= HEAD) return false;
	const magic = wal.readUInt32BE(0);
	const read = magic & 1 ? 'readUInt32BE' : 'readUInt32LE';
	const add = ([a, b]: Sum, start: number, end: number): Sum => {
		for (let at = start; at < end; at += 8) {
			a = (a + wal[read](at) + b) >>> 0;
			b = (b + wal[read](at + 4) + a) >>> 0;
		}
		return [a, b];
	};
	const isSum = ([a, b]: Sum, at: number) =>
		a === wal.readUInt32BE(at) && b === wal.readUInt32BE(at + 4);

	let sum = add([0, 0], 0, 24);
	if ((magic & ~1) >>> 0 !== MAGIC || !isSum(sum, 24)) return true;
	const frame = FRAME_HEAD + wal.readUInt32BE(8);
	const salts = wal.subarray(16, 24);
	let isSound = true;
	let lost = 0;
	for (let at = HEAD; at + frame <= wal.length; at += frame) {
		// What stands behind the newest frames is left of an older WAL.
		if (!wal.subarray(at + 8, at + 16).equals(salts)) {
			isSound = false;
			continue;
		}
		if (isSound) {
			sum = add(add(sum, at, at + 8), at + FRAME_HEAD, at + frame);
			isSound = isSum(sum, at + 16);
		}
		const endsTransaction = wal.readUInt32BE(at + 4) !== 0;
		if (!isSound && endsTransaction) lost += 1;
	}
	return lost > 1;
}

type Sum = readonly [number, number];

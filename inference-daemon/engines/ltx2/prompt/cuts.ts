import {
	CLOSE_BRACE,
	CLOSE_BRACKET,
	COLON,
	COMMA,
	JsonCursor,
	nextHash,
	OPEN_BRACE,
	OPEN_BRACKET,
} from './json-cursor.ts';

/**
 * The bytes of a `tokenizer.json` in parts, one behind the other: a part is a piece or a merge with
 * the comma behind it, or what stays in every copy.
 */
export class Cuts {
	readonly #bytes: Buffer;
	/** The byte that each part begins with; the first is 0. */
	#starts = new Int32Array(ROOM);
	/** Of what a part says; of what stays, that of `NOTHING`, which is in every text. */
	#hashes = new Int32Array(ROOM).fill(NOTHING, 0, 1);
	#count = 1;
	/** Bytes of the longest piece or merge as it is written. */
	#longest = 0;

	private constructor(bytes: Buffer) {
		this.#bytes = bytes;
	}

	/** Null where the bytes are something else, or not written as usual. */
	static find(bytes: Buffer): Cuts | null {
		const cuts = new Cuts(bytes);
		const cursor = new JsonCursor(bytes);
		try {
			cursor.takeMembers((name) => {
				if (name === 'model') cuts.#cutModel(cursor);
				else cursor.skipValue();
			});
		} catch {
			return null;
		}
		return cuts;
	}

	/**
	 * The parts that stay and those that may be in one of the texts, by their hashes: the same JSON with
	 * fewer pieces and merges. It is JSON exactly if the bytes are.
	 */
	keep(texts: readonly string[]): string {
		const sieve = sieveOf(texts, this.#longest);
		const [starts, hashes, count] = [this.#starts, this.#hashes, this.#count];
		const kept: string[] = [];
		for (let i = 0; i < count; i++) {
			if (!isMarked(sieve, hashes[i]!)) continue;
			const end = i + 1 < count ? starts[i + 1] : this.#bytes.length;
			kept.push(this.#bytes.toString('utf8', starts[i], end));
		}
		return kept.join('');
	}

	#cutModel(cursor: JsonCursor): void {
		cursor.takeMembers((name) => {
			if (name === 'vocab') this.#cutVocab(cursor);
			else if (name === 'merges') this.#cutMerges(cursor);
			else cursor.skipValue();
		});
	}

	#cutVocab(cursor: JsonCursor): void {
		cursor.take(OPEN_BRACE);
		do {
			const start = cursor.at;
			const hash = cursor.takeString(NOTHING);
			cursor.take(COLON);
			cursor.takeNumber();
			this.#add(start, hash, cursor.written);
		} while (cursor.takes(COMMA));
		cursor.take(CLOSE_BRACE);
		this.#keepLast();
	}

	#cutMerges(cursor: JsonCursor): void {
		cursor.take(OPEN_BRACKET);
		do {
			const start = cursor.at;
			cursor.take(OPEN_BRACKET);
			const first = cursor.takeString(NOTHING);
			const { written } = cursor;
			cursor.take(COMMA);
			const both = cursor.takeString(first);
			cursor.take(CLOSE_BRACKET);
			this.#add(start, both, written + cursor.written);
		} while (cursor.takes(COMMA));
		cursor.take(CLOSE_BRACKET);
		this.#keepLast();
	}

	#add(start: number, hash: number, length: number): void {
		if (this.#count === this.#starts.length) {
			this.#starts = twice(this.#starts);
			this.#hashes = twice(this.#hashes);
		}
		this.#starts[this.#count] = start;
		this.#hashes[this.#count++] = hash;
		if (length > this.#longest) this.#longest = length;
	}

	/** The last has no comma behind it, but all that follows up to the next part. */
	#keepLast(): void {
		this.#hashes[this.#count - 1] = NOTHING;
	}
}

/** Parts of a Gemma 3's, and some more. */
const ROOM = 1 << 20;
/** The hash of no bytes, as FNV has it. */
const NOTHING = 0x811c9dc5;
/** Few enough to be near the processor, enough that few of the hashes share one by chance. */
const SLOTS = 1 << 23;

function twice(numbers: Int32Array): Int32Array<ArrayBuffer> {
	const more = new Int32Array(numbers.length * 2);
	more.set(numbers);
	return more;
}

/** A bit for every hash of what stands in the texts, up to a length in bytes. */
function sieveOf(texts: readonly string[], longest: number): Uint8Array {
	const sieve = new Uint8Array(SLOTS / 8);
	mark(sieve, NOTHING);
	for (const text of texts) {
		const bytes = Buffer.from(text);
		for (let start = 0; start < bytes.length; start++) {
			const most = Math.min(bytes.length, start + longest);
			let hash = NOTHING;
			for (let at = start; at < most; at++) {
				hash = nextHash(hash, bytes[at]!);
				mark(sieve, hash);
			}
		}
	}
	return sieve;
}

function mark(sieve: Uint8Array, hash: number): void {
	const slot = hash & (SLOTS - 1);
	sieve[slot >>> 3]! |= 1 << (slot & 7);
}

function isMarked(sieve: Uint8Array, hash: number): boolean {
	const slot = hash & (SLOTS - 1);
	return (sieve[slot >>> 3]! & (1 << (slot & 7))) !== 0;
}

import { mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, join, parse, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeFolder } from '../../files/folders.ts';
import { readRegular } from '../../files/open-regular.ts';
import { sha256Of } from '../../files/sha256.ts';
import { writeError } from '../../files/system-errors.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { PickupError } from '../../protocol/errors.ts';
import { inTurn } from '../../protocol/in-turn.ts';
import type { Cut } from '../../protocol/timeline.ts';
import type { TimelineEdit } from './edit.ts';
import { encodeText } from './encoding.ts';
import { type Ledger, ledgersIn, settled, withOperation, writeLedger } from './ledger.ts';
import { hasRelativeMedia, type LoadedTimeline, loadTimeline, othersNote } from './load.ts';
import { foldersFor, freeName, type OutputFolders } from './output-folders.ts';
import { writeTimeline } from './write.ts';

/** A timeline file as it was read last, of which only what it takes to know it again is kept. */
type Original = {
	readonly id: Ledger['original'];
	readonly sequence: Ledger['sequence'];
	readonly folders: OutputFolders;
	readonly notes: readonly string[];
};

/**
 * A timeline file that clips land in while others may save it. The file itself is never written to:
 * the first change makes a new one, in which all others are made as long as the old one stays what
 * it was. Whatever a person saves over either is read again and gone on with.
 */
export class TimelineProject {
	/** Absolute, as it was named. */
	readonly path: string;
	/** The same for every way to name the file. */
	readonly canonicalPath: string;
	/** Rises whenever what stands has changed. */
	revision = 1;
	readonly #wanted: string | undefined;
	#original!: Original;
	/** What stands now: the new file, or the original where there is none. */
	#now!: LoadedTimeline;
	#ledger: Ledger | null = null;
	/** A file that was begun when the original was another. */
	#former: string | null = null;
	#marks: { readonly original: string | null; readonly output: string | null } = NOTHING_READ;
	readonly #inTurn = inTurn();

	private constructor(path: string, canonicalPath: string, sequence: string | undefined) {
		this.path = path;
		this.canonicalPath = canonicalPath;
		this.#wanted = sequence;
	}

	/** Throws what `loadTimeline` throws. */
	static async open(file: string, sequence?: string): Promise<TimelineProject> {
		const path = resolve(file);
		const canonical = await realpath(path).catch(() => path);
		const project = new TimelineProject(path, canonical, sequence);
		await project.#read();
		return project;
	}

	get sequence(): Ledger['sequence'] {
		return this.#original.sequence;
	}

	get mediaFolder(): string {
		return this.#original.folders.media;
	}

	/** The file that was made, null before there is one. */
	get output(): string | null {
		const { output } = this.#original.folders;
		return this.#ledger && join(output, this.#ledger.file);
	}

	get cut(): Cut {
		const { cut } = this.#now.edit;
		const former = this.#former === null ? [] : [changedNote(this.path, this.#former)];
		const notes = [...this.#original.notes, ...former, ...(cut.notes ?? [])];
		return notes.length > 0 ? { ...cut, notes } : cut;
	}

	/** Reads again what has changed on the disk. Throws where that is no timeline for seconds. */
	refresh(): Promise<void> {
		return this.#inTurn(() => this.#refresh());
	}

	/**
	 * Makes a change in the new file, whole and once: an operation that was done is not done `again`,
	 * and a change that was planned for another revision is `stale`. Where it throws, everything is as it was.
	 */
	edit(
		{ operation, revision }: { readonly operation: string; readonly revision: number },
		change: (edit: TimelineEdit) => void,
	): Promise<'done' | 'again' | 'stale'> {
		return this.#inTurn(async () => {
			for (;;) {
				await this.#refresh();
				if (this.#ledger?.operations.some(({ id }) => id === operation)) return 'again';
				if (this.revision !== revision) return 'stale';
				const { edit } = this.#now;
				edit.all(() => change(edit));
				try {
					if (await this.#write(operation)) return 'done';
				} finally {
					// What was written, or what somebody else has written meanwhile.
					await this.#read();
				}
			}
		});
	}

	async #refresh(): Promise<void> {
		if (await this.#isAsRead()) return;
		for (let tries = 1; ; tries++) {
			try {
				return await this.#read();
			} catch (error) {
				// An editor may be in the middle of saving.
				const isPartial = error instanceof PickupError && error.code.startsWith('timeline-');
				if (!isPartial || tries === TRIES) throw error;
			}
			await pause(BETWEEN_TRIES);
		}
	}

	async #isAsRead(): Promise<boolean> {
		const [original, output] = await Promise.all([this.path, this.output].map(markOf));
		// Without the original, what was read of it last still holds.
		const isSame = original === null || original === this.#marks.original;
		return isSame && output === this.#marks.output;
	}

	async #read(): Promise<void> {
		const original = await markOf(this.path);
		const isKnown = this.#original !== undefined;
		if (!isKnown || (original !== null && original !== this.#marks.original)) {
			this.#original = await readOriginal(this.path, this.canonicalPath, this.#wanted);
		}
		const { id, sequence, folders } = this.#original;
		const ledgers = await ledgersIn(folders.output, id.path, sequence);
		const begun = ledgers.find((each) => each.original.sha256 === id.sha256);
		const file = begun ? join(folders.output, begun.file) : null;
		const output = await markOf(file);
		const ledger = begun && output !== null ? begun : null;
		const before = isKnown ? this.#now.sha256 : null;
		this.#now =
			ledger && file
				? await loadOutput(file, sequence)
				: await loadTimeline(this.path, this.#wanted);
		this.#ledger = ledger && settled(ledger, this.#now.sha256);
		const former = ledger ? undefined : ledgers.at(-1)?.file;
		this.#former = former === undefined ? null : join(basename(folders.output), former);
		this.#marks = { original, output };
		if (before !== null && before !== this.#now.sha256) this.revision += 1;
	}

	/** Writes what was changed; false where somebody else has saved the file meanwhile. */
	async #write(operation: string): Promise<boolean> {
		const { id: original, sequence, folders } = this.#original;
		const { edit, encoding, sha256 } = this.#now;
		const bytes = encodeText(edit.text, encoding);
		const folder = folders.output;
		const ledger = this.#ledger ?? {
			version: 1,
			original,
			sequence,
			file: await freeName(folder, this.path),
			edits: 0,
			operations: [],
		};
		const output = join(folder, ledger.file);
		const before = this.#ledger ? sha256 : null;
		try {
			await makeFolder(folder);
			if (before !== null) {
				const old = await readRegular(output);
				if (sha256Of(old) !== before) return false;
				await keepBefore(output, old, ledger.edits + 1);
			}
			const done = { id: operation, before, after: sha256Of(bytes) };
			await writeLedger(folder, withOperation(ledger, done));
		} catch (error) {
			throw writeError(error, folder, 'the timeline');
		}
		await writeTimeline(output, bytes, { source: this.path, overwrite: before !== null });
		return true;
	}
}

async function readOriginal(
	path: string,
	canonicalPath: string,
	wanted: string | undefined,
): Promise<Original> {
	const loaded = await loadTimeline(path, wanted);
	const { sha256, sequences, index } = loaded;
	const name = sequences[index] ?? '';
	const others = wanted === undefined ? sequences.filter((_, at) => at !== index) : [];
	return {
		id: { path: canonicalPath, sha256 },
		sequence: { index, name },
		folders: foldersFor({ path, relativeMedia: hasRelativeMedia(loaded) }),
		notes: others.length > 0 ? [othersNote(name, others)] : [],
	};
}

/** A person may have saved it, under other names or with other sequences beside it. */
async function loadOutput(file: string, { name, index }: Ledger['sequence']) {
	try {
		return await loadTimeline(file, (names) =>
			names.includes(name) ? names.indexOf(name) : Math.min(index, names.length - 1),
		);
	} catch (error) {
		if (!(error instanceof PickupError)) throw error;
		throw new PickupError(error.code, `${file}: ${error.message}`, {
			field: error.field,
			action: `Save it once more in its editor, or move it away; its former states are in “${basename(historyOf(file))}” beside it.`,
			cause: error,
		});
	}
}

/** How often a file is read that an editor may be saving, and how long is waited between, in ms. */
const TRIES = 20;
const BETWEEN_TRIES = 250;

/** States that are kept of a file: as many as Premiere keeps when it saves by itself. */
const MOST_KEPT = 20;

/** Puts the file as it was before an edit into a folder beside it, and forgets the oldest one. */
async function keepBefore(output: string, bytes: Uint8Array, edit: number): Promise<void> {
	const { name, ext } = parse(output);
	const folder = historyOf(output);
	await mkdir(folder, { recursive: true });
	const nameOf = (number: number) => `${name} (before ${number})${ext}`;
	await writeWhole(join(folder, nameOf(edit)), bytes);
	const old = nameOf(edit - MOST_KEPT);
	if ((await readdir(folder)).includes(old)) await rm(join(folder, old), { force: true });
}

function historyOf(output: string): string {
	const { dir, name } = parse(output);
	return join(dir, `${name} history`);
}

function changedNote(path: string, former: string): string {
	return `${basename(path)} has changed since clips landed in “${former}”: from now on they land in another new file.`;
}

const NOTHING_READ = { original: null, output: null };

/** What tells a file that has changed; null where there is none. */
async function markOf(path: string | null): Promise<string | null> {
	if (path === null) return null;
	return stat(path, { bigint: true }).then(
		({ mtimeNs, size, ino }) => `${mtimeNs} ${size} ${ino}`,
		() => null,
	);
}

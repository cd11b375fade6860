import {
	accessSync,
	constants,
	readFileSync,
	renameSync,
	rmSync,
	type Stats,
	statSync,
	writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'libsql';
import { noRoom } from '../../files/system-errors.ts';
import { PickupError } from '../../protocol/errors.ts';
import { checkTables, Damage, forgetDamaged } from './check-tables.ts';
import { losesTransactions } from './check-wal.ts';

/**
 * What makes the tables of one version out of those of the version before; version 0 has none.
 * Older files are brought up, after a copy, and newer ones are refused.
 */
export const CHANGES: readonly string[] = [
	`CREATE TABLE jobs (
		id TEXT NOT NULL PRIMARY KEY COLLATE NOCASE,
		kind TEXT NOT NULL,
		prompt TEXT NOT NULL,
		state TEXT NOT NULL,
		priority INTEGER NOT NULL,
		rank INTEGER NOT NULL,
		progress REAL NOT NULL DEFAULT 0,
		phase TEXT NOT NULL DEFAULT '',
		attempt INTEGER NOT NULL DEFAULT 0,
		crashes INTEGER NOT NULL DEFAULT 0,
		cancel_wanted INTEGER NOT NULL DEFAULT 0,
		request TEXT NOT NULL,
		fingerprint TEXT NOT NULL,
		plan TEXT NOT NULL,
		clip_path TEXT NOT NULL,
		clip TEXT,
		clip_size INTEGER,
		clip_modified REAL,
		problem TEXT,
		created_at TEXT NOT NULL,
		ended_at TEXT
	) STRICT;
	CREATE INDEX jobs_in_order ON jobs (state, priority DESC, rank);
	CREATE INDEX jobs_by_rank ON jobs (rank);
	CREATE TABLE events (
		seq INTEGER PRIMARY KEY AUTOINCREMENT,
		body TEXT NOT NULL
	) STRICT;
	CREATE TABLE engine_process (pid INTEGER NOT NULL, started TEXT NOT NULL) STRICT;`,
	`ALTER TABLE jobs ADD COLUMN started_at TEXT;
	ALTER TABLE jobs ADD COLUMN shot TEXT COLLATE NOCASE;
	ALTER TABLE jobs ADD COLUMN take INTEGER;
	ALTER TABLE jobs ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE jobs ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE jobs ADD COLUMN trashed INTEGER NOT NULL DEFAULT 0;
	CREATE INDEX jobs_by_shot ON jobs (shot, take);
	CREATE TABLE landings (
		id TEXT NOT NULL PRIMARY KEY COLLATE NOCASE,
		job TEXT NOT NULL COLLATE NOCASE,
		state TEXT NOT NULL,
		body TEXT NOT NULL
	) STRICT;
	CREATE INDEX landings_by_job ON landings (job);
	CREATE TABLE panel (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT;`,
	// A clip that stands elsewhere than it was made names that place from now on.
	`UPDATE jobs SET clip = json_set(clip, '$.formerPaths', json_array(made)) FROM (
		SELECT rowid AS at, json_extract(request, '$.output.folder')
			|| CASE WHEN instr(clip_path, '/') > 0 THEN '/' ELSE '\\' END
			|| json_extract(request, '$.output.name') || '-' || id || '.mov' AS made
		FROM jobs WHERE state = 'done' AND shot IS NOT NULL
	) WHERE rowid = at AND clip IS NOT NULL AND made <> clip_path;`,
	`ALTER TABLE jobs ADD COLUMN pause TEXT;
	ALTER TABLE jobs ADD COLUMN paused_for INTEGER NOT NULL DEFAULT 0;`,
];

/**
 * The tables, kept to this process alone: SQLite's exclusive lock is the operating system's, so it
 * goes with the process however that ends. What is committed is on the disk (WAL, synchronous FULL).
 */
export class Store {
	/** What was found damaged and what became of it, in sentences. */
	readonly notices: readonly string[];
	readonly #path: string;
	readonly #file: number;
	readonly #database: Database.Database;
	readonly #statements = new Map<string, Database.Statement<unknown[]>>();

	/**
	 * What is damaged is set aside. Throws `state-locked` when another process has the file. `changes`
	 * are of the schema, version by version.
	 */
	constructor(path: string, changes = CHANGES) {
		const { database, notices } = openDatabase(path, changes);
		this.notices = notices;
		this.#path = path;
		this.#database = database;
		this.#file = statSync(path).ino;
	}

	/** False once somebody has deleted the file, or put another in its place. */
	isThere(): boolean {
		return statOf(this.#path)?.ino === this.#file;
	}

	/** All of it or nothing. Throws `disk-full` when that is why, `folder-missing` when the file is gone. */
	transaction<T>(work: () => T): T {
		if (!this.isThere()) throw gone(this.#path);
		try {
			this.#database.exec('BEGIN IMMEDIATE');
			const result = work();
			this.#database.exec('COMMIT');
			return result;
		} catch (error) {
			if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
			throw isFull(error) ? noRoom(dirname(this.#path), 'the list of jobs', error) : error;
		}
	}

	row(sql: string, ...values: readonly unknown[]): unknown {
		return this.#statement(sql).get(...values);
	}

	rows(sql: string, ...values: readonly unknown[]): unknown[] {
		return this.#statement(sql).all(...values);
	}

	run(sql: string, ...values: readonly unknown[]): void {
		this.#statement(sql).run(...values);
	}

	/** The column `n` of the one row that the query gives; 0 where there is none. */
	number(sql: string, ...values: readonly unknown[]): number {
		return (this.row(sql, ...values) as { n: number | null } | undefined)?.n ?? 0;
	}

	/**
	 * The file then has everything in it: a copy of it is a copy of all. The lock is let go of by hand,
	 * since libsql keeps the file open until the last statement has been collected.
	 */
	close(): void {
		this.#statements.clear();
		try {
			this.#database.exec('PRAGMA journal_mode = DELETE');
			this.#database.exec('PRAGMA locking_mode = NORMAL');
			this.#database.exec('SELECT count(*) FROM sqlite_schema');
		} catch {
			// On a full disk it stays in the WAL, where the next start finds it.
		}
		this.#database.close();
	}

	#statement(sql: string): Database.Statement<unknown[]> {
		let statement = this.#statements.get(sql);
		if (!statement) {
			statement = this.#database.prepare<unknown[]>(sql);
			this.#statements.set(sql, statement);
		}
		return statement;
	}
}

type Opened = { readonly database: Database.Database; readonly notices: readonly string[] };

function openDatabase(path: string, changes: readonly string[]): Opened {
	for (const file of [path, `${path}-wal`]) {
		if (statOf(file)) accessSync(file, constants.R_OK | constants.W_OK);
	}
	const notices = setLoneWalAside(path);
	try {
		return openSound(path, changes, notices);
	} catch (error) {
		if (!isDamage(error)) throw error;
		const aside = setAside(path);
		const why = (error as Error).message;
		const notice = `The list of jobs, ${path}, is damaged (${why}). It was set aside as ${aside}, and a new one was begun; finished clips stand where they were made.`;
		return openSound(path, changes, [...notices, notice]);
	}
}

/** SQLite would delete a WAL whose file is gone. */
function setLoneWalAside(path: string): readonly string[] {
	if (!statOf(`${path}-wal`)?.size || statOf(path)?.size) return [];
	const aside = `${asideOf(path, 'damaged')}-wal`;
	renameSync(`${path}-wal`, aside);
	return [
		`The list of jobs, ${path}, is gone. What was last written to it was set aside as ${aside}, and a new one was begun; finished clips stand where they were made.`,
	];
}

/** Throws Damage or an error of SQLite's where the file as a whole cannot be used. */
function openSound(path: string, changes: readonly string[], before: readonly string[]): Opened {
	const damagedWal = readDamagedWal(path);
	const database = new Database(path, { timeout: 0 });
	try {
		database.exec('PRAGMA locking_mode = EXCLUSIVE');
		database.exec('PRAGMA synchronous = FULL');
		database.exec('BEGIN EXCLUSIVE');
		database.exec('COMMIT');
		const lost = damagedWal ? keepWal(path, damagedWal) : [];
		const notices = [...before, ...lost, ...bringUp(database, path, changes)];
		// This is written into the file: not before it has been looked through.
		database.exec('PRAGMA journal_mode = WAL');
		return { database, notices };
	} catch (error) {
		database.close();
		if (isFull(error)) throw noRoom(dirname(path), 'the list of jobs', error);
		if (codeOf(error) !== 'SQLITE_BUSY') throw error;
		throw new PickupError('state-locked', `Another daemon has ${path} open`, { cause: error });
	}
}

type DamagedWal = { readonly bytes: Buffer; readonly modified: number };

function readDamagedWal(path: string): DamagedWal | null {
	const modified = statOf(`${path}-wal`)?.mtimeMs;
	if (modified === undefined) return null;
	const bytes = readFileSync(`${path}-wal`);
	return losesTransactions(bytes) ? { bytes, modified } : null;
}

/** For when the tables are ours: until then it may be what another daemon was about to write. */
function keepWal(path: string, { bytes, modified }: DamagedWal): readonly string[] {
	if (statOf(`${path}-wal`)?.mtimeMs !== modified) return [];
	const aside = `${asideOf(path, 'damaged')}-wal`;
	writeFileSync(aside, bytes, { mode: 0o600, flag: 'wx' });
	return [
		`What was last written to the list of jobs, ${path}-wal, is damaged: jobs of that time may be missing from it. It was set aside as ${aside}.`,
	];
}

/** Checks what is there and makes the tables of the newest version of it. */
function bringUp(database: Database.Database, path: string, changes: readonly string[]): string[] {
	const row = database.prepare('PRAGMA user_version').get() as { user_version: number };
	const version = row.user_version;
	// Nobody has changed the tables that often: it is a header that is damaged.
	if (version < 0 || version > 1000) throw new Damage(`its version is said to be ${version}`);
	if (version > changes.length) {
		throw new PickupError(
			'internal',
			`${path} is of version ${version}; this daemon knows ${changes.length}`,
			{ action: 'Update Pickup, or use another state folder.' },
		);
	}
	const notices: string[] = [];
	if (version > 0) {
		const damaged = checkTables(database, version);
		if (damaged.count > 0) {
			const copy = copyTo(database, path, 'damaged');
			forgetDamaged(database, damaged);
			notices.push(
				`${damaged.said} in the list of jobs, ${path}, could not be read and were left out. A copy of it as it was is ${copy}.`,
			);
		}
		if (version < changes.length) copyTo(database, path, `version-${version}`);
	}
	if (version === changes.length) return notices;
	database.exec('BEGIN EXCLUSIVE');
	for (const change of changes.slice(version)) database.exec(change);
	database.exec(`PRAGMA user_version = ${changes.length}`);
	database.exec('COMMIT');
	return notices;
}

/**
 * By SQLite: to open the file for a plain copy would let go of its lock, which the system does when
 * a process closes a file, however often it has it open.
 */
function copyTo(database: Database.Database, path: string, label: string): string {
	const copy = asideOf(path, label);
	database.exec(`VACUUM INTO '${copy.replaceAll("'", "''")}'`);
	return copy;
}

function setAside(path: string): string {
	const aside = asideOf(path, 'damaged');
	renameSync(path, aside);
	if (statOf(`${path}-wal`)) renameSync(`${path}-wal`, `${aside}-wal`);
	rmSync(`${path}-shm`, { force: true });
	return aside;
}

function asideOf(path: string, label: string): string {
	const time = new Date().toISOString().replaceAll(/[:.]/g, '-');
	return join(dirname(path), `jobs-${label}-${time}.db`);
}

function statOf(path: string): Stats | undefined {
	return statSync(path, { throwIfNoEntry: false });
}

function isDamage(error: unknown): boolean {
	return error instanceof Damage || /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error));
}

/** A quota and the longest file allowed come as a write that failed. */
function isFull(error: unknown): boolean {
	return /^SQLITE_(FULL|IOERR_WRITE)$/.test(codeOf(error));
}

function codeOf(error: unknown): string {
	return error instanceof Database.SqliteError ? error.code : '';
}

function gone(path: string): PickupError {
	const folder = dirname(path);
	return new PickupError('folder-missing', `Expected the list of jobs at ${path}, it is gone`, {
		field: folder,
		action: 'Start the daemon again: it makes a new one.',
	});
}

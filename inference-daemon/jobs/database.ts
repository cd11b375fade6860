import Database from 'libsql';
import { PickupError } from '../../protocol/errors.ts';

/** Raised with every change of the tables; older files are brought up, newer ones are refused. */
const SCHEMA_VERSION = 1;

const TABLES = `
	CREATE TABLE jobs (
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
	CREATE TABLE engine_process (pid INTEGER NOT NULL, started TEXT NOT NULL) STRICT;
`;

/**
 * The tables, kept to this process alone: SQLite's exclusive lock is the operating system's, so it
 * goes with the process however that ends. What is committed is on the disk (WAL, synchronous FULL).
 */
export class Store {
	readonly #database: Database.Database;
	readonly #statements = new Map<string, Database.Statement<unknown[]>>();

	/** Throws `state-locked` when another process has the file. */
	constructor(path: string) {
		this.#database = openDatabase(path);
	}

	/** All of it or nothing. Throws `disk-full` when that is why. */
	transaction<T>(work: () => T): T {
		this.#database.exec('BEGIN IMMEDIATE');
		try {
			const result = work();
			this.#database.exec('COMMIT');
			return result;
		} catch (error) {
			if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
			if (!(error instanceof Database.SqliteError) || error.code !== 'SQLITE_FULL') throw error;
			const message = 'No space is left on the disk of the state folder';
			throw new PickupError('disk-full', message, { cause: error });
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

	close(): void {
		this.#statements.clear();
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

function openDatabase(path: string): Database.Database {
	const database = new Database(path, { timeout: 0 });
	try {
		database.exec('PRAGMA locking_mode = EXCLUSIVE');
		database.exec('PRAGMA journal_mode = WAL');
		database.exec('PRAGMA synchronous = FULL');
		database.exec('BEGIN EXCLUSIVE');
		const row = database.prepare('PRAGMA user_version').get() as { user_version: number };
		if (row.user_version > SCHEMA_VERSION) {
			throw new PickupError(
				'internal',
				`${path} is of version ${row.user_version}; this daemon knows ${SCHEMA_VERSION}`,
				{ action: 'Update Pickup, or use another state folder.' },
			);
		}
		if (row.user_version === 0) {
			database.exec(TABLES);
			database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
		}
		database.exec('COMMIT');
		return database;
	} catch (error) {
		database.close();
		if (!(error instanceof Database.SqliteError) || error.code !== 'SQLITE_BUSY') throw error;
		throw new PickupError('state-locked', `Another daemon has ${path} open`, { cause: error });
	}
}

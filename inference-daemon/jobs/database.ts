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
 * Opens the journal and keeps it to this process alone: SQLite's exclusive lock is the operating
 * system's, so it goes with the process however that ends. Throws `state-locked` when another
 * process has it. What is committed is on the disk (WAL, synchronous FULL).
 */
export function openDatabase(path: string): Database.Database {
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
		if (sqliteCode(error) !== 'SQLITE_BUSY') throw error;
		throw new PickupError('state-locked', `Another daemon has ${path} open`, { cause: error });
	}
}

export function sqliteCode(error: unknown): string | null {
	return error instanceof Database.SqliteError ? error.code : null;
}

import { isUtf8 } from 'node:buffer';
import Database from 'libsql';
import { generationRequestSchema } from '../../protocol/generation.ts';
import { isEnded, jobEventSchema, jobSchema } from '../../protocol/jobs.ts';
import { landingSchema } from '../../protocol/landings.ts';
import { type JobRow, toJob } from './job-row.ts';

/** The file as a whole cannot be used. */
export class Damage extends Error {}

/** What in sound tables cannot be read. */
export type Damaged = {
	readonly count: number;
	/** For people: how much of what. */
	readonly said: string;
	/** Row numbers of jobs. */
	readonly jobs: readonly number[];
	/** Events up to this number are to be forgotten; 0 for none. */
	readonly events: number;
	readonly engines: boolean;
	/** Row numbers. */
	readonly landings: readonly number[];
	readonly panel: readonly number[];
};

/** Rows that are looked at together. */
const AT_ONCE = 500;

/** A thousand events a second for thirty thousand years. */
const MOST_EVENTS = 1e15;

const TEXT = [
	...['id', 'kind', 'prompt', 'state', 'phase', 'request', 'fingerprint', 'plan', 'clip_path'],
	...['clip', 'problem', 'created_at', 'ended_at'],
] as const satisfies readonly (keyof JobRow)[];
const TEXT_SINCE_2 = ['started_at', 'shot'] as const satisfies readonly (keyof JobRow)[];
const TEXT_SINCE_4 = ['pause'] as const satisfies readonly (keyof JobRow)[];

const NUMBERS = [
	...['priority', 'rank', 'progress', 'attempt', 'crashes', 'cancel_wanted'],
	...['clip_size', 'clip_modified'],
] as const satisfies readonly (keyof JobRow)[];
const NUMBERS_SINCE_2 = [
	'take',
	'starred',
	'deleted',
	'trashed',
] as const satisfies readonly (keyof JobRow)[];
const NUMBERS_SINCE_4 = ['paused_for'] as const satisfies readonly (keyof JobRow)[];

/** The columns of `jobs` in a version of the tables. */
function columnsOf(version: number): {
	readonly text: readonly string[];
	readonly numbers: readonly string[];
} {
	if (version < 2) return { text: TEXT, numbers: NUMBERS };
	const second = { text: [...TEXT, ...TEXT_SINCE_2], numbers: [...NUMBERS, ...NUMBERS_SINCE_2] };
	if (version < 4) return second;
	return {
		text: [...second.text, ...TEXT_SINCE_4],
		numbers: [...second.numbers, ...NUMBERS_SINCE_4],
	};
}

/**
 * Looks at everything in the tables. Text is read as bytes: the library ends the process at text that
 * is no text. Throws Damage where pages or tables are not as they should be.
 */
export function checkTables(database: Database.Database, version: number): Damaged {
	const [verdict] = all<{ said: ArrayBuffer }>(
		database,
		'SELECT CAST(integrity_check AS BLOB) AS said FROM pragma_integrity_check(1)',
	);
	const said = Buffer.from(verdict?.said ?? new ArrayBuffer(0)).toString('latin1');
	if (said !== 'ok') throw new Damage(said.replaceAll(/[^ -~]+/g, ' ').slice(0, 200));
	checkShape(database, version);
	const jobs = damagedJobs(database, version);
	const events = damagedEvents(database);
	const engines = all<{ started: ArrayBuffer }>(
		database,
		'SELECT CAST(started AS BLOB) AS started FROM engine_process',
	).some(({ started }) => !isUtf8(started));
	const landings = version < 2 ? [] : damagedBodies(database, 'landings', 'body', isLanding);
	const panel = version < 2 ? [] : damagedBodies(database, 'panel', 'value', isJson);
	const parts = [
		...(jobs.length > 0 ? [`${jobs.length} ${jobs.length === 1 ? 'job' : 'jobs'}`] : []),
		...(events > 0 ? [`events up to ${events}`] : []),
		...(engines ? ['the mark of an engine'] : []),
		...(landings.length > 0 ? [`where ${landings.length} clips stand`] : []),
		...(panel.length > 0 ? ['what panels remember'] : []),
	];
	const damaged = { jobs, events, engines, landings, panel };
	return { count: parts.length, said: parts.join(' and '), ...damaged };
}

/** Throws Damage where there are other tables than ours, or columns are missing. */
function checkShape(database: Database.Database, version: number): void {
	const [found] = all<{ n: number }>(
		database,
		`SELECT count(*) AS n FROM sqlite_master WHERE
			type = 'table' AND name IN ('jobs', 'events', 'engine_process')
			OR type = 'index' AND name IN ('jobs_in_order', 'jobs_by_rank')`,
	);
	if (found?.n !== 5) throw new Damage('it lacks tables');
	const { text, numbers: counted } = columnsOf(version);
	try {
		all(database, `SELECT ${[...text, ...counted].join()} FROM jobs LIMIT 0`);
		if (version >= 2) {
			all(database, 'SELECT id, job, state, body FROM landings LIMIT 0');
			all(database, 'SELECT key, value FROM panel LIMIT 0');
		}
		all(database, 'SELECT seq, body FROM events LIMIT 0');
		all(database, 'SELECT pid, started FROM engine_process LIMIT 0');
	} catch (error) {
		if (error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR') {
			throw new Damage(error.message);
		}
		throw error;
	}
	const [numbers] = all<{ tooHigh: number | null }>(
		database,
		`SELECT max(seq) > ${MOST_EVENTS} OR min(seq) < 0 AS tooHigh FROM
			(SELECT seq FROM events UNION ALL SELECT seq FROM sqlite_sequence)`,
	);
	if (numbers?.tooHigh) throw new Damage('its events have numbers that nobody has come to');
}

/** Takes out what cannot be read. */
export function forgetDamaged(database: Database.Database, damaged: Damaged): void {
	database.exec('BEGIN EXCLUSIVE');
	for (const at of damaged.jobs) database.exec(`DELETE FROM jobs WHERE rowid = ${at}`);
	database.exec(`DELETE FROM events WHERE seq <= ${damaged.events}`);
	if (damaged.engines) database.exec('DELETE FROM engine_process');
	for (const at of damaged.landings) database.exec(`DELETE FROM landings WHERE rowid = ${at}`);
	for (const at of damaged.panel) database.exec(`DELETE FROM panel WHERE rowid = ${at}`);
	database.exec('COMMIT');
}

function damagedJobs(database: Database.Database, version: number): readonly number[] {
	const { text, numbers } = columnsOf(version);
	const columns = ['rowid AS at', ...text.map(asBytes), ...numbers].join();
	const damaged: number[] = [];
	for (const row of pages<Row>(database, columns, 'jobs', 'rowid')) {
		if (!isReadable(row, text)) damaged.push(row.at);
	}
	return damaged;
}

/** Rows of a table whose text in one column is not what it should be, or whose others are no text. */
function damagedBodies(
	database: Database.Database,
	table: string,
	column: string,
	isSound: (text: string) => boolean,
): readonly number[] {
	const damaged: number[] = [];
	const columns = `rowid AS at, ${asBytes(column)}`;
	for (const row of pages<Row>(database, columns, table, 'rowid')) {
		const bytes = row[column];
		const isText = bytes instanceof ArrayBuffer && isUtf8(bytes);
		if (!isText || !isSound(Buffer.from(bytes).toString('utf8'))) damaged.push(row.at);
	}
	return damaged;
}

function asBytes(column: string): string {
	return `CAST(${column} AS BLOB) AS ${column}`;
}

function isLanding(text: string): boolean {
	try {
		return landingSchema.safeParse(JSON.parse(text)).success;
	} catch {
		return false;
	}
}

function isJson(text: string): boolean {
	try {
		JSON.parse(text);
		return true;
	} catch {
		return false;
	}
}

type Row = { readonly at: number } & Readonly<Record<string, ArrayBuffer | number | null>>;

function isReadable(bytes: Row, columns: readonly string[]): boolean {
	const row: Record<string, unknown> = { ...bytes };
	for (const name of columns) {
		const text = bytes[name];
		if (!(text instanceof ArrayBuffer)) continue;
		if (!isUtf8(text)) return false;
		row[name] = Buffer.from(text).toString('utf8');
	}
	try {
		const job = jobSchema.parse(toJob(row as JobRow, null, []));
		const request: unknown = JSON.parse(String(row.request));
		// One that has ended is only shown; another is still to be done.
		if (isEnded(job.state)) return typeof request === 'object' && request !== null;
		return generationRequestSchema.safeParse(request).success;
	} catch {
		return false;
	}
}

/** Events are numbered without holes: what is before one that cannot be read goes with it. */
function damagedEvents(database: Database.Database): number {
	let damaged = 0;
	let last = 0;
	const columns = 'seq AS at, CAST(body AS BLOB) AS body';
	for (const { at, body } of pages<{ at: number; body: ArrayBuffer }>(
		database,
		columns,
		'events',
		'seq',
	)) {
		if (!isEvent(at, body)) damaged = at;
		else if (last > 0 && at !== last + 1) damaged = last;
		last = at;
	}
	return damaged;
}

function isEvent(seq: number, body: ArrayBuffer): boolean {
	try {
		if (!isUtf8(body)) return false;
		const event: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
		return jobEventSchema.safeParse({ ...(event as object), seq }).success;
	} catch {
		return false;
	}
}

function* pages<T extends { readonly at: number }>(
	database: Database.Database,
	columns: string,
	table: string,
	key: string,
): Generator<T> {
	const sql = `SELECT ${columns} FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT ${AT_ONCE}`;
	const statement = database.prepare<unknown[]>(sql);
	for (let after = Number.MIN_SAFE_INTEGER; ; ) {
		const rows = statement.all(after) as T[];
		yield* rows;
		if (rows.length < AT_ONCE) return;
		after = rows.at(-1)!.at;
	}
}

function all<T>(database: Database.Database, sql: string): T[] {
	return database.prepare<unknown[]>(sql).all() as T[];
}

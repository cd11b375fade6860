import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { makeFolder } from '../../files/folders.ts';
import { sha256Of } from '../../files/sha256.ts';
import { errorCode } from '../../files/system-errors.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { Place } from './places.ts';
import { type Put, readReceipt, writeReceipt } from './receipt.ts';

/** Files of a package by their paths in it, with slashes. */
export type Package = ReadonlyMap<string, Uint8Array>;

export type TakenOut = {
	/** What is still there since somebody has changed it. */
	readonly kept: readonly string[];
};

/**
 * Puts a package where a program looks, in place of what was put there before. Throws
 * `install-conflict` where something else has one of the names, and then nothing is changed.
 */
export async function putInto(
	state: string,
	{
		program,
		version,
		place,
		files,
	}: { program: string; version: string; place: Place; files: Package },
): Promise<void> {
	const wanted = [...files].map(([name, bytes]) => ({
		path: join(place.folder, ...name.split('/')),
		bytes,
		sha256: sha256Of(bytes),
	}));
	const before = (await readReceipt(state)).find((put) => isAt(put, program, place));
	for (const { path, sha256: hash } of wanted) {
		const there = await hashOf(path);
		const known = before?.files.find((file) => file.path === path);
		if (there === null || there === hash || there === known?.sha256) continue;
		throw new PickupError('install-conflict', `Expected nothing of anybody else’s at ${path}`, {
			field: path,
		});
	}
	if (before) await takeOut(state, before);
	const folders: string[] = [];
	for (const { path } of wanted) folders.unshift(...(await makeFolder(dirname(path))));
	const put: Put = {
		program,
		of: place.of,
		version,
		at: place.folder,
		files: wanted.map(({ path, sha256: hash }) => ({ path, sha256: hash })),
		folders,
	};
	await writeReceipt(state, [...(await readReceipt(state)), put]);
	for (const { path, bytes } of wanted) await writeWhole(path, bytes);
}

/** Takes out what was put somewhere, to the byte; what somebody has changed since is left and told. */
export async function takeOut(state: string, put: Put): Promise<TakenOut> {
	const kept: string[] = [];
	for (const { path, sha256: hash } of put.files) {
		const there = await hashOf(path);
		if (there !== null && there !== hash) kept.push(path);
		else await rm(path, { force: true });
		await forgetCompiled(path);
	}
	for (const folder of put.folders) await rmdir(folder).catch(() => {});
	const rest = (await readReceipt(state)).filter((other) => other.at !== put.at);
	await writeReceipt(state, rest);
	return { kept };
}

/** Where a package was put into a folder that a person names. */
export function namedPlace(program: string, folder: string): Place {
	return { of: program, folder: resolve(folder) };
}

/** Python leaves beside a source what it has made of it. */
async function forgetCompiled(path: string): Promise<void> {
	if (!path.endsWith('.py')) return;
	const folder = join(dirname(path), '__pycache__');
	const stem = basename(path, '.py');
	for (const name of await readdir(folder).catch(() => [])) {
		if (name.startsWith(`${stem}.`) && name.endsWith('.pyc')) await rm(join(folder, name));
	}
	await rmdir(folder).catch(() => {});
}

function isAt(put: Put, program: string, place: Place): boolean {
	return put.program === program && put.at === place.folder;
}

async function hashOf(path: string): Promise<string | null> {
	try {
		return sha256Of(await readFile(path));
	} catch (error) {
		if (errorCode(error) === 'ENOENT') return null;
		throw error;
	}
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegular } from './open-regular.ts';
import { sha256Of } from './sha256.ts';
import { writeWhole } from './write-whole.ts';

/** A small thing that is worth keeping from job to job, in a file of its own. */
export type Place = {
	/** Made where it is missing. */
	readonly folder: string;
	/** What it is; stands before the file's name. */
	readonly kind: string;
	/** What it belongs to: a checkpoint, a machine. */
	readonly key: string;
};

/** What was kept last, as JSON has it; null where there is none, and for what is damaged. */
export async function readKept(place: Place): Promise<unknown> {
	try {
		const { sha256, value } = JSON.parse((await readRegular(pathOf(place))).toString('utf8'));
		return sha256 === sha256Of(JSON.stringify(value)) ? value : null;
	} catch {
		return null;
	}
}

/** Whole or not at all, the last of several writers. Never throws: it is made again another time. */
export async function keep(place: Place, value: unknown): Promise<void> {
	const sha256 = sha256Of(JSON.stringify(value));
	try {
		await mkdir(place.folder, { recursive: true, mode: 0o700 });
		await writeWhole(pathOf(place), JSON.stringify({ sha256, value }), { mode: 0o600 });
	} catch {}
}

function pathOf({ folder, kind, key }: Place): string {
	return join(folder, `${kind}-${sha256Of(key).slice(0, 32)}.json`);
}

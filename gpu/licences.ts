import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openPromise } from 'yauzl';
import { readRegular } from '../files/open-regular.ts';
import { sha256Of } from '../files/sha256.ts';
import { writeWhole } from '../files/write-whole.ts';
import { PickupError } from '../protocol/errors.ts';
import type { Source } from './fetch.ts';
import { gpuFolder } from './folder.ts';
import type { GpuPackage } from './list.ts';
import { findWheel, readRemoteMember } from './package-index.ts';
import { wheelIn } from './wheel-in.ts';
import { readMember } from './zip.ts';

/** A text that is to be accepted before the packages are fetched. */
export type Licence = {
	/** The packages under it. */
	readonly packages: readonly string[];
	/** Where it is kept. */
	readonly path: string;
	readonly text: Buffer;
};

/**
 * The licences of the packages that nobody has accepted here yet, each once; they are read out of
 * the wheels before those are fetched. Throws PickupError `download-failed`, or what the system says.
 */
export async function licencesToAccept(
	packages: readonly GpuPackage[],
	source: Source,
): Promise<readonly Licence[]> {
	const texts = new Map<string, GpuPackage[]>();
	for (const each of packages) {
		if (each.licence === null) continue;
		const { sha256 } = each.licence;
		texts.set(sha256, [...(texts.get(sha256) ?? []), each]);
	}
	const licences: Licence[] = [];
	for (const [sha256, under] of texts) {
		const path = join(gpuFolder(), 'licences', `${under[0]!.name}-${sha256.slice(0, 8)}.txt`);
		if (await isAccepted(path, sha256)) continue;
		const text = await readText(under[0]!, source);
		licences.push({ packages: under.map(({ name }) => name), path, text });
	}
	return licences;
}

/** Keeps the texts that were accepted. */
export async function acceptLicences(licences: readonly Licence[]): Promise<void> {
	for (const { path, text } of licences) {
		await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
		await writeWhole(path, text);
	}
}

async function isAccepted(path: string, sha256: string): Promise<boolean> {
	if ((await stat(path).catch(() => null)) === null) return false;
	return sha256Of(await readRegular(path)) === sha256;
}

async function readText(wanted: GpuPackage, source: Source): Promise<Buffer> {
	const { path, sha256 } = wanted.licence!;
	const text = await readFromWheel(wanted, path, source);
	if (sha256Of(text) === sha256) return text;
	throw new PickupError(
		'download-failed',
		`Expected the licence of ${wanted.name} ${wanted.version} with SHA-256 ${sha256}, got ${sha256Of(text)}`,
	);
}

async function readFromWheel(
	wanted: GpuPackage,
	path: string,
	{ index, from, signal }: Source,
): Promise<Buffer> {
	const here = await wheelIn(from, wanted, signal);
	if (here === null) return readRemoteMember(await findWheel(index, wanted, signal), path, signal);
	const zip = await openPromise(here, { autoClose: false });
	return readMember(zip, path).finally(() => zip.close());
}

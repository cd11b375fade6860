import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { alone } from '../files/alone.ts';
import { checkRoom } from '../files/room.ts';
import { errorCode, writeError } from '../files/system-errors.ts';
import { download } from './download.ts';
import { gpuFolder, libraryFolder, missingFiles } from './folder.ts';
import type { GpuList, GpuPackage } from './list.ts';
import { findWheel } from './package-index.ts';
import { wheelIn } from './wheel-in.ts';
import { unpack } from './zip.ts';

/** From where packages come. */
export type Source = {
	/** The address of an index as PyPI's. */
	readonly index: string;
	/** A folder where wheels may stand already; they are left there. */
	readonly from: string | null;
	readonly signal?: AbortSignal | undefined;
};

/** How much of a package is done, from 0 to 1. */
export type Report = (name: string, fraction: number, phase: 'downloading' | 'unpacking') => void;

/** The packages of which a file is still missing. */
export async function packagesToFetch(list: GpuList): Promise<readonly GpuPackage[]> {
	const missing = new Set(missingFiles(list, await standing(list)));
	return list.packages.filter(({ files }) => files.some(({ path }) => missing.has(basename(path))));
}

/** Bytes that the disk must have for them: what is unpacked, and one wheel after the other. */
export function roomFor(packages: readonly GpuPackage[]): number {
	const unpacked = packages.flatMap(({ files }) => files.map(({ bytes }) => bytes));
	return sum(unpacked) + Math.max(0, ...packages.map(({ bytes }) => bytes));
}

/**
 * Fetches the packages of the list and unpacks their libraries, so that the folder of the list is
 * there with all of them or not at all; a second try takes up what the first one has left. Folders
 * of other lists go. Throws PickupError `download-failed`, `disk-full`, `folder-not-writable` or
 * `state-locked`, or the signal's reason.
 */
export async function fetchLibraries(list: GpuList, source: Source, report: Report): Promise<void> {
	const folder = gpuFolder();
	await mkdir(folder, { recursive: true, mode: 0o700 });
	await alone(join(folder, 'setup.pid'), 'fetches', async () => {
		const part = `${libraryFolder(list)}.part`;
		// One of which a file was lost is made whole under its unfinished name.
		await rename(libraryFolder(list), part).catch(unlessMissing);
		await mkdir(part, { recursive: true });
		const wanted = await packagesToFetch(list);
		await checkRoom(
			folder,
			roomFor(wanted),
			'Free space there, or name a folder on another disk with PICKUP_GPU.',
		);
		for (const each of wanted) await fetchPackage(each, part, source, report);
		const missing = missingFiles(list, part);
		if (missing.length > 0) throw new Error(`${missing.join(', ')} did not stay in ${part}`);
		await rename(part, libraryFolder(list));
		await sweep(folder, list);
	}).catch((error) => {
		throw writeError(error, folder, 'libraries for the graphics card');
	});
}

async function fetchPackage(
	wanted: GpuPackage,
	folder: string,
	source: Source,
	report: Report,
): Promise<void> {
	const { name, files } = wanted;
	const { signal } = source;
	const own = join(gpuFolder(), wanted.wheel);
	const wheel = (await wheelIn(source.from, wanted, signal)) ?? own;
	if (wheel === own) await downloadWheel(wanted, own, source, report);
	const all = sum(files.map(({ bytes }) => bytes));
	let written = 0;
	const onProgress = (bytes: number) => {
		written += bytes;
		report(name, written / all, 'unpacking');
	};
	await unpack(wheel, files, folder, { signal, onProgress });
	await rm(own, { force: true });
}

async function downloadWheel(
	wanted: GpuPackage,
	path: string,
	{ index, signal }: Source,
	report: Report,
): Promise<void> {
	// It was whole when it got its name, and may have been so for long.
	if ((await wheelIn(gpuFolder(), wanted, signal)) !== null) return;
	const found = await findWheel(index, wanted, signal);
	const onProgress = (bytes: number) => report(wanted.name, bytes / wanted.bytes, 'downloading');
	await download(found, path, { signal, onProgress });
}

/** Where files of the list stand now: in its folder, or in the unfinished one. */
async function standing(list: GpuList): Promise<string> {
	const folder = libraryFolder(list);
	return (await stat(folder).catch(() => null)) === null ? `${folder}.part` : folder;
}

/** Takes away what other versions have left. What is in use may stay. */
async function sweep(folder: string, list: GpuList): Promise<void> {
	for (const name of await readdir(folder)) {
		if (name === list.folder || !/^cuda-[0-9a-f]{12}(\.part)?$|\.whl(\.part)?$/.test(name))
			continue;
		await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
	}
}

function unlessMissing(error: unknown): void {
	if (errorCode(error) !== 'ENOENT') throw error;
}

function sum(numbers: readonly number[]): number {
	return numbers.reduce((all, number) => all + number, 0);
}

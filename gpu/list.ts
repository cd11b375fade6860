import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import * as z from 'zod';
import { sha256Of } from '../files/sha256.ts';
import libraries from './libraries.json';

const fileSchema = z.object({
	/** Inside the wheel; its last part is its name here. */
	path: z.string(),
	bytes: z.number(),
});

const packageSchema = z.object({
	/** As the index of packages calls it. */
	name: z.string(),
	version: z.string(),
	/** The file of that version, a zip. */
	wheel: z.string(),
	bytes: z.number(),
	sha256: z.string(),
	/** Text in the wheel that is to be accepted before it is fetched. */
	licence: z.object({ path: z.string(), sha256: z.string() }).nullable(),
	files: z.array(fileSchema),
});

const platformSchema = z.object({
	/** The oldest driver of NVIDIA's that it works with; the first number of its version. */
	driver: z.number(),
	/** The oldest cards that it has kernels for: compute capability, 7.5 is Turing. */
	compute: z.number(),
	/** The core library, which finds its providers beside it. */
	runtime: z.string(),
	/** What a process loads before the core library, in this order. */
	before: z.array(z.string()),
	packages: z.array(packageSchema),
});

const listSchema = z.record(z.string(), platformSchema);

export type GpuPackage = z.infer<typeof packageSchema>;

/** What CUDA needs on one system: exact versions, of which each file is known. */
export type GpuList = z.infer<typeof platformSchema> & {
	/** The name of the folder for exactly these files. */
	readonly folder: string;
};

/**
 * The libraries for a system, e.g. `linux-x64`; null where NVIDIA or ONNX Runtime makes none for it.
 * `PICKUP_GPU_LIST` names a file with other versions.
 */
export function gpuList(system = `${process.platform}-${process.arch}`): GpuList | null {
	const other = process.env.PICKUP_GPU_LIST;
	const all = listSchema.parse(other ? JSON.parse(readFileSync(other, 'utf8')) : libraries);
	const found = all[system];
	if (!found) return null;
	const wheels = found.packages.map(({ sha256 }) => sha256);
	return { ...found, folder: `cuda-${sha256Of(wheels.join()).slice(0, 12)}` };
}

/** All files by the names that they get. */
export function filesOf({ packages }: GpuList): readonly { name: string; bytes: number }[] {
	return packages.flatMap(({ files }) =>
		files.map(({ path, bytes }) => ({ name: basename(path), bytes })),
	);
}

import { execFile } from 'node:child_process';
import { copyFile, mkdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { filesOf, gpuList } from '../../../gpu/list.ts';
import { libraryFor } from '../../../inference-daemon/engines/ltx2/runtime/library.ts';
import { bundle, scratchFolder } from './scratch.ts';

const folder = scratchFolder('library');
const list = gpuList('linux-x64')!;

beforeAll(async () => {
	process.env.PICKUP_GPU = folder;
	await mkdir(join(folder, list.folder));
	for (const { name, bytes } of filesOf(list)) await sized(name, bytes);
});
afterAll(async () => {
	delete process.env.PICKUP_GPU;
	await rm(folder, { recursive: true, force: true });
});

/** A file of that length; it takes no room. */
async function sized(name: string, bytes: number): Promise<void> {
	const path = join(folder, list.folder, name);
	await writeFile(path, '');
	await truncate(path, bytes);
}

test('CUDA’s library is the fetched one, and NVIDIA’s are loaded before it', () => {
	const { path, before } = libraryFor('cuda');
	expect(path).toBe(join(folder, list.folder, 'libonnxruntime.so.1.30.0'));
	const names = before.map((one) => basename(one));
	expect(names.indexOf('libcublasLt.so.13')).toBeLessThan(names.indexOf('libcublas.so.13'));
	expect(names).toContain('libcudnn.so.9');
});

test.each(['cpu', 'webgpu'])('the library of %s is ONNX Runtime’s own', (provider) => {
	expect(libraryFor(provider).path).toContain(join('onnxruntime-node', 'bin'));
	expect(libraryFor(provider).before).toEqual([]);
});

test.each(filesOf(list))(
	'without $name, or with a part of it, that is said',
	async ({ name, bytes }) => {
		const said = `missing or cut off in ${join(folder, list.folder)}: ${name}`;
		await rm(join(folder, list.folder, name));
		expect(() => libraryFor('cuda')).toThrow(new Error(said));
		await sized(name, bytes - 1);
		expect(() => libraryFor('cuda')).toThrow(new Error(said));
		await sized(name, bytes);
		expect(libraryFor('cuda').path).toContain(folder);
	},
);

test('a process that has loaded one library says so where another is wanted', async () => {
	const own = libraryFor('cpu').path;
	const gpu = join(folder, 'small');
	const small = {
		[`${process.platform}-${process.arch}`]: {
			driver: 580,
			compute: 7.5,
			runtime: 'libother.so',
			before: [],
			packages: [
				{
					name: 'small',
					version: '1',
					wheel: 'small.whl',
					bytes: 1,
					sha256: '',
					licence: null,
					files: [{ path: 'lib/libother.so', bytes: 0 }],
				},
			],
		},
	};
	const program = join(folder, 'program.mjs');
	await bundle(program, {
		contents: `
			import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
			import { useLibraryOf } from '../../../inference-daemon/engines/ltx2/runtime/onnxruntime.ts';
			import { power } from './small-graphs.ts';
			const [first, second] = process.argv.slice(2);
			useLibraryOf(first);
			const session = await Session.open(power(2, 1));
			await session.release();
			useLibraryOf('cpu');
			try {
				useLibraryOf(second);
				console.log('the same');
			} catch (error) {
				console.log(error.name, error.message);
			}
		`,
	});
	process.env.PICKUP_GPU_LIST = join(folder, 'small.json');
	const { size } = await stat(own);
	Object.values(small)[0]!.packages[0]!.files[0]!.bytes = size;
	await writeFile(process.env.PICKUP_GPU_LIST, JSON.stringify(small));
	const env = { ...process.env, PICKUP_GPU: gpu };
	const name = gpuList()!.folder;
	delete process.env.PICKUP_GPU_LIST;
	await mkdir(join(gpu, name), { recursive: true });
	await copyFile(own, join(gpu, name, 'libother.so'));
	const says = async (first: string, second: string) => {
		const { stdout } = await promisify(execFile)(process.execPath, [program, first, second], {
			env,
		});
		return stdout.trim();
	};
	expect(await says('webgpu', 'webgpu')).toBe('the same');
	expect(await says('cuda', 'cuda')).toBe('the same');
	expect(await says('webgpu', 'cuda')).toMatch(
		/^NeedsOtherProcess Expected .*libother\.so.*, got /,
	);
	expect(await says('cuda', 'webgpu')).toMatch(/^NeedsOtherProcess Expected .*onnxruntime-node/);
});

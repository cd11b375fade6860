import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MediaCache, type Wanted } from '../../inference-daemon/panel-media/media-cache.ts';
import { Turns } from '../../inference-daemon/panel-media/turns.ts';
import { inFolder } from '../media/media-files.ts';

const never = new AbortController().signal;

/** A file of so many bytes; counts how often it is made. */
function thing(key: string, bytes = 10) {
	const count = { made: 0 };
	const wanted: Wanted = {
		key,
		extension: 'bin',
		make: async (path) => {
			count.made += 1;
			await writeFile(path, Buffer.alloc(bytes, key));
		},
	};
	return { wanted, count };
}

describe('What panels look at', () => {
	test('is made once for all who ask, also after a restart', () =>
		inFolder(async (folder) => {
			const cache = new MediaCache(folder, 1000);
			const { wanted, count } = thing('a');
			const paths = await Promise.all([cache.find(wanted, never), cache.find(wanted, never)]);
			expect(new Set([...paths, await cache.find(wanted, never)]).size).toBe(1);
			expect(await new MediaCache(folder, 1000).find(wanted, never)).toBe(paths[0]);
			expect(count.made).toBe(1);
			await rm(paths[0]!);
			expect(await cache.find(wanted, never)).toBe(paths[0]);
			expect(count.made).toBe(2);
		}));

	test('is given up when everybody who asked has gone, not sooner, and leaves nothing', () =>
		inFolder(async (folder) => {
			const cache = new MediaCache(folder, 1000);
			const [one, two] = [new AbortController(), new AbortController()];
			const stopped = new Promise<AbortSignal>((resolve) => {
				const make: Wanted['make'] = async (path, signal) => {
					await writeFile(path, 'half');
					if (!signal.aborted) {
						await new Promise((abort) => signal.addEventListener('abort', abort));
					}
					resolve(signal);
					signal.throwIfAborted();
				};
				const wanted = { key: 'x', extension: 'bin', make };
				const asked = [cache.find(wanted, one.signal), cache.find(wanted, two.signal)];
				for (const each of asked) each.catch(() => {});
				one.abort();
				void asked[0]!.catch(() => {
					expect(one.signal.aborted && !two.signal.aborted).toBe(true);
					two.abort();
				});
			});
			expect((await stopped).aborted).toBe(true);
			// Asked for anew it is made anew, whatever becomes of what was given up.
			const { wanted } = thing('x');
			expect(await readFile(await cache.find(wanted, never), 'utf8')).toBe('x'.repeat(10));
			expect(await readdir(folder)).toHaveLength(1);
		}));

	test('that cannot be made is an error for all who ask, and is tried again', () =>
		inFolder(async (folder) => {
			const cache = new MediaCache(folder, 1000);
			let made = 0;
			const wanted: Wanted = {
				key: 'x',
				extension: 'bin',
				make: async (path) => {
					await writeFile(path, 'half');
					made += 1;
					throw new Error('broken');
				},
			};
			const all = [cache.find(wanted, never), cache.find(wanted, never)];
			for (const each of all) await expect(each).rejects.toThrow('broken');
			await expect(cache.find(wanted, never)).rejects.toThrow('broken');
			expect(made).toBe(2);
			expect(await readdir(folder)).toEqual([]);
		}));

	test('is bounded in bytes: what was not used longest goes, also over a restart', () =>
		inFolder(async (folder) => {
			const things = ['a', 'b', 'c', 'd'].map((key) => thing(key, 40));
			const first = new MediaCache(folder, 100);
			const a = await first.find(things[0]!.wanted, never);
			const b = await first.find(things[1]!.wanted, never);
			await utimes(a, 1, 1);
			await utimes(b, 2, 2);
			await writeFile(join(folder, `${'0'.repeat(16)}.part`), 'left by a crash');
			const cache = new MediaCache(folder, 100);
			await cache.find(things[0]!.wanted, never);
			await cache.find(things[2]!.wanted, never);
			expect((await readdir(folder)).length).toBe(2);
			await cache.find(things[0]!.wanted, never);
			expect(things.map(({ count }) => count.made)).toEqual([1, 1, 1, 0]);
			expect(await cache.bytes()).toBe(80);
			const large = thing('large', 500);
			expect((await readFile(await cache.find(large.wanted, never))).length).toBe(500);
			expect(await readdir(folder)).toHaveLength(1);
		}));
});

test('Turns are taken in order, so many at a time', async () => {
	const turns = new Turns(2);
	const log: string[] = [];
	const ends = new Map<string, () => void>();
	const work = (name: string, signal = never) =>
		turns.take(() => {
			log.push(name);
			return new Promise<void>((resolve) => ends.set(name, resolve));
		}, signal);
	const gone = new AbortController();
	const [a, b] = [work('a'), work('b')];
	const c = work('c', gone.signal);
	const d = work('d');
	await Promise.resolve();
	expect(log).toEqual(['a', 'b']);
	gone.abort(new Error('gone'));
	ends.get('b')!();
	await b;
	await expect(c).rejects.toThrow('gone');
	await expect.poll(() => log).toEqual(['a', 'b', 'd']);
	for (const end of ends.values()) end();
	await Promise.all([a, d]);
});

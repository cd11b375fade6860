import { beforeEach, expect, it } from 'vitest';
import { Warm } from '../../../inference-daemon/engines/ltx2/warm.ts';

const released: string[] = [];
const thing = (name: string) => ({ name, release: async () => void released.push(name) });

let warm: Warm<ReturnType<typeof thing>>;
beforeEach(() => {
	warm = new Warm();
	released.length = 0;
});

it('What a job left open is the next one’s, once, where it is for the same', async () => {
	const weights = thing('weights');
	await warm.put('a', weights);
	expect(await warm.take('a')).toBe(weights);
	expect(await warm.take('a')).toBeNull();
	await warm.release();
	expect(released).toEqual([]);
});

it('It is given back before another one is opened', async () => {
	await warm.put('a', thing('weights'));
	expect(await warm.take('b')).toBeNull();
	expect(released).toEqual(['weights']);
});

it('One thing is kept at a time, and none once that is asked for', async () => {
	const second = thing('second');
	await warm.put('a', thing('first'));
	await warm.put('b', second);
	expect(released).toEqual(['first']);
	await warm.put('b', second);
	expect(released).toEqual(['first']);
	await warm.release();
	await warm.release();
	expect(released).toEqual(['first', 'second']);
});

it('What cannot be given back is said, and kept no longer', async () => {
	const broken = { name: 'broken', release: () => Promise.reject(new Error('It is lost')) };
	await warm.put('a', broken);
	await expect(warm.take('b')).rejects.toThrow('It is lost');
	expect(await warm.take('a')).toBeNull();
});

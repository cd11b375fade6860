import { expect, it } from 'vitest';
import { normalNoise, philox } from '../../../inference-daemon/engines/ltx2/diffusion/noise.ts';

it('Philox gives the words that its authors publish', () => {
	const after = (words: readonly number[], ...key: [number, number]) => {
		const mixed = Uint32Array.from(words);
		philox(mixed, ...key);
		return [...mixed];
	};
	const ones = 0xffffffff;
	expect(after([0, 0, 0, 0], 0, 0)).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
	expect(after([ones, ones, ones, ones], ones, ones)).toEqual([
		...[0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
	]);
	const digits = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
	expect(after(digits, 0xa4093822, 0x299f31d0)).toEqual([
		...[0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
	]);
});

const KEY = { seed: 10, stream: 'video', draw: 0 };

it('noise is normal', () => {
	const noise = normalNoise(KEY, 400_001);
	const moment = (power: number) =>
		noise.reduce((sum, value) => sum + value ** power, 0) / noise.length;
	expect(Math.abs(moment(1))).toBeLessThan(0.006);
	expect(Math.abs(moment(2) - 1)).toBeLessThan(0.01);
	expect(Math.abs(moment(3))).toBeLessThan(0.03);
	expect(Math.abs(moment(4) - 3)).toBeLessThan(0.06);
	const within = noise.filter((value) => Math.abs(value) < 1.959964).length / noise.length;
	expect(Math.abs(within - 0.95)).toBeLessThan(0.002);
	const next = noise.reduce((sum, value, i) => sum + value * (noise[i + 1] ?? 0), 0);
	expect(Math.abs(next / noise.length)).toBeLessThan(0.006);
});

it('a number depends on key and place alone', () => {
	const long = normalNoise(KEY, 1000);
	for (const length of [1, 2, 3, 4, 5, 999]) {
		expect(normalNoise(KEY, length)).toEqual(long.slice(0, length));
	}
	const others = [
		{ ...KEY, seed: 11 },
		{ ...KEY, seed: KEY.seed + 2 ** 32 },
		{ ...KEY, stream: 'audio' },
		{ ...KEY, draw: 1 },
	];
	for (const key of others) {
		const other = normalNoise(key, 1000);
		const product = other.reduce((sum, value, i) => sum + value * long[i]!, 0) / 1000;
		expect(Math.abs(product), JSON.stringify(key)).toBeLessThan(0.12);
	}
});

it('stays what it is from version to version', () => {
	const known = [...normalNoise(KEY, 4)].map((value) => value.toFixed(6));
	expect(known).toMatchInlineSnapshot(`
		[
		  "-0.053549",
		  "-2.296841",
		  "-0.342488",
		  "-0.152571",
		]
	`);
});

it.each([-1, 1.5, 2 ** 53, Number.NaN])('refuses %d as a seed', (seed) => {
	expect(() => normalNoise({ ...KEY, seed }, 4)).toThrow(/Expected a seed of 0/);
});

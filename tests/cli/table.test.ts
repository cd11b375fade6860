import { expect, test } from 'vitest';
import { formatTable } from '../../cli/table.ts';

test('columns are as wide as what a terminal shows in them', () => {
	const table = formatTable(
		['#', 'Name', 'Left'],
		[
			['1', '映画 🎬', 'a'],
			['12', 'é and u\u0308', ''],
			['3', '', 'b'],
		],
	);
	expect(table.split('\n')).toEqual([
		'#   Name     Left',
		'1   映画 🎬  a',
		'12  é and u\u0308',
		'3            b',
	]);
});

test('of every row each cell is looked at a fixed number of times', () => {
	const looks = (count: number) => {
		let seen = 0;
		const cell = { toString: () => '', [Symbol.iterator]: () => [][Symbol.iterator]() };
		const row = new Proxy([cell as unknown as string], {
			get: (target, key) => {
				if (key === '0') seen += 1;
				return Reflect.get(target, key);
			},
		});
		formatTable(
			['#'],
			Array.from({ length: count }, () => row),
		);
		return seen;
	};
	expect(looks(8000)).toBe(8 * looks(1000));
});

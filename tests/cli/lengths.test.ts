import { expect, test } from 'vitest';
import { parseLength } from '../../cli/lengths.ts';
import { parseImage } from '../../cli/verbs/insert.ts';

const R23 = { num: 24000, den: 1001 };

test.each([
	['48', R23, 48],
	['48f', R23, 48],
	['2s', R23, 48],
	['1.5s', { num: 25, den: 1 }, 38],
	['00:00:02:00', R23, 48],
	['00:01:00;02', { num: 30000, den: 1001 }, 1800],
])('%s is a length', (text, rate, frames) => expect(parseLength(text, rate)).toBe(frames));

test.each([
	['', 'Expected a length'],
	['-3', 'Expected a length'],
	['2 s', 'Expected a length'],
	['1e9', 'Expected a length'],
	['00:00:00:30', 'Expected a length'],
	['0', 'at least one frame'],
	['0.001s', 'at least one frame'],
])('"%s" is refused', (text, reason) => expect(() => parseLength(text, R23)).toThrow(reason));

test('an image has a path, a frame and a strength', () => {
	expect(parseImage('/a b@2/é.png@12:0.8')).toEqual({
		path: '/a b@2/é.png',
		frame: 12,
		strength: 0.8,
	});
	expect(parseImage('/x.png@0')).toEqual({ path: '/x.png', frame: 0, strength: 1 });
	for (const wrong of ['x.png', 'x.png@', 'x.png@1:2', '@3', 'x.png@-1']) {
		expect(() => parseImage(wrong)).toThrow('path@frame:strength');
	}
});

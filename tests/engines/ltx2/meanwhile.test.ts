import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { meanwhile } from '../../../inference-daemon/engines/ltx2/runtime/meanwhile.ts';

describe('meanwhile', () => {
	it('lets what has been asked for go first, and keeps the order', async () => {
		const told: string[] = [];
		const first = meanwhile(() => told.push('first'));
		const second = meanwhile(() => told.push('second'));
		await Promise.resolve().then(() => told.push('asked'));
		await Promise.all([first, second]);
		expect(told).toEqual(['asked', 'first', 'second']);
	});

	it('tells who waits what went wrong', async () => {
		const failing = meanwhile(() => {
			throw new Error('no preview');
		});
		await turn();
		await expect(failing).rejects.toThrow('no preview');
	});
});

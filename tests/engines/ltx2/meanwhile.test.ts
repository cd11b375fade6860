import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
	Later,
	meanwhile,
	SpareTime,
	spendSpareTime,
} from '../../../inference-daemon/engines/ltx2/runtime/meanwhile.ts';

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

it('something is made once, however often it is wanted', () => {
	let made = 0;
	const later = new Later(() => ++made);
	expect([later.value, later.value, made]).toEqual([1, 1, 1]);
});

describe('spare time', () => {
	const turns = async (count: number) => {
		for (let i = 0; i < count; i++) await turn();
	};

	it('is spent while a network is at work, one thing in a turn', async () => {
		const spare = new SpareTime();
		const made: number[] = [];
		for (let i = 0; i < 5; i++) spare.later(() => made.push(i));
		let looks = 0;
		spendSpareTime(() => ++looks <= 3);
		await turns(10);
		expect(made).toEqual([0, 1, 2]);
		spendSpareTime(() => true);
		await turns(10);
		expect(made).toEqual([0, 1, 2, 3, 4]);
	});

	it('does not make again what has been wanted before', async () => {
		const spare = new SpareTime();
		let made = 0;
		const later = spare.later(() => ++made);
		expect(later.value).toBe(1);
		spendSpareTime(() => true);
		await turns(5);
		expect([made, later.value]).toEqual([1, 1]);
	});

	it('makes nothing more once it has ended, but for who wants it', async () => {
		const spare = new SpareTime();
		let made = 0;
		const later = spare.later(() => ++made);
		spare.end();
		spendSpareTime(() => true);
		await turns(5);
		expect(made).toBe(0);
		expect(later.value).toBe(1);
	});

	it('goes on after something that cannot be made, and tells that to who wants it', async () => {
		const spare = new SpareTime();
		const wrong = spare.later(() => {
			throw new Error('a tensor is missing');
		});
		let made = 0;
		spare.later(() => ++made);
		spendSpareTime(() => true);
		await turns(5);
		expect(made).toBe(1);
		expect(() => wrong.value).toThrow('a tensor is missing');
	});
});

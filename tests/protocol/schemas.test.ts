import { describe, expect, test } from 'vitest';
import { jobEventSchema } from '../../protocol/jobs.ts';
import { averageRateSchema, frameRateSchema } from '../../protocol/schemas.ts';

describe('rates', () => {
	test.each([
		[24_000, 1001],
		[120_000, 1001],
		[240_000, 1001],
		[3_628_800, 502_589],
		[2 ** 31 - 1, 500_000_000],
	])('%d/%d is one', (num, den) => {
		expect(frameRateSchema.parse({ num, den })).toEqual({ num, den });
		expect(averageRateSchema.parse({ num, den })).toEqual({ num, den });
	});

	test.each([
		[0, 1],
		[25, 0],
		[2 ** 31, 2 ** 30],
		[2 ** 31 - 1, 2 ** 30],
		[1, 2],
		[1001, 1],
	])('%d/%d is none that a cut runs at', (num, den) => {
		expect(frameRateSchema.safeParse({ num, den }).success).toBe(false);
	});

	test('a file may hold a frame a minute, or thousands a second', () => {
		expect(averageRateSchema.safeParse({ num: 1, den: 60 }).success).toBe(true);
		expect(averageRateSchema.safeParse({ num: 10_000, den: 1 }).success).toBe(true);
	});
});

test('An event of a preview in an older journal, which names an address, is one', () => {
	const event = { kind: 'preview', seq: 7, jobId: 'a', at: '2026-11-30T12:00:00Z' };
	expect(jobEventSchema.parse({ ...event, url: '/previews/a.png' })).toEqual(event);
});

import { describe, expect, it } from 'vitest';
import { MAX_FRAMES, planDraft } from '../../../inference-daemon/engines/inbetween/plan.ts';
import { planSchema } from '../../../protocol/generation.ts';
import { context, request, span } from '../../requests.ts';

const left = span([0, 24], '/a.mov');
const right = span([36, 60], '/b.mov');
const offline = { kind: 'offline', path: '/gone.mov', reason: 'not there' } as const;
const title = { kind: 'synthetic', what: 'title' } as const;

describe('a plan', () => {
	it('is for exactly the range', () => {
		const plan = planDraft(request('fill', context({ left, right }), {}));
		expect(planSchema.parse(plan)).toEqual(plan);
		expect(plan).toMatchObject({ frames: 12, samples: 24_000, draft: true, kind: 'fill' });
		expect(plan.notes).toHaveLength(1);
	});

	it('counts samples at drop-frame rates', () => {
		const sequence = { ...context({}).sequence, rate: { num: 30_000, den: 1001 } };
		const plan = planDraft(request('fill', context({ left, right, sequence }), {}));
		expect(plan.samples).toBe(19_219);
	});

	for (const [name, changes, note] of [
		['missing', { left, right: null }, /Nothing stands after it: /],
		['offline', { left, right: span([36, 60], offline) }, /offline \(\/gone\.mov: not there\)/],
		['disabled', { left, right: { ...right, enabled: false } }, /, after it, is disabled/],
		['a title', { left: span([0, 24], title), right }, /, before it, is a title/],
	] as const) {
		it(`says so where one side is ${name}`, () => {
			expect(planDraft(request('fill', context(changes), {})).notes.at(-1)).toMatch(note);
		});
	}

	it('has no sound where only the picture is retaken', () => {
		const clip = span([0, 60], '/a.mov');
		const retake = (replace: string) =>
			planDraft(request('retake', context({}), { clip, replace, strength: 1 }));
		expect(retake('picture').samples).toBe(0);
		expect(retake('both').samples).toBe(24_000);
	});
});

describe('a refusal', () => {
	const cases = [
		['no clip on either side', request('fill', context({}), {}), 'no-neighbour'],
		[
			'nothing but offline clips',
			request('fill', context({ left: span([0, 24], offline) }), {}),
			'media-offline',
		],
		[
			'no clip to go on from',
			request('extend', context({ right }), { side: 'tail' }),
			'no-neighbour',
		],
		[
			'an offline clip to go on from',
			request('extend', context({ left: span([0, 24], offline), right }), { side: 'tail' }),
			'media-offline',
		],
		['text alone', request('insert', context({ left, right }), { images: [] }), 'engine-cannot'],
		[
			'sound for a picture',
			request('soundtrack', context({ left, right }), { clip: left }),
			'engine-cannot',
		],
		[
			'more than it can do',
			request('fill', context({ left, right, range: { start: 0, end: MAX_FRAMES + 1 } }), {}),
			'too-long',
		],
	] as const;
	for (const [name, wanted, code] of cases) {
		it(`of ${name} is ${code}`, () => {
			expect(() => planDraft(wanted)).toThrow(expect.objectContaining({ code }));
		});
	}

	it('names a file that is missing on both sides once, and why it is missing', () => {
		const sides = context({ left: span([0, 24], offline), right: span([36, 60], offline) });
		expect(() => planDraft(request('fill', sides, {}))).toThrow(
			/^Expected media on disk, missing: \/gone\.mov: not there$/,
		);
	});

	it('names the limit, the length and the missing file', () => {
		expect(() => planDraft(cases[6][1])).toThrow(`at most ${MAX_FRAMES} frames, got 1801`);
		expect(() => planDraft(cases[1][1])).toThrow('/gone.mov');
	});
});

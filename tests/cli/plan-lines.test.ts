import { expect, test } from 'vitest';
import { planLines } from '../../cli/plan-lines.ts';
import type { Plan } from '../../protocol/generation.ts';

const PLAN: Plan = {
	engine: 'ltx2',
	kind: 'fill',
	frames: 96,
	samples: 192_000,
	draft: false,
	workSize: { width: 768, height: 512 },
	workFrames: 129,
	workRate: { num: 24, den: 1 },
	context: { left: 25, right: 8 },
	passes: 1,
	stages: 2,
	steps: 11,
	notes: [],
};

test('a plan is one line of what, one of how, and its notes', () => {
	expect(planLines({ ...PLAN, notes: ['There is more.'] }, 1)).toEqual([
		'ltx2: 96 frames',
		'768×512, 129 frames at 24 fps: 25 before, 96 new, 8 after; 1 pass of 11 steps in 2 stages',
		'There is more.',
	]);
});

test('several passes, a rational rate, one stage', () => {
	const workRate = { num: 60_000, den: 1001 };
	expect(planLines({ ...PLAN, workRate, passes: 3, stages: 1, steps: 1 }, 2)).toEqual([
		'ltx2: 2 takes of 96 frames',
		'768×512, 129 frames at 59.94 fps: 25 before, 96 new, 8 after; 3 passes of 1 step',
	]);
});

test('a length that is left to the model', () => {
	const [what, how] = planLines({ ...PLAN, openLength: true }, 1);
	expect(what).toBe('ltx2: at most 96 frames');
	expect(how).toContain('at most 96 new');
});

test('a draft is said to be one, and is not made in steps', () => {
	expect(planLines({ ...PLAN, engine: 'inbetween', draft: true, steps: 0, stages: 1 }, 1)).toEqual([
		'inbetween (draft): 96 frames',
		'768×512, 129 frames at 24 fps: 25 before, 96 new, 8 after',
	]);
});

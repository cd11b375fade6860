import type { Plan } from '../protocol/generation.ts';
import { formatRate } from '../protocol/time.ts';

/** What will be made and how, before it is: the same for all takes of a shot. */
export function planLines(plan: Plan, takes: number): string[] {
	const most = plan.openLength ? 'at most ' : '';
	const what = `${takes > 1 ? `${takes} takes of ` : ''}${most}${plan.frames} frames`;
	return [`${plan.engine}${plan.draft ? ' (draft)' : ''}: ${what}`, workLine(plan), ...plan.notes];
}

/** `768×512, 129 frames at 24 fps: 25 before, 96 new, 8 after; 1 pass of 11 steps in 2 stages`. */
function workLine(plan: Plan): string {
	const { workSize, workFrames, workRate, context, frames, passes, steps, stages } = plan;
	const size = `${workSize.width}×${workSize.height}`;
	const most = plan.openLength ? 'at most ' : '';
	const parts = `${context.left} before, ${most}${frames} new, ${context.right} after`;
	const line = `${size}, ${workFrames} frames at ${formatRate(workRate)} fps: ${parts}`;
	if (steps === 0) return line;
	const work = `${counted(passes, 'pass', 'passes')} of ${counted(steps, 'step', 'steps')}`;
	return `${line}; ${work}${stages > 1 ? ` in ${stages} stages` : ''}`;
}

function counted(count: number, one: string, many: string): string {
	return `${count} ${count === 1 ? one : many}`;
}

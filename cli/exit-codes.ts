import type { Fault, Problem } from '../protocol/errors.ts';

/** What the shell gets; the README and `pickup --help` list the same. */
export const EXIT = {
	ok: 0,
	defect: 1,
	request: 2,
	timeline: 3,
	media: 4,
	machine: 5,
	engine: 6,
	interrupted: 130,
} as const;

const BY_FAULT: Record<Fault, number> = {
	program: EXIT.defect,
	request: EXIT.request,
	timeline: EXIT.timeline,
	media: EXIT.media,
	machine: EXIT.machine,
	engine: EXIT.engine,
};

export function exitCodeFor(problem: Problem): number {
	return BY_FAULT[problem.fault];
}

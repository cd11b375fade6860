import { expect, it } from 'vitest';
import { secondsLeft } from '../../plugin/state/phases.ts';
import type { Job } from '../../protocol/jobs.ts';

const BEGAN = Date.parse('2026-01-01T12:00:00.000Z');

/** A fill of 60 frames. */
function job(change: Partial<Job>): Job {
	return {
		...{ id: 'now', kind: 'fill', prompt: '', state: 'running', priority: 0, position: null },
		...{ progress: 0, phase: '', attempt: 1, clip: null, problem: null },
		plan: { engine: 'inbetween', frames: 60 } as Job['plan'],
		createdAt: new Date(BEGAN).toISOString(),
		startedAt: new Date(BEGAN).toISOString(),
		...{ endedAt: null, pause: null, pausedFor: 0 },
		...{ takeOf: null, landings: [], starred: false, deleted: false, trashed: false },
		...change,
	};
}

const after = (seconds: number) => BEGAN + 1000 * seconds;
const alone = new Map<string, Job>();

it('Nothing is said of the time that is left before enough of the job has passed to tell it', () => {
	expect(secondsLeft(job({ progress: 0.1 }), alone, after(1.5))).toBeNull();
	expect(secondsLeft(job({ progress: 0.05 }), alone, after(30))).toBeNull();
	expect(secondsLeft(job({ progress: 0.25 }), alone, after(20))).toBeCloseTo(60);
});

it('Pauses are not counted, of this job or of those before', () => {
	const paused = { progress: 0.25, pausedFor: 100_000 };
	expect(secondsLeft(job(paused), alone, after(120))).toBeCloseTo(60);
	const since = new Date(after(120)).toISOString();
	const pause = { program: 'Premiere', busy: 'exporting', since } as const;
	for (const now of [121, 3000]) {
		expect(secondsLeft(job({ ...paused, pause }), alone, after(now))).toBeCloseTo(60);
	}
	const ended = {
		state: 'done',
		progress: 1,
		endedAt: new Date(after(104)).toISOString(),
	} as const;
	const done = job({ ...ended, id: 'before', pausedFor: 100_000 });
	expect(secondsLeft(job({ progress: 0.5 }), new Map([[done.id, done]]), after(1))).toBeCloseTo(2);
});

it('Where the same engine made such shots here before, it goes by those', () => {
	const done = job({
		id: 'before',
		state: 'done',
		progress: 1,
		plan: { engine: 'inbetween', frames: 30 } as Job['plan'],
		endedAt: new Date(after(2)).toISOString(),
	});
	const jobs = new Map([[done.id, done]]);
	expect(secondsLeft(job({ progress: 0.1 }), jobs, after(1.5))).toBeCloseTo(3.6);
	const other = job({ progress: 0.1, plan: { engine: 'ltx2', frames: 60 } as Job['plan'] });
	expect(secondsLeft(other, jobs, after(1.5))).toBeNull();
	// It takes longer than it did: then that is gone by.
	expect(secondsLeft(job({ progress: 0.5 }), jobs, after(20))).toBeCloseTo(20);
});

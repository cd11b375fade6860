import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
	type Meter,
	openMeter,
	type Phase,
} from '../../../inference-daemon/engines/ltx2/plan/progress.ts';

let root = '';
beforeAll(async () => {
	root = await mkdtemp(join(tmpdir(), 'pickup-meter-'));
});
afterAll(() => rm(root, { recursive: true }));

/** What the arithmetic says; the machine reads slowly and decodes fast. */
const PHASES: readonly Phase[] = [
	{ name: 'prompt', title: 'Reading the prompt', work: 10 },
	{ name: 'neighbours', title: 'Looking at the neighbours', work: 5 },
	{ name: 'steps', title: 'Making the shot', work: 100 },
	{ name: 'picture', title: 'Making the picture', work: 80 },
];
const SECONDS = { prompt: 40, neighbours: 1, steps: 30, picture: 4 };
type Name = keyof typeof SECONDS;

type Point = { readonly seconds: number; readonly progress: number };

/** A job with a clock that moves when told to, and what it was told. */
class Job {
	seconds = 0;
	readonly points: Point[] = [];
	meter!: Meter;

	static async start(folder: string, phases = PHASES, key = 'tiny on cpu'): Promise<Job> {
		const job = new Job();
		job.meter = await openMeter({ folder, key, clock: () => 1000 + job.seconds }, phases);
		return job;
	}

	report(name: string, fraction: number): number {
		const { progress, kind } = this.meter.at(name, fraction);
		expect(kind).toBe('progress');
		this.points.push({ seconds: this.seconds, progress });
		return progress;
	}

	/** A phase from its start to its end, told ten times. */
	pass(name: Name, seconds: number = SECONDS[name]): void {
		for (let part = 0; part <= 10; part++) {
			this.report(name, part / 10);
			if (part < 10) this.seconds += seconds / 10;
		}
	}

	/** The furthest that progress was from the share of time gone. */
	get crookedness(): number {
		const { seconds } = this.points.at(-1)!;
		return Math.max(
			...this.points.map((point) => Math.abs(point.progress - point.seconds / seconds)),
		);
	}
}

const ALL = Object.keys(SECONDS) as Name[];

async function wholeJob(folder: string, phases = PHASES): Promise<Job> {
	const job = await Job.start(folder, phases);
	for (const name of ALL) job.pass(name);
	await job.meter.close();
	return job;
}

function expectForwards({ points }: Job): void {
	const shares = points.map(({ progress }) => progress);
	expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
	expect(shares).toEqual([...shares].sort((a, b) => a - b));
}

const folderOf = (name: string) => join(root, name, 'made when needed');

it('the first job goes by arithmetic, the second by what the first one took', async () => {
	const folder = folderOf('two');
	const first = await wholeJob(folder);
	expectForwards(first);
	expect(first.points[10]!.progress).toBeCloseTo(10 / 195, 9);
	expect(first.crookedness).toBeGreaterThan(0.3);
	const second = await wholeJob(folder);
	expectForwards(second);
	expect(second.crookedness).toBeLessThan(1e-9);
	expect(second.points.at(-1)!.progress).toBe(1);
});

it('a longer job of the same kind is as straight, and another machine’s times do not count', async () => {
	const folder = folderOf('longer');
	await wholeJob(folder);
	const longer = await Job.start(
		folder,
		PHASES.map((phase) => (phase.name === 'steps' ? { ...phase, work: 500 } : phase)),
	);
	for (const name of ALL) longer.pass(name, SECONDS[name] * (name === 'steps' ? 5 : 1));
	expect(longer.crookedness).toBeLessThan(1e-9);
	const elsewhere = await Job.start(folder, PHASES, 'tiny on a GPU');
	elsewhere.pass('prompt');
	expect(elsewhere.report('neighbours', 0)).toBeCloseTo(10 / 195, 9);
});

it('a prompt that was read before takes no share, and does not count as a fast one', async () => {
	const folder = folderOf('cached');
	await wholeJob(folder);
	for (const wait of [0, 0.3]) {
		const job = await Job.start(folder);
		job.report('prompt', 0);
		job.seconds += wait;
		if (wait > 0) job.report('prompt', 1);
		for (const name of ALL.slice(1)) job.pass(name);
		await job.meter.close();
		expectForwards(job);
		expect(job.crookedness).toBeLessThan(0.01);
	}
	const skipped = await Job.start(folder);
	for (const name of ALL.slice(1)) skipped.pass(name);
	expect(skipped.crookedness).toBeLessThan(1e-9);
	expect((await wholeJob(folder)).crookedness).toBeLessThan(1e-9);
});

it('follows a machine that becomes slower, not at once', async () => {
	const folder = folderOf('slower');
	await wholeJob(folder);
	const found: number[] = [];
	for (let i = 0; i < 12; i++) {
		const job = await Job.start(folder);
		for (const name of ALL) job.pass(name, SECONDS[name] * (name === 'picture' ? 20 : 1));
		await job.meter.close();
		found.push(job.crookedness);
	}
	expect(found[0]).toBeGreaterThan(0.4);
	expect(found[1]).toBeGreaterThan(0.1);
	expect(found).toEqual([...found].sort((a, b) => b - a));
	expect(found.at(-1)).toBeLessThan(0.02);
});

it('never goes backwards: a fraction that falls, one that is no number, and another plan', async () => {
	const job = await Job.start(folderOf('again'));
	job.pass('prompt');
	job.pass('neighbours');
	for (const fraction of [0.2, 0.1, Number.NaN, -3, 0.4]) job.report('steps', fraction);
	const reached = job.points.at(-1)!.progress;
	job.meter.again([
		{ name: 'steps', title: 'Making the shot, smaller', work: 30 },
		{ name: 'picture', title: 'Making the picture', work: 10 },
	]);
	expect(job.meter.at('steps', 0)).toEqual({
		kind: 'progress',
		progress: reached,
		phase: 'Making the shot, smaller',
	});
	expect(job.meter.with('Memory ran out')).toEqual({
		kind: 'progress',
		progress: reached,
		phase: 'Memory ran out',
	});
	job.pass('steps');
	expect(job.points.at(-1)!.progress).toBeCloseTo(reached + (1 - reached) * 0.75, 9);
	job.pass('picture');
	expectForwards(job);
	expect(job.points.at(-1)!.progress).toBe(1);
	expect(() => job.meter.at('steps', 0)).toThrow(
		new RangeError('Expected a phase of picture, got steps'),
	);
});

it('passes repeat their phases and are measured together', async () => {
	const folder = folderOf('passes');
	const plan = [PHASES[2]!, PHASES[3]!, { ...PHASES[2]!, work: 50 }];
	const run = async () => {
		const job = await Job.start(folder, plan);
		job.pass('steps');
		job.pass('picture');
		job.pass('steps', SECONDS.steps / 2);
		await job.meter.close();
		return job;
	};
	expect((await run()).crookedness).toBeGreaterThan(0.1);
	expect((await run()).crookedness).toBeLessThan(1e-9);
});

it('what was cut short is not kept, what ended before is', async () => {
	const folder = folderOf('cut');
	const job = await Job.start(folder);
	job.pass('prompt');
	job.pass('neighbours');
	job.report('steps', 0);
	job.seconds += 5000;
	job.report('steps', 0.9);
	await job.meter.close();
	await job.meter.close();
	const kept = JSON.parse(await readFile(join(folder, (await readdir(folder))[0]!), 'utf8'));
	expect(kept.value).toEqual({ prompt: expect.closeTo(4, 9), neighbours: expect.closeTo(0.2, 9) });
	// Steps and picture were never measured: they go as fast as the others, 41 s for 15 units.
	const next = await Job.start(folder);
	next.pass('prompt');
	expect(next.report('neighbours', 0)).toBeCloseTo(40 / (41 + (180 * 41) / 15), 9);
});

it('a damaged file counts as none, and is made anew', async () => {
	const folder = folderOf('damaged');
	await wholeJob(folder);
	const [name] = await readdir(folder);
	const path = join(folder, name!);
	const whole = await readFile(path, 'utf8');
	const changed = whole.replace('"prompt":', '"prompt":1');
	expect(changed).not.toBe(whole);
	for (const bytes of [whole.slice(0, -9), '', 'null', '{}', '\0\0', changed]) {
		await writeFile(path, bytes);
		const job = await Job.start(folder);
		job.pass('prompt');
		expect(job.report('neighbours', 0), bytes).toBeCloseTo(10 / 195, 9);
	}
	await wholeJob(folder);
	expect((await wholeJob(folder)).crookedness).toBeLessThan(1e-9);
});

it('many that end at once leave one whole file, and a folder that cannot be is no failure', async () => {
	const folder = folderOf('many');
	const jobs = await Promise.all(Array.from({ length: 20 }, () => Job.start(folder)));
	for (const job of jobs) for (const name of ALL) job.pass(name);
	await Promise.all(jobs.map(({ meter }) => meter.close()));
	expect(await readdir(folder)).toHaveLength(1);
	expect((await wholeJob(folder)).crookedness).toBeLessThan(1e-9);
	const file = join(root, 'a file');
	await writeFile(file, '');
	const job = await Job.start(join(file, 'below'));
	for (const name of ALL) job.pass(name);
	await expect(job.meter.close()).resolves.toBeUndefined();
});

it('refuses work that is no amount', async () => {
	const phases = [{ ...PHASES[0]!, work: Number.NaN }];
	await expect(openMeter({ folder: root, key: 'x' }, phases)).rejects.toThrow(
		'Expected an amount of work of prompt, got NaN',
	);
});

it('never tells more than all, however its sums are rounded', async () => {
	for (let seed = 1; seed <= 300; seed++) {
		const phases = PHASES.map((phase, i) => ({
			...phase,
			work: Math.abs(Math.sin(seed * (i + 1))),
		}));
		const job = await Job.start(join(root, 'rounded'), phases);
		// A phase is passed over, so that the rest begins in between.
		job.report('prompt', (seed % 17) / 17);
		const told = ['steps', 'picture'].map((name) => {
			job.report(name, 0);
			job.seconds += 10;
			return job.report(name, 1);
		});
		expect(told.at(-1)).toBeLessThanOrEqual(1);
		expect(told.at(-1)).toBeCloseTo(1, 12);
	}
});

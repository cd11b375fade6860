import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fcp7Xml, type SimpleCut } from '../../demo/timelines.ts';
import type { Problem } from '../../protocol/errors.ts';
import type { Job } from '../../protocol/jobs.ts';
import { makeNumberedShot, NUMBERED_SIZE } from './numbered.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

const RATE = { num: 25, den: 1 };
const TONE = { hertz: 440, level: 0.2 };

let bench: Workbench;
let shot: string;
beforeAll(async () => {
	bench = await openWorkbench();
	shot = join(bench.folder, 'shot.mov');
	await makeNumberedShot(shot, RATE, 0, 25, TONE);
});
afterAll(() => bench.close());

/** A cut of two clips with `gap` empty frames between them, as a file in a folder of its own. */
async function makeCut(
	name: string,
	left: string,
	right: string,
	gap = 10,
	size = NUMBERED_SIZE,
): Promise<string> {
	const cut: SimpleCut = {
		name,
		rate: RATE,
		size,
		startFrame: 0,
		clips: [
			{ name: 'left', path: left, start: 0, frames: 25 },
			{ name: 'right', path: right, start: 25 + gap, frames: 25 },
		],
	};
	const folder = join(bench.folder, name);
	await mkdir(folder, { recursive: true });
	await writeFile(join(folder, 'cut.xml'), fcp7Xml(cut));
	return join(folder, 'cut.xml');
}

/** Runs a command that must be refused, and looks that it left nothing behind. */
async function refused(
	timeline: string,
	args: readonly string[],
): Promise<Problem & { code: string }> {
	const before = await readFile(timeline);
	const output = join(timeline, '..', 'new');
	const { code, stdout } = await bench.pickup([...args, '-o', output, '--json']);
	expect(await readFile(timeline)).toEqual(before);
	expect(await readdir(join(timeline, '..'))).toEqual(['cut.xml']);
	const { error } = JSON.parse(stdout) as { error: Problem };
	expect(error.message).not.toBe('');
	expect(error.action).not.toBe('');
	expect(code).toBe(
		{ request: 2, timeline: 3, media: 4, machine: 5, engine: 6, program: 1 }[error.fault],
	);
	return error;
}

test('a gap that is longer than the engine can make', async () => {
	const timeline = await makeCut('long', shot, shot, 1801);
	const error = await refused(timeline, ['fill', timeline, '--gap', '1']);
	expect(error).toMatchObject({ code: 'too-long' });
	expect(error.message).toContain('1800');
	expect(error.message).toContain('1801');
});

test('no length at all', async () => {
	const timeline = await makeCut('zero', shot, shot);
	const error = await refused(timeline, ['extend', timeline, '--gap', '2', '--length', '0']);
	expect(error.code).toBe('too-short');
});

test('a kind of shot that the engine does not make', async () => {
	const timeline = await makeCut('kind', shot, shot);
	const before = await bench.pickupJson<{ jobs: Job[] }>(['jobs']);
	const insert = ['insert', timeline, '--gap', '1', '--prompt', 'a boat'];
	const error = await refused(timeline, [...insert, '--engine', 'inbetween']);
	expect(error.code).toBe('engine-cannot');
	expect(await bench.pickupJson<{ jobs: Job[] }>(['jobs'])).toEqual(before);
});

test('a shot for which the weights are not there: what is needed, how large, and where to put it', async () => {
	const timeline = await makeCut('weights', shot, shot);
	const before = await bench.pickupJson<{ jobs: Job[] }>(['jobs']);
	const insert = ['insert', timeline, '--gap', '1', '--prompt', 'a boat'];
	const error = await refused(timeline, insert);
	expect(error.code).toBe('engine-unavailable');
	expect(error.action).toMatch(/43\.3 GB.*Gemma 3 12B \(25 GB\).*--model/s);
	const empty = await mkdtemp(join(bench.folder, 'empty '));
	const fill = ['fill', timeline, '--gap', '1', '--engine', 'ltx2'];
	const half = await refused(timeline, [...fill, '--model', empty]);
	expect(half.code).toBe('engine-unavailable');
	expect(half.message).toContain('transformer');
	expect(await bench.pickupJson<{ jobs: Job[] }>(['jobs'])).toEqual(before);
});

test('an engine that is not there', async () => {
	const timeline = await makeCut('engine', shot, shot);
	const error = await refused(timeline, ['fill', timeline, '--gap', '1', '--engine', 'nobody']);
	expect(error).toMatchObject({ code: 'no-such-engine', field: 'request.engine' });
});

test('media that is offline on both sides', async () => {
	const gone = join(bench.folder, 'gone.mov');
	const timeline = await makeCut('offline', gone, gone);
	const error = await refused(timeline, ['fill', timeline, '--gap', '1']);
	expect(error.code).toBe('media-offline');
	expect(error.message).toContain(gone);
});

test('media that cannot be read', async () => {
	const broken = join(bench.folder, 'broken.mov');
	await writeFile(broken, 'this is not a film');
	const timeline = await makeCut('broken', broken, broken);
	const error = await refused(timeline, ['fill', timeline, '--gap', '1']);
	expect(error.code).toBe('media-unreadable');
	expect(error.message).toContain('broken.mov');
});

test('a gap that is not there, and one that is an open end', async () => {
	const timeline = await makeCut('gap', shot, shot);
	const none = await refused(timeline, ['fill', timeline, '--gap', '9']);
	expect(none.code).toBe('no-such-gap');
	const open = await refused(timeline, ['fill', timeline, '--gap', '2']);
	expect(open).toMatchObject({ code: 'no-such-gap' });
	expect(open.action).toContain('extend');
});

test('a timeline that is cut short', async () => {
	const timeline = await makeCut('short', shot, shot);
	const text = await readFile(timeline, 'utf8');
	await writeFile(timeline, text.slice(0, text.length / 2));
	const error = await refused(timeline, ['fill', timeline, '--gap', '1']);
	expect(error.code).toBe('timeline-malformed');
	expect(error.message).toMatch(/line \d+/);
});

test('an option that is misspelt', async () => {
	const timeline = await makeCut('option', shot, shot);
	const error = await refused(timeline, ['fill', timeline, '--gap', '1', '--takes', 'many']);
	expect(error.code).toBe('usage');
	expect(error.message).toContain('--takes');
});

test('a disk that is full: the job fails by name and the folder is as it was', async () => {
	const timeline = await makeCut('full', shot, shot, 250);
	const output = join(timeline, '..', 'new');
	const { ffmpeg } = await limitedFfmpeg();
	await bench.pickup(['daemon', 'stop']);
	const limited = { PICKUP_FFMPEG: ffmpeg };
	const args = ['fill', timeline, '--gap', '1', '-o', output, '--json'];
	const { code, stdout } = await bench.pickup(args, limited);
	await bench.pickup(['daemon', 'stop']);
	expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'disk-full', fault: 'machine' } });
	expect(code).toBe(5);
	expect(await readdir(join(timeline, '..'))).toEqual(['cut.xml']);
});

test.each(['0 %', '25 %'])('Ctrl-C at %s cancels the jobs and leaves nothing', async (when) => {
	// So large that no take is finished before the signal comes.
	const size = { width: 1920, height: 1080 };
	const timeline = await makeCut(`interrupted at ${when}`, shot, shot, 1500, size);
	const args = ['fill', timeline, '--gap', '1', '--takes', '2', '-o', join(timeline, '..', 'new')];
	const { code, stdout, stderr } = await bench.interrupted(args, (said) => said.includes(when));
	expect(code).toBe(130);
	expect(stdout).toBe('');
	expect(stderr).toContain('Interrupted');
	expect(await readdir(join(timeline, '..'))).toEqual(['cut.xml']);
	const { jobs } = await bench.pickupJson<{ jobs: Job[] }>(['jobs']);
	expect(jobs.slice(0, 2).map(({ state }) => state)).toEqual(['cancelled', 'cancelled']);
});

/** The real ffmpeg, which may not write a file of more than 200 kB. */
async function limitedFfmpeg(): Promise<{ ffmpeg: string }> {
	const { stdout } = await promisify(execFile)('sh', ['-c', 'command -v ffmpeg']);
	const ffmpeg = join(bench.folder, 'limited-ffmpeg');
	const script = `#!/bin/sh\ntrap '' XFSZ\nulimit -f 400\nexec '${stdout.trim()}' "$@"\n`;
	await writeFile(ffmpeg, script, { mode: 0o755 });
	return { ffmpeg };
}

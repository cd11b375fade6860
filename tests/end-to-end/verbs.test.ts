import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fcp7Xml, otio, type SimpleCut } from '../../demo/timelines.ts';
import { openTimeline } from '../../host-bridge/timeline-file/host.ts';
import type { Job } from '../../protocol/jobs.ts';
import { unsplice } from '../host-bridge/unsplice.ts';
import { greyFrames, makeNumberedShot, NUMBERED_SIZE, samplesOf } from './numbered.ts';
import { FORMATS, type Made, openWorkbench, run, type Workbench } from './workbench.ts';

const RATE = { num: 25, den: 1 };
let bench: Workbench;
let cut: SimpleCut;
beforeAll(async () => {
	bench = await openWorkbench();
	const left = join(bench.folder, 'left.mov');
	const right = join(bench.folder, 'right.mov');
	await makeNumberedShot(left, RATE, 0, 25, { hertz: 440, level: 0.2 });
	await makeNumberedShot(right, RATE, 35, 25, { hertz: 660, level: 0.2 });
	cut = {
		name: 'verbs',
		rate: RATE,
		size: NUMBERED_SIZE,
		startFrame: 0,
		clips: [
			{ name: 'left', path: left, start: 10, frames: 25 },
			{ name: 'right', path: right, start: 45, frames: 25 },
		],
	};
});
afterAll(() => bench.close());

describe.each(FORMATS)('%s', (file, write) => {
	async function make(name: string, args: (timeline: string) => readonly string[]): Promise<Made> {
		const folder = join(bench.folder, `${file} ${name}`);
		await mkdir(folder);
		const timeline = join(folder, file);
		const text = write(cut);
		await writeFile(timeline, text);
		const made = await bench.pickupJson<Made>([...args(timeline), '-o', join(folder, 'new')]);
		expect(unsplice(await readFile(made.timeline, 'utf8'), made.inserted)).toBe(text);
		expect(made.placements.every(({ verified }) => verified)).toBe(true);
		return made;
	}

	/** Frames at which the clips of a track start, and whether they play. */
	async function clipsOn(timeline: string, track: string) {
		const { tracks } = await (await openTimeline(timeline)).cut();
		const found = tracks.find(({ name }) => name === track);
		return found?.clips.map(({ range, enabled }) => [range.start, range.end, enabled]);
	}

	test('three takes: the first in the gap, the others above and switched off', async () => {
		const made = await make('takes', (timeline) => [
			'fill',
			timeline,
			'--gap',
			'2',
			'--takes',
			'3',
			'--seed',
			'5',
		]);
		expect(made.clips.map(({ seed }) => seed)).toEqual([5, 6, 7]);
		expect(made.placements.map(({ videoTrack }) => videoTrack)).toEqual(['V1', 'V2', 'V3']);
		expect(await clipsOn(made.timeline, 'V1')).toEqual([
			[10, 35, true],
			[35, 45, true],
			[45, 70, true],
		]);
		expect(await clipsOn(made.timeline, 'V2')).toEqual([[35, 45, false]]);
		expect(await clipsOn(made.timeline, 'V3')).toEqual([[35, 45, false]]);
	});

	test('extend goes on past the end of the sequence', async () => {
		const made = await make('tail', (timeline) => [
			'extend',
			timeline,
			'--gap',
			'3',
			'--length',
			'12',
		]);
		expect(await clipsOn(made.timeline, 'V1')).toEqual([
			[10, 35, true],
			[45, 70, true],
			[70, 82, true],
		]);
		expect(await greyFrames(made.clips[0]?.path ?? '')).toHaveLength(12);
	});

	test('extend leads into the first clip', async () => {
		const made = await make('head', (timeline) => [
			'extend',
			timeline,
			'--gap',
			'1',
			'--length',
			'0.2s',
		]);
		expect(await clipsOn(made.timeline, 'V1')).toEqual([
			[5, 10, true],
			[10, 35, true],
			[45, 70, true],
		]);
	});

	test('retake makes a range of a clip again, above it, and the clip stays', async () => {
		const made = await make('retake', (timeline) => [
			...['retake', timeline, '--clip', 'V1@00:00:00:20'],
			...['--from', '00:00:00:15', '--to', '00:00:00:22', '--replace', 'picture'],
		]);
		expect(await clipsOn(made.timeline, 'V1')).toEqual([
			[10, 35, true],
			[45, 70, true],
		]);
		expect(await clipsOn(made.timeline, 'V2')).toEqual([[15, 22, true]]);
		expect(made.placements).toMatchObject([{ videoTrack: 'V2', audioTrack: null }]);
	});
});

test('the same request twice makes the same clip', async () => {
	const timeline = join(bench.folder, 'twice.xml');
	await writeFile(timeline, fcp7Xml(cut));
	const clips = [];
	for (const output of ['one', 'two']) {
		const args = ['fill', timeline, '--gap', '2', '--seed', '11', '-o', join(bench.folder, output)];
		clips.push((await bench.pickupJson<Made>(args)).clips[0]?.path ?? '');
	}
	const [one = '', two = ''] = clips;
	expect(await greyFrames(one)).toEqual(await greyFrames(two));
	expect(await samplesOf(one)).toEqual(await samplesOf(two));
});

test.each(['prores-422-hq', 'dnxhr-hqx'])('%s is made on request, as exactly', async (codec) => {
	const timeline = join(bench.folder, `${codec}.xml`);
	await writeFile(timeline, fcp7Xml({ ...cut, size: { width: 320, height: 192 } }));
	const args = ['fill', timeline, '--gap', '2', '--codec', codec, '-o', join(bench.folder, codec)];
	const [clip] = (await bench.pickupJson<Made>(args)).clips;
	expect(await greyFrames(clip?.path ?? '')).toHaveLength(10);
	expect(await samplesOf(clip?.path ?? '')).toHaveLength(19_200);
	const wanted = ['-show_entries', 'stream=codec_name,profile,pix_fmt', '-of', 'csv=p=0'];
	const { stdout } = await run('ffprobe', [
		'-v',
		'error',
		'-select_streams',
		'v',
		...wanted,
		clip?.path ?? '',
	]);
	expect(stdout.trim()).toBe(
		codec === 'dnxhr-hqx' ? 'dnxhd,DNXHR HQX,yuv422p10le' : 'prores,HQ,yuv422p10le',
	);
});

test('a second fill into the same folder takes another name', async () => {
	const folder = join(bench.folder, 'again');
	const timeline = join(bench.folder, 'again.otio');
	await writeFile(timeline, otio(cut));
	await bench.pickupJson<Made>(['fill', timeline, '--gap', '2', '-o', folder]);
	const second = await bench.pickupJson<Made>([
		'extend',
		timeline,
		'--gap',
		'3',
		'--length',
		'4',
		'-o',
		folder,
	]);
	expect(second.timeline).toBe(join(folder, 'again 2.otio'));
	expect((await readdir(folder)).sort()).toEqual(['again 2.otio', 'again.otio', 'media']);
});

test('jobs lists what was made; a pipe gets plain lines', async () => {
	const timeline = join(bench.folder, 'plain.xml');
	await writeFile(timeline, fcp7Xml(cut));
	const filled = await bench.pickup([
		'fill',
		timeline,
		'--gap',
		'2',
		'-o',
		join(bench.folder, 'plain'),
	]);
	expect(filled.code).toBe(0);
	expect(filled.stdout).toMatch(/V1 \+ A1.*10 frames, seed \d+/);
	expect(filled.stderr).toContain('draft');
	expect(filled.stderr).toContain('100 % done');
	expect(filled.stderr + filled.stdout).not.toContain('\u001b');
	const { jobs } = await bench.pickupJson<{ jobs: Job[] }>(['jobs']);
	expect(jobs[0]).toMatchObject({ kind: 'fill', state: 'done', plan: { frames: 10, draft: true } });
	const table = await bench.pickup(['jobs']);
	expect(table.stdout).toContain(jobs[0]?.id.slice(0, 8) ?? '');
});

test('a retake with sound says that the clip below still sounds', async () => {
	const timeline = join(bench.folder, 'retake.otio');
	await writeFile(timeline, otio(cut));
	const range = ['--from', '00:00:00:15', '--to', '00:00:00:22'];
	const output = ['-o', join(bench.folder, 'retaken')];
	const args = ['retake', timeline, '--clip', 'V1@00:00:00:20', ...range, ...output];
	const { code, stdout, stderr } = await bench.pickup(args);
	expect(code).toBe(0);
	expect(stdout).toContain('V2 + A2');
	expect(stderr).toContain('mute it there');
});

test('doctor says what works and what to do', async () => {
	const { checks } = await bench.pickupJson<{ checks: { name: string; status: string }[] }>([
		'doctor',
	]);
	expect(checks.find(({ name }) => name === 'ffmpeg')).toMatchObject({ status: 'ok' });
	expect(checks.find(({ name }) => name === 'provider cpu')).toMatchObject({ status: 'ok' });
});

test('every verb has help with examples', async () => {
	const { code, stdout } = await bench.pickup(['--help']);
	expect(code).toBe(0);
	for (const verb of [
		'gaps',
		'fill',
		'extend',
		'insert',
		'retake',
		'jobs',
		'daemon',
		'doctor',
		'setup',
	]) {
		expect(stdout).toContain(`  ${verb}`);
		const help = await bench.pickup([verb, '--help']);
		expect(help.code).toBe(0);
		expect(help.stdout).toMatch(/Examples?:/);
	}
});

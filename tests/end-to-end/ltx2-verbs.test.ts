import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectToRunning } from '../../cli/daemon-link.ts';
import { fcp7Xml, type SimpleCut } from '../../demo/timelines.ts';
import { openTimeline } from '../../host-bridge/timeline-file/host.ts';
import type { Problem } from '../../protocol/errors.ts';
import type { GenerationRequest, Plan } from '../../protocol/generation.ts';
import type { Clip } from '../../protocol/jobs.ts';
import { makeModel } from '../engines/ltx2/shots.ts';
import { unsplice } from '../host-bridge/unsplice.ts';
import { makeNumberedShot, NUMBERED_SIZE } from './numbered.ts';
import { FORMATS, type Made, openWorkbench, type Workbench } from './workbench.ts';

const RATE = { num: 25, den: 1 };

let bench: Workbench;
let cut: SimpleCut;
let shot: string;
let model: string;
beforeAll(async () => {
	bench = await openWorkbench();
	shot = join(bench.folder, 'shot.mov');
	await makeNumberedShot(shot, RATE, 0, 25, { hertz: 440, level: 0.2 });
	const clips = [10, 45].map((start) => ({ name: 'shot', path: shot, start, frames: 25 }));
	cut = { name: 'cut', rate: RATE, size: NUMBERED_SIZE, startFrame: 0, clips };
	model = await makeModel(join(bench.folder, 'model'), 'ltx-2-tiny');
});
afterAll(() => bench.close());

/** What was asked of the daemon for a finished clip, whose name ends in the job's id. */
async function requestOf({ path }: Clip): Promise<GenerationRequest> {
	const client = await connectToRunning(bench.state);
	const jobId = path.slice(-40, -4);
	const { request } = await client.call('job.request', { jobId });
	client.close();
	return request;
}

async function clipsOn(timeline: string, kind: 'video' | 'audio') {
	const { tracks } = await (await openTimeline(timeline)).cut();
	return tracks
		.filter((track) => track.kind === kind)
		.map(({ name, clips }) => [name, clips.map(({ range }) => [range.start, range.end])]);
}

test('without weights the command says which files are needed, how large, and where', async () => {
	const timeline = join(bench.folder, 'none.xml');
	await writeFile(timeline, fcp7Xml(cut));
	const fill = ['fill', timeline, '--gap', '2', '--engine', 'ltx2', '--plan'];
	const { code, stdout, stderr } = await bench.pickup(fill);
	expect([code, stdout]).toEqual([5, '']);
	const place = join(bench.state, 'models', 'ltx2');
	expect(stderr).toContain(`Put into ${place}:`);
	expect(stderr).toContain('ltx-2-19b-distilled.safetensors (43.3 GB)');
	expect(stderr).toContain('gemma-3-12b-it-qat-q4_0-unquantized: Gemma 3 12B (25 GB)');
	await bench.pickup(['daemon', 'stop']);
});

describe('LTX-2, found in the folder that PICKUP_MODEL names,', () => {
	const pixels = String(NUMBERED_SIZE.width * NUMBERED_SIZE.height);
	const tiny = ['--engine', 'ltx2', '--pixels', pixels, '--steps', '2', '--context', '0.3'];
	const settings = { pixels: Number(pixels), steps: 2, context: 0.3 };

	async function make(name: string, args: (timeline: string) => readonly string[]): Promise<Made> {
		const folder = join(bench.folder, name);
		await mkdir(folder);
		const timeline = join(folder, 'cut.xml');
		await writeFile(timeline, fcp7Xml(cut));
		const all = [...args(timeline), ...tiny, '-o', join(folder, 'new'), '--json'];
		const { code, stdout } = await bench.pickup(all, { PICKUP_MODEL: model });
		expect([code, stdout]).toEqual([0, expect.stringContaining('"timeline"')]);
		const made = JSON.parse(stdout) as Made;
		expect(unsplice(await readFile(made.timeline, 'utf8'), made.inserted)).toBe(fcp7Xml(cut));
		expect(made.placements.every(({ verified }) => verified)).toBe(true);
		return made;
	}

	test('shows its plan and ends there', async () => {
		const timeline = join(bench.folder, 'plan.xml');
		await writeFile(timeline, fcp7Xml(cut));
		const args = ['fill', timeline, '--gap', '2', ...tiny, '--plan'];
		const { code, stdout } = await bench.pickup(args, { PICKUP_MODEL: model });
		expect(code).toBe(0);
		expect(stdout).toMatch(/^ltx2: 10 frames\n/);
		expect(stdout).toMatch(
			/\d+×\d+, \d+ frames at 25 fps: \d+ before, 10 new, \d+ after; 1 pass of 2 steps\n/,
		);
		const { plans } = await bench.pickupJson<{ plans: Plan[] }>(args);
		expect(plans).toMatchObject([{ engine: 'ltx2', frames: 10, steps: 2 }]);
		expect(await bench.pickupJson(['jobs'])).toEqual({ jobs: [] });
		const left = await readdir(bench.folder);
		expect(left.filter((name) => name.startsWith('plan'))).toEqual(['plan.xml']);
	});

	test('is told by the daemon with its model', async () => {
		const { stdout } = await bench.pickup(['daemon', 'status']);
		expect(stdout).toContain(`LTX-2 19B distilled in ${model}`);
	});

	test('makes sound for a picture, on an audio track that is free there', async () => {
		const { timeline, clips } = await make('soundtrack', (path) => [
			...['soundtrack', path, '--clip', 'V1@00:00:00:12', '--to', '00:00:00:20'],
			...['--provider', 'cpu', '--sampler', 'euler', '--stages', '1'],
		]);
		expect(clips).toMatchObject([{ engine: 'ltx2', frames: 10, samples: 19_200 }]);
		expect(await requestOf(clips[0]!)).toMatchObject({
			kind: 'soundtrack',
			clip: { track: 'V1', range: { start: 10, end: 35 } },
			settings: { ...settings, model, provider: 'cpu', sampler: 'euler', stages: '1' },
		});
		expect(await clipsOn(timeline, 'video')).toEqual([
			[
				'V1',
				[
					[10, 35],
					[45, 70],
				],
			],
		]);
		const sound = [
			[10, 35],
			[45, 70],
		];
		expect(await clipsOn(timeline, 'audio')).toEqual([
			...[
				['A1', sound],
				['A2', sound],
			],
			...[
				['A3', [[10, 20]]],
				['A4', [[10, 20]]],
			],
		]);
	});

	test('makes a picture for a sound, above what is there', async () => {
		const { timeline, clips } = await make('animate', (path) => [
			...['animate', path, '--clip', 'A1@00:00:02:00', '--from', '00:00:02:00'],
		]);
		expect(clips).toMatchObject([{ engine: 'ltx2', frames: 20 }]);
		expect(await requestOf(clips[0]!)).toMatchObject({
			kind: 'animate',
			clip: { track: 'A1' },
			settings: { ...settings, model },
		});
		expect(await clipsOn(timeline, 'video')).toEqual([
			...[
				[
					'V1',
					[
						[10, 35],
						[45, 70],
					],
				],
				['V2', [[50, 70]]],
			],
		]);
		expect((await clipsOn(timeline, 'audio')).map(([name]) => name)).toEqual(['A1', 'A2']);
	});
});

describe('With an engine that takes everything', () => {
	let environment: NodeJS.ProcessEnv;
	beforeAll(async () => {
		await bench.pickup(['daemon', 'stop']);
		const engine = join(bench.folder, 'fake.mjs');
		await build({
			entryPoints: [join(import.meta.dirname, '../fakes/engine.ts')],
			outfile: engine,
			bundle: true,
			platform: 'node',
			format: 'esm',
			target: 'node20.19',
			logLevel: 'error',
		});
		environment = { PICKUP_ENGINE_MODULE: engine, PICKUP_FAKE_TAKES: '1' };
	});

	async function make(
		name: string,
		args: (path: string) => readonly string[],
		[file, write]: (typeof FORMATS)[number] = FORMATS[0],
	): Promise<Made> {
		const folder = join(bench.folder, `${file} ${name}`);
		await mkdir(folder);
		const timeline = join(folder, file);
		await writeFile(timeline, write(cut));
		const all = [...args(timeline), '-o', join(folder, 'new'), '--json'];
		const { code, stdout } = await bench.pickup(all, environment);
		expect([code, stdout]).toEqual([0, expect.stringContaining('"timeline"')]);
		const made = JSON.parse(stdout) as Made;
		expect(unsplice(await readFile(made.timeline, 'utf8'), made.inserted)).toBe(write(cut));
		expect(made.placements.every(({ verified }) => verified)).toBe(true);
		return made;
	}

	test('a clip whose length the model chose leans on the clip beside it', async () => {
		const tail = ['--gap', '2', '--length', 'auto'];
		const after = await make('tail', (path) => ['insert', path, ...tail]);
		expect(after.clips).toMatchObject([{ frames: 9, samples: 9 * 1920 }]);
		expect(await clipsOn(after.timeline, 'video')).toEqual([
			[
				'V1',
				[
					[10, 35],
					[35, 44],
					[45, 70],
				],
			],
		]);
		const head = ['--gap', '1', '--length', 'auto'];
		const before = await make('head', (path) => ['insert', path, ...head]);
		expect(await clipsOn(before.timeline, 'video')).toEqual([
			[
				'V1',
				[
					[1, 10],
					[10, 35],
					[45, 70],
				],
			],
		]);
	});

	test.each(FORMATS)(
		'%s: sound alone and a picture alone land beside what is there',
		async (...format) => {
			const wanted = ['--clip', 'V1@00:00:00:10'];
			const sound = await make('sound', (path) => ['soundtrack', path, ...wanted], format);
			expect(await clipsOn(sound.timeline, 'video')).toEqual([
				[
					'V1',
					[
						[10, 35],
						[45, 70],
					],
				],
			]);
			expect(sound.placements).toMatchObject([{ videoTrack: null }]);
			const heard = ['--clip', 'A1@00:00:00:10'];
			const picture = await make('picture', (path) => ['animate', path, ...heard], format);
			expect(picture.placements).toMatchObject([{ videoTrack: 'V2', audioTrack: null }]);
			expect((await clipsOn(picture.timeline, 'video'))[1]).toEqual(['V2', [[10, 35]]]);
		},
	);

	test('LoRAs and a reference come as they were given', async () => {
		const timeline = join(bench.folder, 'lora.xml');
		await writeFile(timeline, fcp7Xml(cut));
		const style = join(bench.folder, 'style.safetensors');
		await writeFile(style, 'weights');
		const fill = ['fill', timeline, '--gap', '2', '-o', join(bench.folder, 'lora'), '--json'];
		const lora = ['--lora', `${style}:0.5`, '--lora', style];
		const reference = [
			'--reference',
			shot,
			'--reference-start',
			'0.4',
			'--reference-strength',
			'0',
		];
		const { stdout } = await bench.pickup([...fill, ...lora, ...reference], environment);
		expect(await requestOf((JSON.parse(stdout) as Made).clips[0]!)).toMatchObject({
			loras: [
				{ path: style, strength: 0.5 },
				{ path: style, strength: 1 },
			],
			reference: { path: shot, start: { num: 2, den: 5 }, strength: 0, attention: 1 },
			settings: {},
		});
	});

	test('a LoRA that is not there is the media’s fault, and drafts take none', async () => {
		const timeline = join(bench.folder, 'refused.xml');
		await writeFile(timeline, fcp7Xml(cut));
		const lora = ['--lora', join(bench.folder, 'none.safetensors'), '--json'];
		const fill = ['fill', timeline, '--gap', '2', ...lora];
		const missing = await bench.pickup(fill, environment);
		const refused = await bench.pickup([...fill, '--engine', 'inbetween'], environment);
		const [offline, cannot] = [missing, refused].map(
			({ stdout }) => (JSON.parse(stdout) as { error: Problem }).error,
		);
		expect(missing.code).toBe(4);
		expect(offline).toMatchObject({ code: 'media-offline', field: 'request.loras.0.path' });
		expect(refused.code).toBe(2);
		expect(cannot).toMatchObject({ code: 'engine-cannot', field: 'request.loras' });
	});
});

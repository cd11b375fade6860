import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EditorHost } from '../../protocol/hosts.ts';
import type { Job } from '../../protocol/jobs.ts';
import type { Landing } from '../../protocol/landings.ts';
import type { Shot } from '../../protocol/shots.ts';
import { closeBrowser } from '../browser.ts';
import { connect, type Daemon, endAllDaemons, type Peer, until } from '../daemon/harness.ts';
import { openStudio, type Studio } from '../engines/ltx2/shots.ts';
import { type Blender, endAllBlenders, startBlender, type Which } from '../hosts/blender.ts';
import { openPanelPage, startStage } from '../plugin/stage.ts';
import { shotIn } from '../shots.ts';
import { greyFrames, makeNumberedShot, readNumber } from './numbered.ts';
import { bytesOf } from './workbench.ts';

const RATE = { num: 24, den: 1 };
/** Sequence frames; Blender counts from 1. */
const GAP = { start: 50, end: 80 };
const LENGTH = 130;

let folder: string;
let studio: Studio;
let daemon: Daemon;
let peer: Peer;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup blender '));
	await makeNumberedShot(join(folder, 'shots.mov'), RATE, 0, 200, { hertz: 440, level: 0.3 });
	[studio, daemon] = await Promise.all([openStudio(), startStage()]);
	peer = await connect(daemon);
});
afterAll(async () => {
	await closeBrowser();
	await endAllBlenders();
	await endAllDaemons();
	await studio.close();
	await rm(folder, { recursive: true, force: true });
});

describe.each<Which>(['window', 'module'])('A press in Blender (%s)', (which) => {
	let blender: Blender;
	let film: string;
	beforeAll(async () => {
		film = join(folder, which, 'film.blend');
		// As a person installs it, where there is a person.
		const zip = join(import.meta.dirname, '../../dist/pickup-blender.zip');
		await start(which === 'window' ? { zip } : {});
		await blender.run(`import os\nos.makedirs(${text(join(folder, which))}, exist_ok=True)`);
		await blender.run(TWO_SHOTS);
		await blender.run(`bpy.ops.wm.save_as_mainfile(filepath=${text(film)})`);
	});
	afterAll(() => blender.kill());

	async function start(options: { readonly zip?: string } = {}): Promise<void> {
		const home = join(folder, which);
		blender = await startBlender(which, { state: daemon.state, home, ...options });
		await blender.run(`media = ${text(folder)}`);
	}

	async function host(): Promise<EditorHost> {
		return until('Blender to be connected with the film', async () => {
			const { hosts } = await peer.call('host.watch', {});
			return hosts.find(({ state }) => state.project?.path === film && state.sequence);
		});
	}

	async function press(changes: Partial<Shot> = {}): Promise<readonly [Shot, readonly Job[]]> {
		const own = { prompt: '', engine: 'inbetween', ...changes };
		const shot = shotIn(await host(), GAP, own);
		return [shot, (await peer.call('shot.submit', { shot })).jobs];
	}

	/** Blender's own render of the whole edit. */
	async function render(): Promise<Rendered> {
		const path = join(folder, which, `render-${randomUUID()}.mov`);
		await blender.run(`${RENDER}\nrender(${text(path)}, ${LENGTH})`);
		const frames = await greyFrames(path);
		return { frames, levels: await levelsOf(path) };
	}

	async function tookBack(): Promise<void> {
		await blender.run(
			"use(scene)\nfor strip in list(strips()):\n    if 'Pickup' in strip.name: strips().remove(strip)",
		);
		// As every step of a person's is.
		if (which === 'window') await blender.run("bpy.ops.ed.undo_push(message='removed')");
		await blender.run(`bpy.ops.wm.save_as_mainfile(filepath=${text(film)})`);
	}

	test('is made in the panel, in a browser, with one press', async () => {
		await blender.run('scene.frame_set(61)');
		const { agent } = await host();
		const page = await openPanelPage(daemon, { agent }, { width: 360, height: 640 });
		const { jobs: before } = await peer.call('job.list', {});
		await page.getByRole('button', { name: /^(Fill the gap|Place a draft)/ }).click();
		const job = await until('the job', async () => {
			const { jobs } = await peer.call('job.list', {});
			return jobs.length > before.length && jobs[0];
		});
		await settled(job.id, 'landed');
		await page.getByText('in the cut').first().waitFor();
		const { frames } = await render();
		expect([49, 80].map((at) => readNumber(frames[at]!))).toEqual([49, 100]);
		expect(meanOf(frames[65]!)).toBeGreaterThan(20);
		await page.close();
	});

	test('lands its clip in the gap, and what Blender renders is right before, in and after it', async () => {
		await peer.call('panel.remember', {
			key: 'request',
			value: { prompt: 'wind', engine: 'inbetween', draft: false },
		});
		await tookBack();
		await blender.run('scene.frame_set(61)');
		await host();
		await until('the button', () => blender.run('result = bpy.ops.pickup.fill.poll()'));
		const { lastEvent } = await peer.call('job.list', { limit: 1 });
		await blender.run('bpy.ops.pickup.fill()');
		const job = await until('the job', async () => {
			const { events } = await peer.call('events.subscribe', { after: lastEvent });
			const accepted = events.find(({ kind }) => kind === 'accepted');
			return accepted?.kind === 'accepted' && accepted.job;
		});
		expect(job.prompt).toBe('wind');
		const landing = await settled(job.id, 'landed');
		expect(landing.state === 'landed' && landing.items.map(({ range }) => range)).toEqual([
			GAP,
			GAP,
		]);
		const { frames, levels } = await render();
		expect(frames).toHaveLength(LENGTH);
		expect([0, 49, 80, 129].map((at) => readNumber(frames[at]!))).toEqual([0, 49, 100, 149]);
		// What was made goes from one side to the other: nothing black, nothing twice as bright.
		for (let at = GAP.start; at < GAP.end; at++) {
			expect(Math.abs(meanOf(frames[at]!) - meanOf(frames[49]!))).toBeLessThan(25);
			expect(differenceOf(frames[at]!, frames[at - 1]!)).toBeGreaterThan(0.5);
		}
		for (const range of [
			[0, 50],
			[50, 80],
			[80, 130],
		] as const) {
			const level = meanOf(levels.slice(...range));
			expect(level, `sound of ${range}`).toBeGreaterThan(0.02);
			expect(level, `sound of ${range}`).toBeLessThan(0.4);
		}
		const { clip } = (await peer.call('job.get', { jobId: job.id })).job;
		expect(clip!.path.startsWith(join(folder, which, 'Pickup'))).toBe(true);
	});

	test('is still there when the project was saved and opened again', async () => {
		const before = await landedNow();
		await blender.run('bpy.ops.wm.save_mainfile()');
		await blender.kill();
		await start();
		await blender.run(`bpy.ops.wm.open_mainfile(filepath=${text(film)})\nuse(bpy.data.scenes[0])`);
		await host();
		const { frames } = await render();
		expect([49, 80].map((at) => readNumber(frames[at]!))).toEqual([49, 100]);
		expect(meanOf(frames[65]!)).toBeGreaterThan(20);
		expect(await landedNow()).toEqual(before);
	});

	// The module keeps no undo steps.
	if (which === 'window') {
		test('is taken out by one undo, which is told, and brought back by redo', async () => {
			await tookBack();
			const [, [job]] = await press();
			await settled(job!.id, 'landed');
			await blender.run('bpy.ops.ed.undo()\nuse(bpy.data.scenes[0])');
			await settled(job!.id, 'gone');
			const { frames, levels } = await render();
			expect(meanOf(frames[65]!)).toBeLessThan(2);
			expect(meanOf(levels.slice(55, 75))).toBeLessThan(0.001);
			await blender.run('bpy.ops.ed.redo()\nuse(bpy.data.scenes[0])');
			await settled(job!.id, 'landed');
		});
	}

	test('a second take replaces the first, where that was moved to and as it was trimmed', async () => {
		await tookBack();
		const [shot, [first, second]] = await press({ takes: 2 });
		const landing = await settled(first!.id, 'landed');
		await until('the second take', async () => {
			return (await peer.call('job.get', { jobId: second!.id })).job.state === 'done';
		});
		await blender.run(
			"for strip in strips():\n    if 'Pickup' in strip.name: strip.frame_final_end = 71",
		);
		const trimmed = { start: 50, end: 70 };
		await until('the trim to be known', async () => {
			const now = await landingOf(first!.id);
			return now.state === 'landed' && now.items.every(({ range }) => range.end === 70);
		});
		const { agent } = await host();
		await peer.call('clip.land', {
			jobId: second!.id,
			host: agent.id,
			track: 'V1',
			frame: GAP.start,
			where: 'gap',
			replaces: shot.id,
		});
		const swapped = await settled(second!.id, 'landed');
		const tracks = landing.state === 'landed' ? landing.items.map(({ track }) => track) : [];
		expect(swapped.state === 'landed' && swapped.items).toEqual([
			{ of: 'video', track: tracks[0], range: trimmed },
			{ of: 'audio', track: tracks[1], range: trimmed },
		]);
		expect(await landingOf(first!.id)).toMatchObject({ state: 'replaced', by: second!.id });
		const { frames } = await render();
		expect([49, 80].map((at) => readNumber(frames[at]!))).toEqual([49, 100]);
		expect(meanOf(frames[69]!)).toBeGreaterThan(20);
		expect(meanOf(frames[75]!)).toBeLessThan(2);
	});

	test('a draft stands there at once, and the finished clip takes its place', async () => {
		await tookBack();
		const [, [draft, take]] = await press({
			engine: 'ltx2',
			draft: true,
			settings: { model: studio.model, provider: 'cpu', pixels: 64 * 64, steps: 2, context: 0.1 },
		});
		const landing = await settled(draft!.id, 'landed', 'replaced');
		const { job } = await peer.call('job.get', { jobId: take!.id });
		expect(job.takeOf?.take).toBe(1);
		const marked = "result = [strip.name for strip in strips() if 'draft' in strip.name]";
		if (landing.state === 'landed' && job.state !== 'done') {
			expect(await blender.run<string[]>(marked)).not.toEqual([]);
		}
		const finished = await settled(take!.id, 'landed');
		expect(finished.state === 'landed' && finished.items.map(({ range }) => range)).toEqual([
			GAP,
			GAP,
		]);
		expect(await landingOf(draft!.id)).toMatchObject({ state: 'replaced', by: take!.id });
		expect(await blender.run<string[]>(marked)).toEqual([]);
		const { frames } = await render();
		expect([49, 80].map((at) => readNumber(frames[at]!))).toEqual([49, 100]);
	});

	async function landedNow() {
		const { jobs } = await peer.call('job.list', {});
		const landings = jobs.flatMap(({ landings }) => landings);
		return landings
			.filter(({ state, destination }) => state === 'landed' && destination.project.name === 'film')
			.map((landing) => landing.state === 'landed' && landing.items);
	}
});

type Rendered = {
	readonly frames: readonly Uint8Array[];
	/** Root mean square of the sound under each frame, 1 is full scale. */
	readonly levels: readonly number[];
};

async function landingOf(jobId: string): Promise<Landing> {
	return (await peer.call('job.get', { jobId })).job.landings.at(-1)!;
}

/** Throws at once what will never come to be. */
async function settled(jobId: string, ...states: Landing['state'][]): Promise<Landing> {
	return until(`the clip to be ${states.join(' or ')}`, async () => {
		const { job } = await peer.call('job.get', { jobId });
		if (job.state === 'failed') throw new Error(JSON.stringify(job.problem));
		const landing = job.landings.at(-1)!;
		if (landing.state === 'not-landed') throw new Error(JSON.stringify(landing.problem));
		return states.includes(landing.state) ? landing : null;
	});
}

async function levelsOf(path: string): Promise<readonly number[]> {
	const format = ['-f', 'f32le', '-ac', '1', '-ar', '48000', '-'];
	const bytes = await bytesOf('ffmpeg', ['-v', 'error', '-i', path, '-map', '0:a:0', ...format]);
	const samples = new Float32Array(
		bytes.buffer,
		bytes.byteOffset,
		Math.floor(bytes.byteLength / 4),
	);
	return Array.from({ length: LENGTH }, (_unused, frame) => {
		const part = samples.subarray(frame * 2000, (frame + 1) * 2000);
		return Math.sqrt(part.reduce((sum, sample) => sum + sample * sample, 0) / part.length);
	});
}

function meanOf(values: ArrayLike<number>): number {
	return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

function differenceOf(a: Uint8Array, b: Uint8Array): number {
	return meanOf(a.map((value, at) => Math.abs(value - b[at]!)));
}

/** As Python writes it too. */
function text(value: string): string {
	return JSON.stringify(value);
}

const TWO_SHOTS = `
fresh()
movie('left', 1, 1, 'shots', (1, 51))
sound('left.001', 2, 1, 'shots', (1, 51))
movie('right', 1, -19, 'shots', (81, 131))
sound('right.001', 2, -19, 'shots', (81, 131))`;

const RENDER = `
def render(path, length):
    settings = scene.render
    scene.frame_start, scene.frame_end = 1, length
    if hasattr(settings.image_settings, 'media_type'):
        settings.image_settings.media_type = 'VIDEO'
    settings.image_settings.file_format = 'FFMPEG'
    settings.ffmpeg.format = 'QUICKTIME'
    settings.ffmpeg.codec = 'H264'
    settings.ffmpeg.constant_rate_factor = 'PERC_LOSSLESS'
    settings.ffmpeg.audio_codec = 'PCM'
    settings.filepath = path
    bpy.ops.render.render(animation=True)
`;

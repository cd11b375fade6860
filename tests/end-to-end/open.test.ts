import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderWithMelt } from '../../demo/melt.ts';
import { cutLength, kdenlive, type SimpleCut } from '../../demo/timelines.ts';
import type { EditorHost } from '../../protocol/hosts.ts';
import type { Job } from '../../protocol/jobs.ts';
import type { Shot } from '../../protocol/shots.ts';
import { samplesForFrames } from '../../protocol/time.ts';
import { connect, type Peer, readPortFile, until } from '../daemon/harness.ts';
import { makeModel } from '../engines/ltx2/shots.ts';
import { hostOf, killOpenCommands, type OpenCommand, openCommand } from '../hosts/open-command.ts';
import { shotIn } from '../shots.ts';
import {
	difference,
	greyFrames,
	makeNumberedShot,
	NUMBERED_SIZE,
	readNumber,
	samplesOf,
} from './numbered.ts';
import { readWithOpenTimelineIo } from './open-timeline-io.ts';
import { FORMATS, openWorkbench, type Workbench } from './workbench.ts';

const RATE = { num: 24_000, den: 1001 };
const LEFT = 30;
const GAP = 17;
const RIGHT = 28;
const RANGE = { start: LEFT, end: LEFT + GAP };

let bench: Workbench;
let cut: SimpleCut;
let model: string;
beforeAll(async () => {
	bench = await openWorkbench();
	model = await makeModel(join(bench.folder, 'model'), 'ltx-2-tiny');
	const left = join(bench.folder, 'left shot.mov');
	const right = join(bench.folder, 'right – été.mov');
	await makeNumberedShot(left, RATE, 100, LEFT, { hertz: 440, level: 0.2 });
	await makeNumberedShot(right, RATE, 300, RIGHT, { hertz: 880, level: 0.1 });
	cut = {
		name: 'cut',
		rate: RATE,
		size: NUMBERED_SIZE,
		startFrame: 0,
		clips: [
			{ name: 'left', path: left, start: 0, frames: LEFT },
			{ name: 'right', path: right, start: LEFT + GAP, frames: RIGHT },
		],
	};
});
afterAll(async () => {
	killOpenCommands();
	await bench.close();
});

describe.each(FORMATS)('pickup open %s', (name, write) => {
	let path: string;
	let peer: Peer;
	let host: EditorHost;

	/** Starts the command on the timeline and waits until it is connected. */
	async function open(): Promise<OpenCommand> {
		const command = openCommand(bench.state, [path], { PICKUP_MODEL: model });
		const daemon = await until('the daemon', () => readPortFile(bench.state).catch(() => null));
		peer = await connect(daemon);
		host = await hostOf(peer, path);
		return command;
	}

	function shot(changes: Partial<Shot> = {}): Shot {
		const own = { prompt: 'the bars go on counting', engine: 'ltx2', seed: 3, draft: true };
		return shotIn(host, RANGE, { ...own, ...changes });
	}

	async function ended(job: Job): Promise<Job> {
		return until(`take ${job.takeOf?.take} to be done`, async () => {
			const found = (await peer.call('job.get', { jobId: job.id })).job;
			expect(found.problem).toBeNull();
			return found.state === 'done' ? found : null;
		});
	}

	async function landed(job: Job): Promise<Job> {
		return until(`take ${job.takeOf?.take} to be landed`, async () => {
			const found = (await peer.call('job.get', { jobId: job.id })).job;
			const last = found.landings.at(-1);
			expect(last?.state).not.toBe('not-landed');
			return last?.state === 'landed' ? found : null;
		});
	}

	/** What melt makes of the new file; of other formats' files as OpenTimelineIO reads them. */
	async function rendered(file: string): Promise<{ frames: Uint8Array[]; sound: Float32Array }> {
		let project = file;
		if (!file.endsWith('.kdenlive')) {
			const [video, ...audio] = await readWithOpenTimelineIo(file);
			for (const track of audio) expect(track.clips).toEqual(video?.clips);
			project = join(bench.folder, `${name} as read.kdenlive`);
			const clips = video!.clips.map((clip) => ({ ...clip, name: 'clip' }));
			await writeFile(project, kdenlive({ ...cut, clips }));
		}
		const render = join(bench.folder, `${name}.mov`);
		await renderWithMelt(project, cutLength(cut) - 1, render, [
			'vcodec=libx264',
			'crf=8',
			'pix_fmt=yuv420p',
		]);
		return { frames: await greyFrames(render), sound: await samplesOf(render) };
	}

	function expectNeighbours(frames: readonly Uint8Array[]): void {
		expect(frames).toHaveLength(LEFT + GAP + RIGHT);
		const numbers = frames.map(readNumber);
		expect(numbers.slice(0, LEFT)).toEqual(Array.from({ length: LEFT }, (_, at) => 100 + at));
		expect(numbers.slice(LEFT + GAP)).toEqual(Array.from({ length: RIGHT }, (_, at) => 300 + at));
	}

	test('a press lands a draft and the finished clip in its place; another is used, and taken out again', async () => {
		const folder = join(bench.folder, `with ${name}`);
		await mkdir(folder);
		path = join(folder, name);
		await writeFile(path, write(cut));
		const command = await open();
		const press = shot();
		const { jobs } = await peer.call('shot.submit', { shot: press });
		await landed(jobs[1]!);
		const second = await ended(jobs[0]!);
		expect(second.clip).toMatchObject({ engine: 'inbetween', draft: true });
		// One that had not landed before the clip was done has nothing to show any more.
		expect(second.landings.at(-1)?.state).toMatch(/^(replaced|withdrawn)$/);
		const file = join(folder, 'cut pickup', name);
		const stands = async () => {
			const { cut: now } = await peer.call('host.cut', { host: host.agent.id });
			return now.tracks[0]?.clips.map(({ source }) => source.kind === 'file' && source.path);
		};
		const [left, right] = cut.clips.map((clip) => clip.path);
		const first = (await peer.call('job.get', { jobId: jobs[1]!.id })).job;
		expect(first.clip).toMatchObject({ engine: 'ltx2', draft: false });
		expect(await stands()).toEqual([left, first.clip!.path, right]);

		await peer.call('clip.land', {
			jobId: second.id,
			host: host.agent.id,
			track: 'V1',
			frame: LEFT,
			where: 'gap',
			replaces: press.id,
		});
		const { landings } = await landed(second);
		expect(await stands()).toEqual([left, second.clip!.path, right]);
		expect(second.clip!.path.startsWith(join(folder, 'cut pickup', 'media'))).toBe(true);
		const { frames, sound } = await rendered(file);
		expectNeighbours(frames);
		const made = await greyFrames(second.clip!.path);
		frames.slice(LEFT, LEFT + GAP).forEach((frame, at) => {
			expect(difference(frame, made[at]!), `frame ${at} of the gap`).toBeLessThan(3);
		});
		expect(loudness(sound, LEFT, GAP)).toBeGreaterThan(0.001);

		// The command ends and comes again: what stood there stands.
		await command.end('SIGINT');
		expect(command.said()).toMatch(new RegExp(`^Pickup V1 .* take 1: .*cut pickup/${name}$`, 'm'));
		expect(command.said()).toMatch(new RegExp(`^Pickup V1 .* draft: .*cut pickup/${name}$`, 'm'));
		const again = await open();
		expect(await stands()).toEqual([left, second.clip!.path, right]);
		await peer.call('clip.withdraw', { landing: landings.at(-1)!.id });
		expect(await stands()).toEqual([left, right]);
		const without = await rendered(file);
		expectNeighbours(without.frames);
		for (const frame of without.frames.slice(LEFT, LEFT + GAP)) {
			expect(frame.every((level) => level < 30)).toBe(true);
		}
		expect(loudness(without.sound, LEFT + 1, GAP - 2)).toBeLessThan(1e-4);
		expect(await readFile(path, 'utf8')).toBe(write(cut));
		await again.end('SIGINT');
	});
});

/** Mean level of a stretch of frames. */
function loudness(sound: Float32Array, frame: number, frames: number): number {
	const from = samplesForFrames(frame, RATE);
	const part = sound.subarray(from, from + samplesForFrames(frames, RATE));
	return part.reduce((sum, sample) => sum + Math.abs(sample), 0) / part.length;
}

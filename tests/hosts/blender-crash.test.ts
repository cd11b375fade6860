import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
	connect,
	crash,
	type Daemon,
	endAllDaemons,
	startDaemon,
	until,
} from '../daemon/harness.ts';
import { makeNumberedShot } from '../end-to-end/numbered.ts';
import { tries } from '../tries.ts';
import { type Blender, endAllBlenders, startBlender } from './blender.ts';

const GAP = { start: 50, end: 58 };

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup blender '));
	const tone = { hertz: 440, level: 0.3 };
	await makeNumberedShot(join(folder, 'shots.mov'), { num: 24, den: 1 }, 0, 120, tone);
});
afterAll(async () => {
	await endAllBlenders();
	await endAllDaemons();
	await rm(folder, { recursive: true, force: true });
});

const MOMENTS = Array.from({ length: tries(6, 300) }, (_, at) => ({
	at,
	who: (['Blender', 'the daemon', 'both'] as const)[at % 3]!,
	// From the press to well after the landing.
	after: (at * 337) % 2000,
	saves: at % 2 === 1,
}));

test.each(MOMENTS)(
	'$who killed $after ms after the press: the clip is there once or is told to be gone ($at)',
	async ({ at, who, after, saves }) => {
		const film = join(folder, `film ${at}.blend`);
		let daemon = await startDaemon();
		const { state } = daemon;
		let blender = await open(daemon);
		await blender.run(`${TWO_SHOTS}\nbpy.ops.wm.save_as_mainfile(filepath=${text(film)})`);
		let peer = await connect(daemon);
		const hostOf = async () =>
			(await peer.call('host.watch', {})).hosts.find((each) => each.state.project?.path === film);
		const host = await until('the film to be open', hostOf);
		const shot = {
			id: randomUUID(),
			host: host.agent.id,
			project: host.state.project!.id,
			sequence: host.state.sequence!.id,
			verb: 'insert' as const,
			track: 'V1',
			range: GAP,
			prompt: 'grey',
			engine: 'fake',
			seed: 7,
			takes: 1,
			draft: false,
			settings: { delay: 20 },
		};
		const [job] = (await peer.call('shot.submit', { shot })).jobs;
		await pause(after);
		if (saves) await blender.run('bpy.ops.wm.save_mainfile()');
		if (who !== 'the daemon') await blender.kill();
		if (who !== 'Blender') {
			await crash(daemon);
			daemon = await startDaemon({ state });
			peer = await connect(daemon);
		}
		if (who !== 'the daemon') {
			blender = await open(daemon);
			await blender.run(`bpy.ops.wm.open_mainfile(filepath=${text(film)})`);
		}

		// What the daemon says and what stands in the sequencer come to be the same.
		const ending = await until('the clip to be landed or gone', async () => {
			const { landings, clip } = (await peer.call('job.get', { jobId: job!.id })).job;
			expect(landings.map((each) => each.state)).not.toContain('not-landed');
			const said = landings.at(-1)?.state;
			const agent = (await hostOf())?.agent;
			if (!agent || !clip || (said !== 'landed' && said !== 'gone')) return null;
			const { tracks } = (await peer.call('host.cut', { host: agent.id })).cut;
			const stands = tracks.flatMap(({ kind, clips }) =>
				clips
					.filter(({ source }) => source.kind === 'file' && source.path === clip.path)
					.map(({ range }) => ({ kind, range })),
			);
			return (said === 'landed') === stands.length > 0 && { said, stands, tracks };
		});
		const both = [
			{ kind: 'video', range: GAP },
			{ kind: 'audio', range: GAP },
		];
		expect(ending.stands).toEqual(ending.said === 'landed' ? both : []);
		if (who === 'the daemon') expect(ending.said).toBe('landed');
		const others = ending.tracks.flatMap(({ clips }) =>
			clips
				.filter(({ name }) => /^(?:left|right)/.test(name))
				.map(({ track, name, range }) => `${track} ${name} ${range.start}–${range.end}`),
		);
		expect(others).toEqual([
			'V1 left 0–50',
			'V1 right 58–100',
			'A2 left sound 0–50',
			'A2 right sound 58–100',
		]);
		await blender.kill();
		await crash(daemon);
	},
);

async function open({ state }: Daemon): Promise<Blender> {
	const blender = await startBlender('module', { state, home: join(folder, 'home') });
	await blender.run(`media = ${text(folder)}`);
	return blender;
}

const TWO_SHOTS = `
fresh()
movie('left', 1, 1, 'shots', (1, 51))
sound('left sound', 2, 1, 'shots', (1, 51))
movie('right', 1, 1, 'shots', (59, 101))
sound('right sound', 2, 1, 'shots', (59, 101))`;

/** As Python writes it too. */
function text(value: string): string {
	return JSON.stringify(value);
}

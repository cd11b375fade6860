import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../demo/ffmpeg.ts';
import { pictureAlonePath } from '../../protocol/jobs.ts';
import type { Landing } from '../../protocol/landings.ts';
import type { Shot } from '../../protocol/shots.ts';
import { formatTimecode } from '../../protocol/time.ts';
import type { Cut } from '../../protocol/timeline.ts';
import {
	connect,
	type Daemon,
	endAllDaemons,
	type Peer,
	startDaemon,
	until,
} from '../daemon/harness.ts';
import type { CasePaths } from './case-files.ts';
import { GAP, PLACEMENT_CASES, type PlacementCase } from './placement-cases.ts';
import type { OpenCase, PlacementHost } from './placement-hosts.ts';

let base: string;
let daemon: Daemon;
let peer: Peer;
let paths: CasePaths;
/**
 * Tests of every case in every one of the hosts, with a daemon for all of them. `end` ends what is open
 * in between.
 */
export function describePlacements(
	hosts: readonly PlacementHost[],
	end: () => Promise<void> = async () => {},
): void {
	beforeAll(async () => {
		base = await mkdtemp(join(tmpdir(), 'pickup placing '));
		paths = await makeMedia(base);
		daemon = await startDaemon();
		peer = await connect(daemon);
	});
	afterAll(async () => {
		await end();
		await endAllDaemons();
		await rm(base, { recursive: true, force: true });
	});

	describe.each(hosts)('In $name', (placementHost) => {
		for (const of of PLACEMENT_CASES) {
			const why = placementHost.lacks(of);
			if (why !== null) {
				test(`there is no such thing as ${of.name}: ${why}`, () => {});
				continue;
			}
			test(`a clip is placed, or not, as is said: ${of.name}`, async () => {
				const folder = join(base, randomUUID());
				await mkdir(folder);
				const open = await placementHost.open(of, { folder, paths, daemon });
				try {
					const end = placementHost.ends?.(of) ?? of.end;
					await place({ ...of, end }, open, folder);
				} finally {
					await open.close();
				}
			});
		}
	});
}

async function place(of: PlacementCase, open: OpenCase, folder: string): Promise<void> {
	const { host, become } = open;
	const id = host.agent.id;
	const { cut: before } = await peer.call('host.cut', { host: id });
	const { rate, startFrame, dropFrame } = before.sequence;
	expect(rate).toEqual(of.rate);
	expect(formatTimecode(GAP.start + startFrame, rate, dropFrame)).toBe(of.timecode);
	const shot = shotFor(open, join(folder, 'go on'));
	const refusal = await peer.refusal('shot.submit', { shot });
	if (!of.end.lands && of.meanwhile === undefined && !of.end.late) {
		expect(refusal).toMatchObject({
			code: of.end.code,
			message: expect.stringMatching(of.end.says),
		});
		expect((await peer.call('host.cut', { host: id })).cut).toEqual(before);
		if (of.end.code === 'no-free-track') await placeOtherwise(open, folder, before);
		return;
	}
	expect(refusal.code).toBeUndefined();
	const { jobs } = await peer.call('shot.submit', { shot });
	if (of.meanwhile) await become(of.meanwhile);
	const changed = (await peer.call('host.cut', { host: id })).cut;
	await writeFile(join(folder, 'go on'), '');
	const job = jobs[0]!.id;
	const landing = await settledOf(job);
	const after = (await peer.call('host.cut', { host: id })).cut;
	if (!of.end.lands) {
		expect(landing).toMatchObject({
			state: 'not-landed',
			problem: { code: of.end.code, message: expect.stringMatching(of.end.says) },
		});
		expect(after).toEqual(changed);
		return;
	}
	const path = (await peer.call('job.get', { jobId: job })).job.clip!.path;
	expectPlaced(landing, after, path);
	expect(standing(after)).toEqual(expect.arrayContaining([...standing(changed)]));
	const read = await open.readBack(path);
	if (read === null) return;
	const length = GAP.end - GAP.start;
	const sounds = landing.state === 'landed' ? landing.items.length - 1 : 0;
	expect(read).toEqual([
		{ kind: 'video', start: GAP.start, frames: length },
		...Array(sounds).fill({ kind: 'audio', start: GAP.start, frames: length }),
	]);
}

/** Where no audio track is free a person is offered the picture alone, or the bin. */
async function placeOtherwise(open: OpenCase, folder: string, before: Cut): Promise<void> {
	const shot = shotFor(open, join(folder, 'go on'));
	await writeFile(join(folder, 'go on'), '');
	const cut = async () => (await peer.call('host.cut', { host: open.host.agent.id })).cut;
	const binned = await peer.call('shot.submit', { shot: { ...shot, lands: 'bin' } });
	expect(await settledOf(binned.jobs[0]!.id)).toMatchObject({
		state: 'not-landed',
		problem: { code: 'no-free-track' },
		kept: 'bin',
	});
	expect(await cut()).toEqual(before);
	const pressed = { ...shot, id: randomUUID(), lands: 'picture' as const };
	const job = (await peer.call('shot.submit', { shot: pressed })).jobs[0]!.id;
	const landing = await settledOf(job);
	const { clip } = (await peer.call('job.get', { jobId: job })).job;
	const path = pictureAlonePath(clip!.path);
	const after = await cut();
	if (landing.state === 'not-landed' && before.tracks.every(({ kind }) => kind === 'video')) {
		// Premiere's scripts name an audio track in any case, and here there is none.
		expect(landing.problem.code).toBe('host-refused');
		expect(after).toEqual(before);
		return;
	}
	expect(landing).toMatchObject({ state: 'landed', items: standingItemsOf(after, path) });
	expect(standingItemsOf(after, path)).toEqual([{ of: 'video', track: 'V1', range: GAP }]);
	expect(standingItemsOf(after, clip!.path)).toEqual([]);
	expect(standing(after)).toEqual(expect.arrayContaining([...standing(before)]));
	expect(standing(after)).toHaveLength(standing(before).length + 1);
	const read = await open.readBack(path);
	const frames = GAP.end - GAP.start;
	if (read !== null) expect(read).toEqual([{ kind: 'video', start: GAP.start, frames }]);
}

async function settledOf(jobId: string): Promise<Landing> {
	return until('the clip to be landed, or not', async () => {
		const found = (await peer.call('job.get', { jobId })).job;
		expect(found.state).not.toMatch(/failed|cancelled/);
		const last = found.landings.at(-1);
		return last && ['landed', 'not-landed'].includes(last.state) ? last : null;
	});
}

function standingItemsOf({ tracks }: Cut, path: string) {
	return tracks.flatMap(({ kind, name, clips }) =>
		clips
			.filter(({ source }) => source.kind === 'file' && source.path === path)
			.map(({ range }) => ({ of: kind, track: name, range })),
	);
}

/** On V1 over the gap, its sound on one track, or where that holds one channel on two. */
function expectPlaced(landing: Landing, cut: Cut, path: string): void {
	const found = standingItemsOf(cut, path);
	expect(found[0]).toEqual({ of: 'video', track: 'V1', range: GAP });
	expect(found.slice(1)).toHaveLength(cut.splitStereo ? 2 : 1);
	for (const item of found.slice(1)) expect(item).toMatchObject({ of: 'audio', range: GAP });
	expect(landing).toMatchObject({ state: 'landed', items: found });
}

/** What stands where, by name. */
function standing({ tracks }: Cut): readonly string[] {
	return tracks.flatMap(({ name, locked, clips }) =>
		clips.map(
			(clip) =>
				`${name}${locked ? ' (locked)' : ''} ${clip.range.start}–${clip.range.end} ${clip.name}`,
		),
	);
}

export function shotFor({ host }: Pick<OpenCase, 'host'>, awaits: string): Shot {
	return {
		id: randomUUID(),
		host: host.agent.id,
		project: host.state.project!.id,
		sequence: host.state.sequence!.id,
		verb: 'insert',
		track: 'V1',
		range: GAP,
		prompt: 'grey',
		engine: 'fake',
		seed: 7,
		takes: 1,
		draft: false,
		settings: { awaits },
	};
}

/** Of all sound in `makeMedia`'s files, in Hz. */
export const CASE_TONE = 440;

/** Shots of eight seconds at 25 frames per second, with the sound that their names say. */
export async function makeMedia(folder: string): Promise<CasePaths> {
	const make = async (name: string, layout: string | null) => {
		const path = join(folder, `${name}.mov`);
		const picture = ['-f', 'lavfi', '-i', 'color=gray:s=64x36:r=25:d=8'];
		// The last expression is that of all other channels.
		const tone = `aevalsrc=0.1*sin(${CASE_TONE}*2*PI*t):c=${layout}:s=48000:d=8`;
		const sound = layout ? ['-f', 'lavfi', '-i', tone] : [];
		const codec = ['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'pcm_s16le'];
		await run('ffmpeg', ['-y', '-loglevel', 'error', ...picture, ...sound, ...codec, path]);
		return path;
	};
	return {
		silent: await make('silent', null),
		mono: await make('mono', 'mono'),
		stereo: await make('stereo', 'stereo'),
		'5.1': await make('5.1', '5.1'),
	};
}

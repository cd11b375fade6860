import { stat } from 'node:fs/promises';
import { expect } from 'vitest';
import type { EditorHost } from '../../protocol/hosts.ts';
import type { Job } from '../../protocol/jobs.ts';
import type { Shot } from '../../protocol/shots.ts';
import type { FrameRange } from '../../protocol/time.ts';
import type { Cut } from '../../protocol/timeline.ts';
import { type Peer, until } from '../daemon/harness.ts';
import { shotIn } from '../shots.ts';

/** What has to be so, wherever something was killed between a press and the landing. */

/** A clip that stands in the cut, as the editor itself or its file has it. */
export type Standing = {
	readonly of: 'video' | 'audio';
	readonly track: string;
	readonly range: FrameRange;
	readonly name: string;
	readonly path: string;
};

export type Scene = {
	readonly peer: Peer;
	readonly host: EditorHost;
	/** The press, and its draft and its take. */
	readonly shot: Shot;
	readonly jobs: readonly Job[];
	/** What stands now, and what stood before the press. */
	readonly read: () => Promise<readonly Standing[]> | readonly Standing[];
	readonly before: readonly Standing[];
};

export function standingIn(cut: Cut): readonly Standing[] {
	return cut.tracks.flatMap(({ kind, name: track, clips }) =>
		clips.map(({ range, name, source }) => {
			const path = source.kind === 'synthetic' ? '' : source.path;
			return { of: kind, track, range, name, path };
		}),
	);
}

/** A press whose draft is made first; that of the finished clip takes a moment longer. */
export function shotOf(host: EditorHost, range: FrameRange, id: string): Shot {
	return shotIn(host, range, { id, draft: true, settings: { finished: true, delay: 20 } });
}

/** Waits until nothing is under way any more and the journal says what stands; then looks at all of it. */
export async function checkSettled(scene: Scene): Promise<readonly Job[]> {
	const jobs = await settled(scene);
	const standing = await scene.read();
	const paths = jobs.map(({ clip }) => clip!.path);
	const isOurs = ({ path }: Standing) => paths.includes(path);
	const others = (all: readonly Standing[]) => all.filter((each) => !isOurs(each)).map(textOf);
	expect(others(standing).sort(), 'the person’s clips').toEqual(others(scene.before).sort());
	const ours = standing.filter(isOurs);
	const pictures = ours.filter(({ of }) => of === 'video');
	expect(pictures.length, 'clips in the gap').toBeLessThanOrEqual(1);
	for (const { range } of ours) expect(range).toEqual(scene.shot.range);
	const tracks = ours.filter(({ of }) => of === 'audio').map(({ track }) => track);
	const { cut } = await scene.peer.call('host.cut', { host: scene.host.agent.id });
	// A pair of mono tracks in some formats.
	const sounds = cut.splitStereo ? 2 : 1;
	expect(tracks.length, 'sounds').toBe(pictures.length === 0 ? 0 : sounds);
	expect(new Set(tracks).size, 'tracks with sound').toBe(tracks.length);
	expect(new Set(ours.map(({ path }) => path)).size, 'takes that stand').toBe(
		Math.min(1, ours.length),
	);
	for (const path of paths) expect((await stat(path)).size).toBeGreaterThan(0);
	return jobs;
}

/** One that did not land, or went with what the editor lost, is offered: it lands when that is asked for. */
export async function checkOffered(scene: Scene): Promise<void> {
	const take = scene.jobs.at(-1)!;
	await scene.peer.call('clip.land', {
		jobId: take.id,
		host: scene.host.agent.id,
		track: 'V1',
		frame: scene.shot.range.start,
		where: 'gap',
		replaces: scene.shot.id,
	});
	const jobs = await checkSettled(scene);
	expect(jobs.at(-1)!.landings.at(-1)).toMatchObject({ state: 'landed' });
}

/** In words, of draft and take. */
export function outcomeOf(jobs: readonly Job[]): readonly string[] {
	return jobs.map(({ landings }) => {
		const landing = landings.at(-1)!;
		return landing.state === 'not-landed'
			? `not-landed: ${landing.problem.message}`
			: landing.state;
	});
}

async function settled({ peer, jobs, read }: Scene): Promise<readonly Job[]> {
	let last = '';
	const settle = async () => {
		const now = await Promise.all(
			jobs.map(async ({ id }) => (await peer.call('job.get', { jobId: id })).job),
		);
		const failed = now.find(({ state }) => state === 'failed' || state === 'cancelled');
		if (failed) throw new Error(`${failed.id}: ${JSON.stringify(failed.problem)}`);
		const standing = await read();
		last = JSON.stringify({
			now: now.map(({ state, landings }) => ({ state, landings })),
			standing,
		});
		const isOver = now.every(
			({ state, landings }) =>
				state === 'done' &&
				landings.every((landing) => landing.state !== 'waiting' && landing.state !== 'landing'),
		);
		return isOver && now.every((job) => agrees(job, standing)) && now;
	};
	return until('the journal to say what stands', settle).catch((error: Error) => {
		throw new Error(`${error.message}: ${last}`);
	});
}

function agrees({ clip, landings }: Job, standing: readonly Standing[]): boolean {
	const said = landings.flatMap((landing) => (landing.state === 'landed' ? landing.items : []));
	const stands = standing.filter(({ path }) => path === clip!.path);
	const textsOf = (items: readonly Pick<Standing, 'of' | 'track' | 'range'>[]) =>
		items.map(({ of, track, range }) => `${of} ${track} ${range.start}–${range.end}`).sort();
	return JSON.stringify(textsOf(said)) === JSON.stringify(textsOf(stands));
}

function textOf({ of, track, range, name, path }: Standing): string {
	return `${of} ${track} ${range.start}–${range.end} ${name} ${path}`;
}

import { randomUUID } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Landing } from '../../protocol/landings.ts';
import type { FrameRange } from '../../protocol/time.ts';
import {
	connect,
	type Daemon,
	endAllDaemons,
	type Peer,
	startDaemon,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';
import type { Fault } from '../fakes/premiere/faults.ts';
import { mltOf } from '../fakes/premiere/mlt.ts';
import type { Project } from '../fakes/premiere/model.ts';
import type { Rendered } from '../host-bridge/mlt-render.ts';
import { AGAIN, drawn } from '../tries.ts';
import type { CasePaths } from './case-files.ts';
import { expectPlacedOver, judged, rendered } from './melt-judge.ts';
import { GAP, PLACEMENT_CASES, type PlacementCase } from './placement-cases.ts';
import { makeMedia } from './placement-table.ts';
import { become, projectOf } from './premiere-cases.ts';
import {
	forgetPremiere,
	type OpenPremiere,
	type PremiereInterface,
} from './premiere-interfaces.ts';

/**
 * Everything that Premiere is reported to do wrong, in every cut of the table of placements and in
 * those where it would do the most harm: a clip stands where it was meant to, or the person is told,
 * and nothing of theirs is touched.
 */

let daemon: Daemon;
export let peer: Peer;
let paths: CasePaths;
let by: PremiereInterface;
const plugins: OpenPremiere[] = [];

export const PLAIN = PLACEMENT_CASES.find(({ name }) => name === '25 frames per second')!;
const [PICTURE] = PLAIN.tracks;

/** Sound of the person's under the gap on A1, and A2 empty. */
export const UNDER: PlacementCase = {
	...PLAIN,
	name: 'sound under the gap',
	tracks: [
		PICTURE!,
		{
			kind: 'audio',
			clips: [
				{ name: 'dialogue', start: 0, end: 50, media: 'stereo' },
				{ name: 'music', start: 50, end: 125, media: 'stereo' },
			],
		},
		{ kind: 'audio', clips: [] },
	],
};
const LOCKED: PlacementCase = {
	...UNDER,
	name: 'sound under the gap, and the next track locked',
	tracks: [...UNDER.tracks.slice(0, 2), { kind: 'audio', clips: [], locked: true }],
};
const CASES = [UNDER, LOCKED, ...PLACEMENT_CASES];

/** Each of its faults where it would do the most harm and in a cut that is drawn; in a soak in all cuts. */
export function describePremiereFaults(premiere: PremiereInterface): void {
	by = premiere;
	beforeAll(async () => {
		daemon = await startDaemon();
		peer = await connect(daemon);
		paths = await makeMedia(await temporaryFolder());
	});
	afterEach(() => {
		for (const plugin of plugins.splice(0)) plugin.unload();
	});
	afterAll(async () => {
		await endAllDaemons();
		await forgetPremiere();
	});

	const [harmful, ...rest] = CASES;
	const tried = by.faults.flatMap((fault, turn) => {
		const cases = process.env.PICKUP_SOAK ? CASES : [harmful!, drawn(rest, turn)];
		return cases.map((of) => ({ fault, of, name: of.name }));
	});
	const toRender = judged(tried);

	test.each([
		'something without times is selected',
		'a clip does not say what it shows',
		'a sound does not say where it stands',
		'a sequence in the project does not say its path',
	] as const)('A clip lands all the same where %s', async (fault) => {
		const project = await open(UNDER, fault);
		const before = others(project, null);
		const { landing, path } = await (await press(project, GAP)).landed();
		expect(landing.state).toBe('landed');
		expect(ours(project, path)).toEqual(['V1 50–75', 'A2 50–75']);
		expect(others(project, path)).toEqual(before);
	});

	describe.each(tried)(`Where $fault, with $name (${AGAIN})`, (each) => {
		const { fault, of } = each;
		test('a clip stands where it should or the person is told, and nothing else is touched', async () => {
			const project = await open(of, fault);
			const before = others(project, null);
			const pressed = await press(project, GAP);
			if (pressed.refusal) {
				expect(pressed.refusal).toMatch(/./);
				expect(others(project, null)).toEqual(before);
				return;
			}
			if (of.meanwhile) become(project, of.meanwhile, paths);
			const left = others(project, null);
			const stood = toRender.has(each) ? await renderOf(project, 'before') : null;
			const { landing, path } = await pressed.landed();
			const isHarmed = JSON.stringify(others(project, path)) !== JSON.stringify(left);
			if (fault === 'a clip is put at the start, and QE undoes nothing' && isHarmed) {
				// Nothing can put that right: the person is told how.
				expect(landing).toMatchObject({
					problem: { action: 'Undo in Premiere until it is as it was.' },
				});
				return;
			}
			expect(others(project, path)).toEqual(left);
			const own = ours(project, path);
			const place = `${GAP.start}–${GAP.end}`;
			if (stood) {
				const range = landing.state === 'landed' ? GAP : null;
				expectPlacedOver(stood, await renderOf(project, 'after'), range, of.rate);
			}
			if (landing.state === 'landed') {
				expect(own).toEqual([`V1 ${place}`, expect.stringMatching(new RegExp(`^A\\d ${place}$`))]);
				expect(landing.items.map(({ track }) => `${track} ${place}`)).toEqual(own);
				return;
			}
			expect(landing).toMatchObject({
				state: 'not-landed',
				problem: { message: expect.stringMatching(/./) },
			});
			expect(own.filter((each) => each.endsWith(place))).toEqual([]);
			// What Premiere does not take out again after a trial is told of by name.
			if (own.length > 0)
				expect(landing).toMatchObject({ problem: { action: 'Take it out by hand.' } });
		});
	});
}

/** The sequence as melt shows it. */
function renderOf(project: Project, name: string): Promise<Rendered> {
	return rendered(dirname(project.path), name, mltOf(project));
}

export async function open(of: PlacementCase, fault: Fault | null): Promise<Project> {
	const project = projectOf(of, { folder: await temporaryFolder(), paths }, fault ? [fault] : []);
	plugins.push(await by.open(daemon, project));
	return project;
}

/** A press over a range of V1; `landed` lets the clip be made and waits for what becomes of it. */
export async function press(project: Project, range: FrameRange) {
	const host = await until('Premiere', async () =>
		(await peer.call('host.watch', {})).hosts.find(({ state }) => state.project?.id === project.id),
	);
	const go = join(await mkdtemp(join(project.path, '..', 'go-')), 'go');
	const shot = {
		id: randomUUID(),
		host: host.agent.id,
		project: project.id,
		sequence: project.active!,
		verb: 'insert' as const,
		track: 'V1',
		range,
		prompt: 'grey',
		engine: 'fake',
		seed: 7,
		takes: 1,
		draft: false,
		settings: { awaits: go },
	};
	const { error, result } = await peer.ask('shot.submit', { shot });
	const job = (result as { jobs: readonly { id: string }[] } | undefined)?.jobs[0]?.id ?? '';
	return {
		refusal: error?.message,
		async landed(): Promise<{ landing: Landing; path: string; job: string }> {
			await writeFile(go, '');
			return until('the clip to be landed, or not', async () => {
				const found = (await peer.call('job.get', { jobId: job })).job;
				const landing = found.landings.at(-1);
				if (!landing || !['landed', 'not-landed'].includes(landing.state)) return null;
				return { landing, path: found.clip!.path, job };
			});
		},
	};
}

/** What stands in the sequence, by track, frames and name. */
function standing(project: Project) {
	const counts = { video: 0, audio: 0 };
	const { tracks, ticksPerFrame } = project.sequence(project.active!);
	return tracks.flatMap(({ kind, clips }) => {
		counts[kind] += 1;
		const track = `${kind === 'video' ? 'V' : 'A'}${counts[kind]}`;
		return clips.map(({ item, name, start, end }) => ({
			path: project.item(item).media?.path ?? '',
			text: `${track} ${start / ticksPerFrame}–${end / ticksPerFrame}`,
			name,
		}));
	});
}

export function others(project: Project, path: string | null): readonly string[] {
	return standing(project)
		.filter((each) => each.path !== path)
		.map(({ text, name }) => `${text} ${name}`);
}

export function ours(project: Project, path: string): readonly string[] {
	return standing(project)
		.filter((each) => each.path === path)
		.map(({ text }) => text);
}

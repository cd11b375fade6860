import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Landing } from '../../protocol/landings.ts';
import {
	connect,
	type Daemon,
	endAllDaemons,
	type Peer,
	startDaemon,
	until,
} from '../daemon/harness.ts';
import type { Rendered } from '../host-bridge/mlt-render.ts';
import { AGAIN } from '../tries.ts';
import type { CasePaths } from './case-files.ts';
import { expectPlacedOver, judged, rendered } from './melt-judge.ts';
import { GAP, PLACEMENT_CASES, type PlacementCase } from './placement-cases.ts';
import type { CasePlace, OpenCase, PlacementHost } from './placement-hosts.ts';
import { makeMedia, shotFor } from './placement-table.ts';

/** A simulated editor in which something goes wrong. */
export type FaultyHost = Omit<PlacementHost, 'open'> & {
	readonly faults: readonly string[];
	readonly open: (
		of: PlacementCase,
		place: CasePlace,
		fault: string,
	) => Promise<
		OpenCase & {
			readonly standing: () => Promise<readonly Standing[]>;
			/** What stands there as MLT; null for a cut that cannot be told in it. */
			readonly melt: () => Promise<string | null>;
		}
	>;
};

/** What stands in the editor's own model, which the agent has no hand in. Sequence frames. */
export type Standing = {
	readonly kind: 'video' | 'audio';
	readonly track: string;
	readonly name: string;
	readonly start: number;
	readonly end: number;
	/** Null for what is no file. */
	readonly path: string | null;
};

let base: string;
let daemon: Daemon;
let peer: Peer;
let paths: CasePaths;

/**
 * Tests of cases with a fault each: whatever goes wrong, nothing of the person's is touched, and what
 * is said of the clip is so. `pick` says which of the pairs are tried.
 */
export function describePlacementFaults(
	host: FaultyHost,
	pick: (pairs: readonly FaultyCase[]) => readonly FaultyCase[],
	end: () => Promise<void>,
): void {
	beforeAll(async () => {
		base = await mkdtemp(join(tmpdir(), 'pickup faults '));
		paths = await makeMedia(base);
		daemon = await startDaemon();
		peer = await connect(daemon);
	});
	afterAll(async () => {
		await end();
		await endAllDaemons();
		await rm(base, { recursive: true, force: true });
	});

	const pairs = PLACEMENT_CASES.filter((of) => host.lacks(of) === null).flatMap((of) =>
		host.faults.map((fault) => ({ of, fault })),
	);
	const tried = pick(pairs);
	const toRender = judged(tried);
	describe(`In ${host.name} (${AGAIN})`, () => {
		for (const each of tried) {
			const { of, fault } = each;
			test(`the truth is told: ${of.name}; ${fault}`, async () => {
				const folder = join(base, randomUUID());
				await mkdir(folder);
				const open = await host.open(of, { folder, paths, daemon }, fault);
				try {
					await tryOut(of, open, folder, toRender.has(each));
				} finally {
					await open.close();
				}
			});
		}
	});
}

export type FaultyCase = {
	readonly of: PlacementCase;
	readonly fault: string;
};

async function tryOut(
	of: PlacementCase,
	open: Awaited<ReturnType<FaultyHost['open']>>,
	folder: string,
	isRendered: boolean,
): Promise<void> {
	const before = await open.standing();
	const shot = shotFor(open, join(folder, 'go on'));
	const refusal = await peer.refusal('shot.submit', { shot });
	if (refusal.code !== undefined) {
		expect(refusal.message).not.toBe('');
		expect(await open.standing()).toEqual(before);
		return;
	}
	const { jobs } = await peer.call('shot.submit', { shot });
	if (of.meanwhile) await open.become(of.meanwhile);
	const persons = await open.standing();
	const stood = isRendered ? await renderOf(open, folder, 'before') : null;
	await writeFile(join(folder, 'go on'), '');
	const jobId = jobs[0]!.id;
	const landing = await until('the clip to be landed, or not', async () => {
		const found = (await peer.call('job.get', { jobId })).job;
		expect(found.state).not.toMatch(/failed|cancelled/);
		const last = found.landings.at(-1);
		return last && ['landed', 'not-landed'].includes(last.state) ? last : null;
	});
	const path = (await peer.call('job.get', { jobId })).job.clip!.path;
	const after = await open.standing();
	const ours = after.filter((each) => each.path === path);
	expectPersonsClips(
		persons,
		after.filter((each) => each.path !== path),
	);
	expectTruth(landing, ours);
	if (stood === null || (landing.state !== 'landed' && ours.length > 0)) return;
	const shown = await renderOf(open, folder, 'after');
	expectPlacedOver(stood, shown!, landing.state === 'landed' ? GAP : null, of.rate);
}

async function renderOf(
	{ melt }: Pick<Awaited<ReturnType<FaultyHost['open']>>, 'melt'>,
	folder: string,
	name: string,
): Promise<Rendered | null> {
	const project = await melt();
	return project === null ? null : rendered(folder, name, project);
}

/** A track that was added among the others gives these new names: what stands on each is what counts. */
function expectPersonsClips(before: readonly Standing[], after: readonly Standing[]): void {
	const known = (each: Standing) => `${each.kind} ${each.name} ${each.start}–${each.end}`;
	expect(after.map(known)).toEqual(before.map(known));
}

function expectTruth(landing: Landing, ours: readonly Standing[]): void {
	if (landing.state === 'landed') {
		const said = landing.items.map(({ of, track, range }) => ({
			kind: of,
			track,
			start: range.start,
			end: range.end,
		}));
		const found = ours.map(({ kind, track, start, end }) => ({ kind, track, start, end }));
		expect(new Set(found)).toEqual(new Set(said));
		expect(found.length).toBe(said.length);
		return;
	}
	expect(landing.state).toBe('not-landed');
	if (landing.state !== 'not-landed') return;
	expect(landing.problem.message).not.toBe('');
	// What could not be taken out again is told by name.
	for (const { track } of ours) expect(landing.problem.message).toContain(track);
}

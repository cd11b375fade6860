import { randomUUID } from 'node:crypto';
import { watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EditorHost } from '../../protocol/hosts.ts';
import type { Job } from '../../protocol/jobs.ts';
import type { FrameRange } from '../../protocol/time.ts';
import type { Cut } from '../../protocol/timeline.ts';
import {
	connect,
	crash,
	type Daemon,
	endAllDaemons,
	type Peer,
	readPortFile,
	startDaemon,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';
import { openEditor } from '../fakes/editor.ts';
import { type Random, randomFrom } from '../host-bridge/mutations.ts';
import { endAllBlenders } from '../hosts/blender.ts';
import { cutWithGap, GAP as FILM_GAP } from '../hosts/film.ts';
import { killOpenCommands } from '../hosts/open-command.ts';
import { tries } from '../tries.ts';
import {
	blenderEditor,
	type Film,
	GAP,
	type KilledEditor,
	timelineEditor,
} from './killed-editors.ts';
import { checkOffered, checkSettled, outcomeOf, type Scene, shotOf, standingIn } from './kills.ts';
import { makeNumberedShot } from './numbered.ts';

let media: string;
beforeAll(async () => {
	media = join(await temporaryFolder(), 'shots.mov');
	await makeNumberedShot(media, { num: 24, den: 1 }, 0, 130, { hertz: 440, level: 0.3 });
});
afterAll(async () => {
	killOpenCommands();
	await endAllBlenders();
	await endAllDaemons();
});

/** All that happens on the way, in the order in which it mostly does: of the draft (0) or the take (1). */
const WAY = [
	[0, 'accepted'],
	[0, 'started'],
	[0, 'done'],
	[0, 'landing'],
	[0, 'written'],
	[0, 'landed'],
	[1, 'started'],
	[1, 'done'],
	[1, 'landing'],
	[1, 'written'],
	[1, 'landed'],
] as const;

type Deed = {
	readonly at: number;
	/** How long after that, in ms. */
	readonly after: number;
	readonly what: 'save' | 'kill the editor' | 'kill the daemon' | 'kill both';
};

const SEEDS = Array.from({ length: tries(2, 100) }, (_unused, seed) => ({ seed }));

describe('From a press to its landing', () => {
	test.each(SEEDS)('`pickup open` and the daemon are killed (seed $seed)', async ({ seed }) => {
		const random = randomFrom(1000 + seed);
		await liveThrough(random, (film) => timelineEditor(seed, film));
	});

	test.each(SEEDS)('Blender and the daemon are killed (seed $seed)', async ({ seed }) => {
		const random = randomFrom(2000 + seed);
		const which = seed % 2 === 0 ? 'module' : 'window';
		await liveThrough(random, (film) => blenderEditor(which, film));
	});
});

/** The moments that are hit exactly, by a small editor that can be told when to die. */
const EDGES = Array.from({ length: tries(2, 100) }, (_unused, seed) => {
	const random = randomFrom(3004 + seed);
	const pick = <T>(...all: readonly T[]) => all[Math.floor(random() * all.length)]!;
	const dies = pick('the daemon', 'the editor', 'both');
	const edge = pick('was asked for', 'had placed');
	// An editor that lives on remembers everything.
	const keeps = dies === 'the daemon' ? 'all' : pick('all', 'the cut alone', 'nothing');
	const canUndo = edge === 'had placed' && keeps === 'all';
	const person = pick('does nothing', 'trims', canUndo ? 'undoes' : 'does nothing');
	return { seed, dies, edge, of: pick('draft', 'take'), keeps, person };
});

describe('Right before an answer', () => {
	test.each(EDGES)(
		'$dies died when the editor $edge the $of, of which it keeps $keeps; the person $person (seed $seed)',
		async ({ of, edge, dies, keeps, person }) => {
			const daemon = await startDaemon();
			const path = join(await temporaryFolder(), 'film.prproj');
			const opened = cutWithGap(media);
			const done = new Set<string>();
			const first = await openEditor(daemon, opened, { path, done });
			let peer = await connect(daemon);
			const shot = shotOf(await onlyHost(peer), FILM_GAP, randomUUID());
			const { jobs } = await peer.call('shot.submit', { shot });
			const fatal = of === 'draft' ? 0 : 1;
			let undone = opened;
			await new Promise<void>((resolve) => {
				const die = () => {
					if (dies !== 'the editor') daemon.child.kill('SIGKILL');
					if (dies !== 'the daemon') void first.quit();
					resolve();
				};
				first.beforeEdit = () => {
					undone = first.cut();
					if (first.edits() !== fatal || edge !== 'was asked for') return;
					die();
					throw new Error('It died');
				};
				first.onEdit = () => {
					if (first.edits() === fatal + 1 && edge === 'had placed') die();
				};
			});
			await first.quit();
			let next = daemon;
			if (dies !== 'the editor') {
				await daemon.ended;
				next = await startDaemon({ state: daemon.state });
				peer = await connect(next);
			}
			const cut = keeps === 'nothing' ? opened : person === 'undoes' ? undone : first.cut();
			const kept = keeps === 'all' ? done : new Set<string>();
			const [shown, range] = person === 'trims' ? trimmed(cut) : [cut, FILM_GAP];
			const editor = await openEditor(next, shown, { path, done: kept });
			const scene: Scene = {
				peer,
				host: await onlyHost(peer),
				shot: { ...shot, range },
				jobs,
				read: () => standingIn(editor.cut()),
				before: standingIn(opened),
			};
			const outcome = outcomeOf(await checkSettled(scene));
			const lost = 'not-landed: The clip that this one was to replace is no longer in the cut';
			if (person === 'undoes')
				expect(outcome).toEqual(of === 'draft' ? ['gone', lost] : ['landed', 'gone']);
			else if (keeps === 'nothing' && of === 'take') expect(outcome).toEqual(['gone', lost]);
			else expect(outcome).toEqual([expect.stringMatching(/^replaced$|^withdrawn$/), 'landed']);
			if (outcome[1] !== 'landed') await checkOffered({ ...scene, shot });
			await editor.quit();
			await peer.close();
			await crash(next);
		},
	);
});

async function onlyHost(peer: Peer): Promise<EditorHost> {
	return until('the editor', async () => (await peer.call('host.watch', {})).hosts[0]);
}

/** The cut with two frames less of what Pickup has placed, and what that covers then, or will. */
function trimmed(cut: Cut): readonly [Cut, FrameRange] {
	const short = { start: FILM_GAP.start, end: FILM_GAP.end - 2 };
	let range = FILM_GAP;
	const tracks = cut.tracks.map((track) => ({
		...track,
		clips: track.clips.map((clip) => {
			if (!clip.name.startsWith('Pickup')) return clip;
			range = short;
			return { ...clip, range };
		}),
	}));
	return [{ ...cut, tracks }, range];
}

/** What is done when; sometimes twice something is killed, and a person saves in between. */
function deedsOf(random: Random): readonly Deed[] {
	const kills = ['kill the editor', 'kill the daemon', 'kill both'] as const;
	const pick = <T>(all: readonly T[]) => all[Math.floor(random() * all.length)]!;
	const deed = (what: Deed['what']): Deed => ({
		at: Math.floor(random() * WAY.length),
		// Half of them as close to what happened as can be.
		after: random() < 0.5 ? 0 : random() * 400,
		what,
	});
	const deeds = [deed(pick(kills))];
	if (random() < 0.4) deeds.push(deed(pick(kills)));
	if (random() < 0.6) deeds.push(deed('save'));
	return deeds.sort((a, b) => a.at - b.at);
}

async function liveThrough(
	random: Random,
	open: (film: Film) => Promise<KilledEditor>,
): Promise<void> {
	const daemon = await startDaemon();
	const folder = join(await temporaryFolder(), 'a film');
	await mkdir(folder);
	const editor = await open({ folder, media, daemon });
	await editor.start();
	let peer = await follow(daemon);
	let pid = daemon.pid;
	const before = await editor.read();
	const shot = shotOf(await editor.host(peer), GAP, randomUUID());
	const written = writesIn(folder);
	const { jobs } = await peer.call('shot.submit', { shot });
	expect(jobs).toHaveLength(2);
	const told: string[] = [];
	let isForgotten = false;
	for (const { at, after, what } of deedsOf(random)) {
		const [take, moment] = WAY[at]!;
		await until('the moment', async () => {
			if (moment === 'written') return written.count() > take || isOver(peer, jobs);
			return isPast(peer, jobs[take]!, moment) || isOver(peer, jobs);
		});
		await pause(after);
		told.push(`${what} at ${moment} of ${take} + ${after.toFixed()} ms`);
		if (what === 'save') {
			await editor.save();
			continue;
		}
		if (what !== 'kill the daemon') await editor.kill();
		isForgotten ||= what !== 'kill the daemon' && editor.forgets;
		if (what !== 'kill the editor') {
			process.kill(pid, 'SIGKILL');
			await peer.closed;
			const isStarted = what === 'kill the daemon' && editor.startsDaemon;
			if (!isStarted) await startDaemon({ state: daemon.state });
			const next = await until('the daemon', async () => {
				const found = await readPortFile(daemon.state).catch(() => null);
				return found && found.pid !== pid ? found : null;
			});
			({ pid } = next);
			peer = await follow(next);
		}
		if (what !== 'kill the daemon') await editor.start();
	}
	written.end();
	const host = await editor.host(peer);
	const scene: Scene = { peer, host, shot, jobs, read: editor.read, before };
	const outcome = outcomeOf(await checkSettled(scene));
	const said = `${told.join(', ')}: ${outcome.join(' | ')}`;
	if (process.env.PICKUP_SOAK) process.stderr.write(`${said}\n`);
	const [, last] = outcome;
	if (!isForgotten) expect(last, said).toBe('landed');
	else expect(last, said).toMatch(/^landed$|^gone$|^not-landed: .*no longer in the cut$/);
	if (last !== 'landed') await checkOffered(scene);
	await editor.kill();
	process.kill(pid, 'SIGKILL');
	await peer.closed;
}

/** A client that is told everything that has happened. */
async function follow(daemon: Pick<Daemon, 'port' | 'token'>): Promise<Peer> {
	const peer = await connect(daemon);
	const { events } = await peer.call('events.subscribe', { after: 0 });
	peer.events.unshift(...events);
	return peer;
}

function isPast({ events }: Peer, { id }: Job, moment: string): boolean {
	return events.some(
		(event) =>
			event.jobId === id &&
			(event.kind === moment || (event.kind === 'landing' && event.landing.state === moment)),
	);
}

/** Whatever was waited for will not come any more. */
function isOver(peer: Peer, jobs: readonly Job[]): boolean {
	return ['landed', 'gone', 'not-landed'].some((end) => isPast(peer, jobs[1]!, end));
}

/** How often a file got its name that tells that a landing was, or is about to be, written. */
function writesIn(folder: string) {
	let count = 0;
	const watcher = watch(folder, { recursive: true }, (_event, name) => {
		if (name?.endsWith('.pickup.json')) count += 1;
	});
	watcher.on('error', () => {});
	return { count: () => count, end: () => watcher.close() };
}

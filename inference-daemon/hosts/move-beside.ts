import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { systemProblem } from '../../files/system-errors.ts';
import { nameUnlessTaken, syncToDisk } from '../../files/write-whole.ts';
import { standingItems } from '../../host-bridge/landing.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { EditStep } from '../../protocol/hosts.ts';
import { type Clip, type Job, pathsOf, pictureAlonePath, placesOf } from '../../protocol/jobs.ts';
import type { Cut } from '../../protocol/timeline.ts';
import type { Connected, Where } from './hosts.ts';
import { askToEdit, clipOf, type LandingRoom } from './landing-room.ts';
import { mediaFolder } from './media-folder.ts';

/** Clips of which it was seen to that the cut plays them where they belong. */
type SeenTo = { readonly project: string; readonly jobs: Set<string> };

/** An edit has no more steps. */
const MOST_STEPS = 64;

/** Keeps clips beside the project that they were made for: since it was saved, or saved elsewhere. */
export class MoveBeside {
	readonly #room: LandingRoom;
	/** Once for as long as a project is open: what the person undoes is not done again. */
	readonly #seenTo = new WeakMap<Connected['link'], SeenTo>();

	constructor(room: LandingRoom) {
		this.#room = room;
	}

	/** To be called in the editor's turn. */
	async move(host: Connected): Promise<void> {
		const { journal, cuts, unsaved } = this.#room;
		const { project, sequence } = host.state;
		if (!project || !sequence || !hasPlace(host)) return;
		const where = { project: project.id, sequence: sequence.id };
		const seen = this.#seenIn(host, JSON.stringify([project.id, project.path, sequence.id]));
		const jobs = journal
			.ofProject(host.agent.program, project.id)
			.filter(({ id, state, trashed }) => state === 'done' && !trashed && !seen.has(id));
		if (jobs.length === 0) return;
		const { cut } = await cuts.of(host, where);
		const played = new Set(
			cut.tracks.flatMap(({ clips }) =>
				clips.flatMap(({ source }) => (source.kind === 'file' ? [source.path] : [])),
			),
		);
		const moved: Job[] = [];
		for (const job of jobs) {
			const { path, ...clip } = clipOf(job);
			const stands = pathsOf({ path, ...clip }).some((each) => played.has(each));
			// What had no place before gets one at once; the rest when the cut shows it.
			if (!stands && !path.startsWith(unsaved + sep)) continue;
			const there = await putBeside(this.#room, host, job).catch(unlessOffline);
			if (there && stands) moved.push({ ...job, clip: there });
			else seen.add(job.id);
		}
		if (!(await this.#swap(host, where, moved))) return;
		for (const { id } of moved) seen.add(id);
	}

	/** Gives the clips in the cut their new places; false where that is not done. */
	async #swap(host: Connected, where: Where, jobs: readonly Job[]): Promise<boolean> {
		const { cuts, log } = this.#room;
		for (let left = Number.POSITIVE_INFINITY; jobs.length > 0; ) {
			const { cut, revision } = await cuts.now(host, where);
			const steps = swapsFor(cut, jobs);
			if (steps.length === 0) break;
			if (steps.length >= left) return false;
			left = steps.length;
			const answer = await askToEdit(host, where, {
				operation: randomUUID(),
				revision,
				label: 'Pickup: clips beside the project',
				steps: steps.slice(0, MOST_STEPS),
			});
			if (answer instanceof PickupError || answer.stale) {
				const why = answer instanceof PickupError ? answer.message : 'the cut changed';
				log.info(`the cut plays clips where they were: ${why}`);
				return false;
			}
		}
		return true;
	}

	#seenIn({ link }: Connected, project: string): Set<string> {
		const known = this.#seenTo.get(link);
		if (known?.project === project) return known.jobs;
		const jobs = new Set<string>();
		this.#seenTo.set(link, { project, jobs });
		return jobs;
	}
}

/**
 * Puts a finished clip's file beside the project that it was made for, too: the one where it was
 * stays, since an older state of the project plays it. Gives the clip with the path of a file that is
 * there, its own place or the best that is left. Throws `wrong-state`, and `media-offline` where it
 * is nowhere.
 */
export async function putBeside(room: LandingRoom, host: Connected, job: Job): Promise<Clip> {
	const { journal, log, unsaved } = room;
	const clip = clipOf(job);
	const from = await firstOf(placesOf(clip));
	if (from === null) {
		throw new PickupError(
			'media-offline',
			`Expected the finished clip at ${clip.path}, it is gone`,
		);
	}
	const { project } = host.state;
	const there = clipAt(clip, from);
	if (!project || !hasPlace(host) || !isMadeFor(room, host, job)) return there;
	const to = join(mediaFolder(project, unsaved), basename(clip.path));
	try {
		if (to !== from) await linkOrCopy(from, to);
		const alone = pictureAlonePath(from);
		if (to !== from && (await firstOf([alone]))) await linkOrCopy(alone, pictureAlonePath(to));
	} catch (error) {
		log.info(`${from} stays where it is: ${systemProblem(error).message}`);
		return there;
	}
	if (to === clip.path) return clip;
	const moved = clipAt(clip, to);
	const { size, mtimeMs } = await stat(to);
	// Before the cut plays it there, so that it is known there whatever ends in between.
	journal.moved(job.id, moved, { size, modified: mtimeMs });
	return moved;
}

function clipAt(clip: Clip, path: string): Clip {
	if (path === clip.path) return clip;
	return { ...clip, path, formerPaths: placesOf(clip).filter((former) => former !== path) };
}

function unlessOffline(error: unknown): null {
	if (error instanceof PickupError && error.code === 'media-offline') return null;
	throw error;
}

/** What cannot be given its new place in the cut stays where the cut finds it. */
function hasPlace({ agent, state: { project } }: Connected): boolean {
	return project !== null && project.path !== null && agent.can.swap;
}

/** One that was only landed there again stays beside its own. */
function isMadeFor({ journal }: LandingRoom, { agent, state }: Connected, job: Job): boolean {
	const [first] = job.takeOf === null ? [] : journal.landings.ofShot(job.takeOf.shot);
	return (
		first?.destination.program === agent.program &&
		first.destination.project.id === state.project?.id
	);
}

function swapsFor(cut: Cut, jobs: readonly Job[]): EditStep[] {
	return jobs.flatMap((job) => {
		const { path: own, formerPaths = [], draft } = clipOf(job);
		const alone = formerPaths.map(pictureAlonePath);
		const standing = standingItems(cut, [...formerPaths, ...alone]);
		return standing.flatMap(({ track: name, range, path }): EditStep[] => {
			const track = cut.tracks.find((each) => each.name === name);
			const clip = track?.clips.find((each) => each.range.start === range.start);
			if (!clip || track?.locked) return [];
			const to = alone.includes(path) ? pictureAlonePath(own) : own;
			return [
				{ kind: 'swap', item: { track: name, range, path }, path: to, name: clip.name, draft },
			];
		});
	});
}

/** The first that is a file; null where none is. */
async function firstOf(paths: readonly string[]): Promise<string | null> {
	for (const path of paths) {
		const found = await stat(path).catch(() => null);
		if (found?.isFile()) return path;
	}
	return null;
}

/** A second name costs nothing; on another disk it takes a copy. Throws where something else has the name. */
async function linkOrCopy(from: string, to: string): Promise<void> {
	const { size, mtime } = await stat(from);
	const taken = await stat(to).catch(() => null);
	if (taken) {
		// Its name has the id of its job: it was put there before, or is one that was restored.
		if (taken.isFile() && taken.size === size) return;
		throw new PickupError('bad-request', `Expected a free name, but ${to} is something else`);
	}
	await mkdir(dirname(to), { recursive: true });
	await link(from, to).catch(() => copyWhole(from, to, mtime));
}

async function copyWhole(from: string, to: string, modified: Date): Promise<void> {
	const part = `${to}.part`;
	try {
		await copyFile(from, part);
		await utimes(part, modified, modified);
		await syncToDisk(part);
		await nameUnlessTaken(part, to);
	} finally {
		await rm(part, { force: true });
	}
}

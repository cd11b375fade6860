import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { isTaken } from '../../files/write-whole.ts';
import { standingItems } from '../../host-bridge/landing.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { EditStep } from '../../protocol/hosts.ts';
import type { Job } from '../../protocol/jobs.ts';
import type { Cut } from '../../protocol/timeline.ts';
import type { FileMark, Journal } from '../jobs/journal.ts';
import type { Connected } from './hosts.ts';
import { askToEdit, clipOf, type LandingRoom } from './landing-room.ts';
import { mediaFolder } from './media-folder.ts';

/** A clip that was made before its project had a place, and where it belongs now. */
type Move = { readonly job: Job; readonly from: string; readonly to: string };

/** A project that was saved for the first time has a place for the clips that it had before. */
export async function moveBeside(
	room: LandingRoom & { readonly unsaved: string },
	host: Connected,
): Promise<void> {
	const { journal, cuts, log, unsaved } = room;
	const moves = movesFor(host, { journal, unsaved });
	const { project, sequence } = host.state;
	if (moves.length === 0 || !project || !sequence) return;
	const where = { project: project.id, sequence: sequence.id };
	const { cut, revision } = await cuts.now(host, where);
	const marks = new Map(
		await Promise.all(moves.map(async (move) => [move, await putBeside(move)] as const)),
	);
	const there = moves.filter((move) => marks.get(move) !== null);
	const steps = movingSteps(cut, there);
	if (steps.length > 0) {
		const label = 'Pickup: clips beside the project';
		const answer = await askToEdit(host, where, {
			operation: randomUUID(),
			revision,
			label,
			steps: [...steps],
		});
		if (answer instanceof PickupError || answer.stale) {
			log.info(
				`clips stay in ${unsaved}: ${answer instanceof PickupError ? answer.message : 'the cut changed'}`,
			);
			return;
		}
	}
	for (const move of there) {
		const clip = { ...clipOf(move.job), path: move.to };
		journal.moved(move.job.id, clip, marks.get(move)!);
	}
}

/** Clips of a project that has been saved since they were made. */
function movesFor(
	{ agent, state: { project } }: Connected,
	{ journal, unsaved }: { readonly journal: Journal; readonly unsaved: string },
): readonly Move[] {
	// What cannot be given its new place in the cut stays where the cut finds it.
	if (!project || project.path === null || !agent.can.swap) return [];
	const folder = mediaFolder(project, unsaved);
	return journal.ofProject(agent.program, project.id).flatMap((job) => {
		const from = job.clip?.path;
		if (job.state !== 'done' || from === undefined || !from.startsWith(unsaved + sep)) return [];
		return [{ job, from, to: join(folder, basename(from)) }];
	});
}

/**
 * Puts a clip's file where it belongs too; the one where it was stays for what an undo brings back.
 * Gives how the file is there, or null where it is gone. Throws what the system says.
 */
async function putBeside({ from, to }: Move): Promise<FileMark | null> {
	const there = await stat(from).catch(() => null);
	if (!there?.isFile()) return null;
	if (!(await isTaken(to))) {
		await mkdir(dirname(to), { recursive: true });
		// A second name costs nothing; on another disk it takes a copy.
		await link(from, to).catch(() => copyWhole(from, to, there.mtime));
	}
	const { size, mtimeMs } = await stat(to);
	return { size, modified: mtimeMs };
}

/** What gives the clips in the cut their new places. */
function movingSteps(cut: Cut, moves: readonly Move[]): readonly EditStep[] {
	return moves.flatMap(({ job, from, to }) =>
		standingItems(cut, from).map(({ track, range, path }): EditStep => {
			const name = cut.tracks
				.find((each) => each.name === track)
				?.clips.find((clip) => clip.range.start === range.start)?.name;
			const draft = job.clip?.draft ?? false;
			return { kind: 'swap', item: { track, range, path }, path: to, name: name ?? '', draft };
		}),
	);
}

async function copyWhole(from: string, to: string, modified: Date): Promise<void> {
	const part = `${to}.part`;
	try {
		await copyFile(from, part);
		await utimes(part, modified, modified);
		await link(part, to);
	} finally {
		await rm(part, { force: true });
	}
}

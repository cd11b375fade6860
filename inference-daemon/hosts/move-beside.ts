import { copyFile, link, mkdir, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { isTaken } from '../../files/write-whole.ts';
import { standingItems } from '../../host-bridge/landing.ts';
import type { EditStep } from '../../protocol/hosts.ts';
import type { Job } from '../../protocol/jobs.ts';
import type { Cut } from '../../protocol/timeline.ts';
import type { FileMark, Journal } from '../jobs/journal.ts';
import type { Connected } from './hosts.ts';
import { mediaFolder } from './media-folder.ts';

/** A clip that was made before its project had a place, and where it belongs now. */
export type Move = { readonly job: Job; readonly from: string; readonly to: string };

/** Clips of a project that has been saved since they were made. */
export function movesFor(
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
export async function putBeside({ from, to }: Move): Promise<FileMark | null> {
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
export function movingSteps(cut: Cut, moves: readonly Move[]): readonly EditStep[] {
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

import { join } from 'node:path';
import { lookAt, TICKS } from '../fakes/premiere/media.ts';
import { mltOf } from '../fakes/premiere/mlt.ts';
import { clipOf, Project, trackOf } from '../fakes/premiere/model.ts';
import { FILM, type FilmEditor, type FilmStage } from './editor-film.ts';

const FRAME = TICKS / 24n;
const LABEL_OF_DRAFTS = 6;

/** The film as a project of Premiere. */
export function premiereFilm({ folder, left, right }: FilmStage): Project {
	const film = new Project('Film', join(folder, 'Film.prproj'));
	const sequence = film.addSequence({
		name: 'Reel 1',
		ticksPerFrame: FRAME,
		size: { width: 160, height: 90 },
		zeroPoint: 86_400n * FRAME,
	});
	const clip = (kind: 'video' | 'audio', name: string, path: string, start: number) => {
		const item = film.addItem({ kind: 'media', name, media: lookAt(path) });
		const at = { start: BigInt(start) * FRAME, end: BigInt(start + FILM.shot) * FRAME };
		return clipOf({ kind, item: item.id, name, ...at });
	};
	sequence.tracks = (['video', 'audio'] as const).map((kind) =>
		trackOf(kind, { clips: [clip(kind, 'left', left, 0), clip(kind, 'right', right, FILM.right)] }),
	);
	return film;
}

/** `undoStep`: what the last step of an edit is called where it has several. */
export function premiereEditor(project: Project, undoStep: string | null = null): FilmEditor {
	const sequence = () => project.sequence(project.active!);
	const added = () =>
		sequence().tracks.flatMap(({ kind, clips }) =>
			clips
				.map(({ start, end, item }) => ({
					kind,
					start: Number(start / FRAME),
					end: Number(end / FRAME),
					item: project.item(item),
				}))
				.filter(({ start }) => start >= FILM.gap.start && start < FILM.gap.end),
		);
	return {
		program: 'Premiere',
		putPlayhead: (frame) => {
			sequence().playhead = BigInt(frame) * FRAME;
		},
		inGap: () => added().map(({ item, ...at }) => ({ ...at, path: item.media?.path ?? null })),
		hasDraftColour: () => added().every(({ item }) => item.label === LABEL_OF_DRAFTS),
		back: 'undo',
		goBack: () => {
			let label: string | undefined;
			do {
				label = project.undoSteps.at(-1)?.label;
				project.undo();
			} while (undoStep !== null && label !== undefined && label !== undoStep);
		},
		goForth: () => {
			while (project.redoSteps.length > 0) project.redo();
		},
		mlt: () => mltOf(project),
	};
}

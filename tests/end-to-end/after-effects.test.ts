import { join } from 'node:path';
import { mltOf } from '../fakes/after-effects/mlt.ts';
import { addComp, addFootage, type CompModel, layerModel } from '../fakes/after-effects/model.ts';
import type { AfterEffects } from '../fakes/after-effects/program.ts';
import { openExtension } from '../fakes/cep/stage.ts';
import { standingIn } from '../hosts/after-effects/cases.ts';
import { startAfterEffects } from '../hosts/after-effects/stage.ts';
import { describeFilm, FILM, type FilmEditor, type FilmStage } from './editor-film.ts';

const RATE = { num: 24, den: 1 };
const LABEL_OF_DRAFTS = 11;

/** As the extension's page draws the panel in After Effects. */
describeFilm(async (stage) => {
	const running = await startAfterEffects();
	const editor = editorWithFilm(running.program, stage);
	const page = await openExtension({
		port: running.port,
		state: stage.daemon.state,
		startDaemon: () => stage.startDaemon(stage.daemon.state),
		width: 360,
		height: 900,
	});
	return {
		editor,
		panel: { page, startsDaemon: true, follow: async () => {} },
		close: running.close,
	};
});

function editorWithFilm(program: AfterEffects, { folder, left, right }: FilmStage): FilmEditor {
	const { model } = program;
	model.path = join(folder, 'Film.aep');
	const duration = FILM.end / 24;
	const made = addComp(model, { name: 'Reel 1', rate: RATE, duration, displayStartTime: 3600 });
	const shot = (name: string, file: string, from: number) => {
		const { id } = addFootage(model, { name, file, frameRate: 24, duration: FILM.shot / 24 });
		const at = { inPoint: from / 24, outPoint: (from + FILM.shot) / 24 };
		return layerModel(model, { name, source: id, ...at });
	};
	made.layers = [shot('right', right, FILM.right), shot('left', left, 0)];
	model.activeItem = made.id;
	const comp = () => program.model.items.find(({ id }) => id === made.id) as CompModel;
	const inGap = () =>
		standingIn(program.model)
			.filter(({ start }) => start >= FILM.gap.start && start < FILM.gap.end)
			.map(({ kind, start, end, path }) => ({ kind, start, end, path }));
	return {
		program: 'After Effects',
		putPlayhead: (frame) => {
			comp().time = frame / 24;
		},
		inGap,
		hasDraftColour: () =>
			comp()
				.layers.filter(({ comment }) => comment !== '')
				.every(({ label }) => label === LABEL_OF_DRAFTS),
		back: 'undo',
		goBack: () => void program.undo(),
		goForth: () => program.redo(),
		mlt: () => mltOf(program.model, comp()),
	};
}

import { openExtension } from '../fakes/cep/stage.ts';
import { forgetPremiere, startScripts } from '../hosts/premiere-interfaces.ts';
import { describeFilm } from './editor-film.ts';
import { premiereEditor, premiereFilm } from './premiere-film.ts';

/** As the extension's page draws the panel in CEP 12, over Premiere's scripts. */
describeFilm(async (stage) => {
	const project = premiereFilm(stage);
	const { port, end } = await startScripts(project);
	const page = await openExtension({
		port,
		state: stage.daemon.state,
		startDaemon: () => stage.startDaemon(stage.daemon.state),
		width: 360,
		height: 900,
	});
	return {
		editor: premiereEditor(project, 'Overwrite'),
		panel: { page, startsDaemon: true, follow: async () => {} },
		async close() {
			await end();
			await forgetPremiere();
		},
	};
});

import { openExtension } from '../fakes/cep/stage.ts';
import { startScripts } from '../hosts/premiere-interfaces.ts';
import { describeFilm } from './premiere-film.ts';

/** As the extension's page draws the panel in CEP 12, over Premiere's scripts. */
describeFilm(async ({ daemon, project, startDaemon }) => {
	const { port, end } = await startScripts(project);
	const page = await openExtension({
		port,
		state: daemon.state,
		startDaemon: () => startDaemon(daemon.state),
		width: 360,
		height: 900,
	});
	return { page, startsDaemon: true, follow: async () => {}, unload: () => void end() };
}, 'Overwrite');

import { openPage } from '../browser.ts';
import { until } from '../daemon/harness.ts';
import { forgetPremiere, openPlugin } from '../hosts/premiere-interfaces.ts';
import { describeFilm } from './editor-film.ts';
import { premiereEditor, premiereFilm } from './premiere-film.ts';

/** As Premiere's webview shows the panel, in a browser. */
describeFilm(async (stage) => {
	const project = premiereFilm(stage);
	const plugin = await openPlugin(stage.daemon, project);
	const webview = () =>
		until('the webview', () =>
			plugin.panel.all.find(({ name }) => name === 'webview')?.attributes.get('src'),
		);
	const page = await openPage({ width: 360, height: 900 });
	let address = await webview();
	await page.goto(address);
	const follow = async () => {
		const now = await webview();
		if (now !== address) await page.goto(now);
		address = now;
	};
	return {
		editor: premiereEditor(project),
		panel: { page, startsDaemon: false, follow },
		async close() {
			plugin.unload();
			await forgetPremiere();
		},
	};
});

import { openPage } from '../browser.ts';
import { until } from '../daemon/harness.ts';
import { openPlugin } from '../hosts/premiere-interfaces.ts';
import { describeFilm } from './premiere-film.ts';

/** As Premiere's webview shows the panel, in a browser. */
describeFilm(async ({ daemon, project }) => {
	const plugin = await openPlugin(daemon, project);
	const webview = () =>
		until('the webview', () =>
			plugin.panel.all.find(({ name }) => name === 'webview')?.attributes.get('src'),
		);
	const page = await openPage({ width: 360, height: 900 });
	let address = await webview();
	await page.goto(address);
	return {
		page,
		startsDaemon: false,
		async follow() {
			const now = await webview();
			if (now !== address) await page.goto(now);
			address = now;
		},
		unload: plugin.unload,
	};
});

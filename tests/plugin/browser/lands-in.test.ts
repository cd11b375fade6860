import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { endAllDaemons, temporaryFolder } from '../../daemon/harness.ts';
import { openFilm, openPanelPage, startStage, withoutFileManager } from '../stage.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

it('It is said in which file clips land, before and in the details, with its path where the system cannot show it', async () => {
	const bin = await temporaryFolder();
	const env = await withoutFileManager(bin);
	const daemon = await startStage({ engine: 'none', env });
	const editor = await openFilm(daemon);
	const folder = join(bin, 'demo-output');
	const path = join(folder, 'cut.xml');
	const project = { ...editor.state().project!, path, name: 'cut.xml', landsIn: null };
	await editor.change({ playhead: 60, project });
	const page = await openPanelPage(daemon, editor);
	await page.getByText('In a new file beside cut.xml, which stays as it is.').waitFor();
	const file = join(folder, 'cut pickup', 'cut.xml');
	const says = 'In the new file demo-output/cut pickup/cut.xml; cut.xml stays as it is.';
	await editor.change({ project: { ...project, landsIn: file } });
	await page.getByText(says).waitFor();
	await page.getByRole('button', { name: /^Connection: .*cut\.xml/ }).click();
	const details = page.getByRole('dialog', { name: 'Connection' });
	await details.getByRole('button', { name: 'Show it in its folder' }).click();
	await page.keyboard.press('Escape');
	await details.waitFor({ state: 'detached' });
	await page.getByRole('alert').getByText(file).waitFor();
	await page.getByRole('button', { name: 'Copy the path' }).waitFor();
	expect(
		await page
			.getByText(/Expected/)
			.filter({ visible: true })
			.count(),
	).toBe(0);

	await page.getByRole('tab', { name: 'History' }).click();
	await page.getByText(says).waitFor();
	await page.getByRole('button', { name: 'Show it in its folder' }).click();
	await page.getByRole('alert').getByText(file).waitFor();
	await editor.quit();
});

import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { endAllDaemons, temporaryFolder } from '../../daemon/harness.ts';
import { openFilm, openPanelPage, startStage } from '../stage.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

it('It is said in which file clips land, before and in the details, with its path where the system cannot show it', async () => {
	const bin = await temporaryFolder();
	await mkdir(bin, { recursive: true });
	for (const name of ['xdg-open', 'browser']) {
		await writeFile(join(bin, name), '#!/bin/sh\nexit 3\n');
		await chmod(join(bin, name), 0o755);
	}
	const PATH = `${bin}${delimiter}${process.env.PATH}`;
	const env = { PATH, BROWSER: join(bin, 'browser'), DISPLAY: '' };
	const daemon = await startStage({ engine: 'none', env });
	const editor = await openFilm(daemon);
	const project = { ...editor.state().project!, name: 'cut.xml', landsIn: null };
	await editor.change({ playhead: 60, project });
	const page = await openPanelPage(daemon, editor);
	await page.getByText('In a new file beside cut.xml.').waitFor();
	const file = join(bin, 'cut Pickup.xml');
	await editor.change({ project: { ...project, landsIn: file } });
	await page.getByText('In cut Pickup.xml.').waitFor();
	await page.getByRole('button', { name: /^Connection: .*cut\.xml/ }).click();
	const details = page.getByRole('dialog', { name: 'Connection' });
	await details.getByRole('button', { name: 'Show it in its folder' }).click();
	await page.keyboard.press('Escape');
	await details.waitFor({ state: 'detached' });
	await page.getByRole('alert').getByText(file).waitFor();
	await page.getByRole('button', { name: 'Copy the path' }).waitFor();
	expect(await page.getByText(/Expected/).count()).toBe(0);
	await editor.quit();
});

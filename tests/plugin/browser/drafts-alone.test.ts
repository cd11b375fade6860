import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { endAllDaemons } from '../../daemon/harness.ts';
import { openAtGap, openFilm, openPanelPage, startStage } from '../stage.ts';
import { pressable } from '../states.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

it('Without a model it is said why there is one take alone, and that no model is needed is nothing to worry about', async () => {
	const daemon = await startStage({ engine: 'none' });
	const { editor, page } = await openAtGap(daemon);
	await pressable(page);
	await page.keyboard.press('Enter');
	await page.getByRole('button', { name: /is in the cut/ }).waitFor();
	await page.getByText('One: a draft is the same each time.').waitFor();
	expect(await page.getByRole('button', { name: /like this one/ }).count()).toBe(0);
	await page.getByRole('button', { name: 'Ask for something else here' }).click();
	await page.locator('.row').getByText('One: a draft is the same each time.').waitFor();
	await page.getByRole('tab', { name: 'Setup' }).click();
	const models = page.getByRole('definition').filter({ hasText: 'None yet: drafts need none' });
	await models.waitFor();
	expect(await models.locator('.icon').count()).toBe(0);
	await editor.quit();
});

it('A timeline file that was closed is opened again by what a person types', async () => {
	const daemon = await startStage({ engine: 'none' });
	const file = await openFilm(daemon, { program: 'Timeline file' });
	await file.change({ project: { ...file.state().project!, name: 'cut.xml' } });
	const other = await openFilm(daemon);
	await other.change({ project: { id: 'other', name: 'Other', path: null } });
	const page = await openPanelPage(daemon, file);
	await page.getByText('A003_C011').first().waitFor();
	await file.quit();
	await page.getByRole('heading', { name: 'cut.xml is no longer open' }).waitFor();
	await page.getByText('Open it again with “pickup open cut.xml”').waitFor();
	expect(await page.getByText('Timeline file').count()).toBe(0);
	await other.quit();
});

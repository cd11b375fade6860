import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { endAllDaemons, until } from '../../daemon/harness.ts';
import { openFilm, openPanelPage, startStage } from '../stage.ts';
import { pressable } from '../states.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

it('What cannot be made is said in an editor’s words, the nearest gap is a press away, and a draft says what it is made from', async () => {
	const daemon = await startStage({ engine: 'none' });
	const editor = await openFilm(daemon);
	const page = await openPanelPage(daemon, editor);
	await page.getByText('Nothing stands before or after these frames to make them from.').waitFor();
	await page.getByRole('tab', { name: 'Setup' }).click();
	await page.getByText('Its model is not on this machine').first().waitFor();
	await page.getByText('can be used').first().waitFor();
	expect(await page.getByText(/Expected/).count()).toBe(0);
	await page.getByRole('tab', { name: 'Cut' }).click();
	expect(await page.getByText(/Expected/).count()).toBe(0);
	await page.getByRole('button', { name: 'Go to the gap at 01:00:02:00' }).click();
	await until('the gap', () => editor.state().playhead === 48);
	await page.getByText('60 frames made from what stands beside them, 320 × 180.').waitFor();

	// Of the last clip the end: there is nothing after it.
	await editor.change({ playhead: 130 });
	await page.getByText('A003_C014').first().waitFor();
	await page.keyboard.press('i');
	await pressable(page);
	await page.getByText('Nothing stands after it').waitFor();
	expect(await page.getByText('both sides').count()).toBe(0);
	await editor.quit();
});

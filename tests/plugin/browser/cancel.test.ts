import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { endAllDaemons, temporaryFolder } from '../../daemon/harness.ts';
import { openAtGap, openPanelPage, startStage } from '../stage.ts';
import { pressable, settled } from '../states.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

it('A job that is cancelled says so and that nothing was placed, until something else is asked for, and can be made after all', async () => {
	const gate = join(await temporaryFolder(), 'gate');
	await mkdir(gate);
	const daemon = await startStage({ engine: 'finisher', env: { PICKUP_FINISHER: gate } });
	const { editor, page } = await openAtGap(daemon);
	await page.getByText('Place one in the cut meanwhile').click();
	const press = async () => {
		await pressable(page);
		await page.keyboard.press('Control+Enter');
		await page.getByText('62 %').first().waitFor();
	};
	const says = 'Take 1 was cancelled; nothing was placed.';
	const said = page.getByRole('status').getByText(says);
	const other = await openPanelPage(daemon, editor);
	await press();
	await other.getByText('62 %').first().waitFor();
	// Of its time nothing is known yet, and nothing of that kind was made here before.
	expect(await page.getByText(/ left$/).count()).toBe(0);
	await page.getByRole('button', { name: /^Cancel/ }).click();
	await said.waitFor();
	await other.getByRole('status').getByText(says).waitFor();
	await page.getByLabel('Describe the shot').fill('rain');
	await said.waitFor({ state: 'detached' });
	await press();
	await page.getByRole('button', { name: /^Cancel/ }).click();
	await said.waitFor();
	await page.getByRole('button', { name: 'Make it after all' }).click();
	await page.getByText('62 %').first().waitFor();
	expect(await said.count()).toBe(0);
	await editor.quit();
});

it('A take that stopped shows in grey how far it came', async () => {
	const gate = join(await temporaryFolder(), 'gate');
	await mkdir(gate);
	const daemon = await startStage({ engine: 'finisher', env: { PICKUP_FINISHER: gate } });
	const { editor, page } = await openAtGap(daemon);
	await page.getByText('Place one in the cut meanwhile').click();
	await pressable(page);
	await page.keyboard.press('Control+Enter');
	await page.getByText('62 %').first().waitFor();
	await writeFile(join(gate, 'fail'), '');
	await page.getByRole('heading', { name: 'Memory ran out' }).waitFor();
	await settled(page);
	for (const place of ['.strip', '.takes']) {
		const picture = page.locator(`${place} .halted img`);
		await picture.waitFor();
		expect(await picture.evaluate(widthOf)).toBeGreaterThan(0);
		expect(await picture.evaluate(filterOf)).toBe('grayscale(1)');
	}
	await editor.quit();
});

it('A take that was undone in the editor is no longer said to be in the cut', async () => {
	const daemon = await startStage({ engine: 'none' });
	const { editor, page } = await openAtGap(daemon);
	await pressable(page);
	await page.keyboard.press('Enter');
	await page.getByRole('button', { name: /is in the cut/ }).waitFor();
	await page.locator('.take').getByText('in the cut').waitFor();
	await editor.undo();
	await page.getByText('Take 1 had been placed and is no longer there').waitFor();
	await page.locator('.take').getByText('taken out').waitFor();
	await page.getByText('Gap 1 of 1', { exact: true }).waitFor();
	await page.getByRole('button', { name: 'Place it again' }).waitFor();
	await editor.quit();
});

/** In the page, where these are elements. */
const widthOf = (image: unknown) => (image as { naturalWidth: number }).naturalWidth;
const filterOf = (image: unknown) =>
	(globalThis as never as { getComputedStyle(of: unknown): { filter: string } }).getComputedStyle(
		image,
	).filter;

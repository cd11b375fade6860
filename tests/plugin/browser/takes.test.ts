import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { endAllDaemons, temporaryFolder, until } from '../../daemon/harness.ts';
import type { Editor } from '../../fakes/editor.ts';
import { openFilm, openPanelPage, startStage } from '../stage.ts';
import { primary } from '../states.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

describe('Among the takes of a gap', () => {
	let editor: Editor;
	let page: Page;
	let gate: string;
	beforeAll(async () => {
		gate = join(await temporaryFolder(), 'gate');
		await mkdir(gate);
		const daemon = await startStage({ engine: 'finisher', env: { PICKUP_FINISHER: gate } });
		editor = await openFilm(daemon);
		await editor.change({ playhead: 60 });
		page = await openPanelPage(daemon, editor);
		await page.getByText('60 frames, 320').waitFor();
	});
	afterAll(() => editor.quit());

	it('Ctrl+Enter presses the button also while a tab has the focus, and ? and a button list the keys', async () => {
		await page.getByRole('tab', { name: 'Cut' }).focus();
		await page.keyboard.press('?');
		const help = page.getByRole('dialog', { name: 'Keys' });
		await help.getByText('Swap A and B').waitFor();
		await page.keyboard.press('Escape');
		await help.waitFor({ state: 'detached' });
		await page.getByRole('button', { name: 'All keys (?)' }).click();
		await help.waitFor();
		await page.keyboard.press('Escape');
		await help.waitFor({ state: 'detached' });
		await writeFile(join(gate, 'go'), '');
		await page.getByRole('textbox', { name: 'Takes' }).fill('2');
		await page.getByRole('tab', { name: 'Cut' }).focus();
		await page.getByText('2 takes of 60 frames').waitFor();
		await page.locator('[data-primary][aria-disabled="false"]').waitFor();
		await page.keyboard.press('Control+Enter');
		await page.getByRole('button', { name: 'Take 1 is in the cut' }).waitFor();
		await page.getByText('B: Take 2').first().waitFor();
		await page.getByText('Gap 1 of 1, filled').waitFor();
	});

	it('the timecode is said while stepping, also after A and B were pressed by the mouse', async () => {
		await page.locator('video.shown').waitFor();
		const position = page.getByRole('slider', { name: 'Position in the loop' });
		await page.getByText('B: Take 2').first().click();
		await page.getByRole('button', { name: 'Use Take 2' }).waitFor();
		await page.keyboard.press('Home');
		await page.keyboard.press('ArrowRight');
		await page.keyboard.press('ArrowRight');
		await until(
			'two frames on',
			async () => (await position.getAttribute('aria-valuenow')) === '2',
		);
		await page.locator('.viewer').getByText('01:00:01:02').waitFor();
		await page.getByRole('button', { name: 'Use Take 2' }).waitFor();
	});

	it('a take that is finished can be watched while another one is made, and the strip shows what is in the cut', async () => {
		await rm(join(gate, 'go'));
		await page.keyboard.press('v');
		await page.getByText('62 %').first().waitFor();
		// What was compared is still there to be watched.
		await page.locator('video.shown').waitFor();
		await page.getByRole('button', { name: /^Take 3/ }).click();
		const strip = page.getByRole('group', { name: /^Take 3 is being made/ });
		await strip.waitFor();
		await page.getByRole('button', { name: /^Take 1/ }).click();
		await page.getByText('A: Take 1').first().waitFor();
		await page.locator('video.shown').waitFor();
		await page.keyboard.press('Escape');
		await page.keyboard.press('Escape');
		await primary(page).waitFor();
		expect(await page.locator('.take').filter({ hasText: 'Take 3' }).count()).toBe(0);
		await page.getByText('Take 3 was cancelled; what stands in the cut stays.').waitFor();
	});
});

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { endAllDaemons, temporaryFolder } from '../../daemon/harness.ts';
import { openAtGap, startStage } from '../stage.ts';
import { pressable } from '../states.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

it('A job that stands still says why, and goes on when its editor has done, or anyway', async () => {
	const gate = join(await temporaryFolder(), 'gate');
	await mkdir(gate);
	const env = { PICKUP_FINISHER: gate, PICKUP_SETTLE: '0' };
	const daemon = await startStage({ engine: 'finisher', env });
	const { editor, page } = await openAtGap(daemon);
	await page.getByText('Place one in the cut meanwhile').click();
	await pressable(page);
	await page.keyboard.press('Control+Enter');
	await page.getByText('62 %').first().waitFor();
	const goOn = page.getByRole('button', { name: 'Go on anyway' });
	expect(await goOn.count()).toBe(0);

	await editor.change({ busy: 'exporting' });
	await page.locator('.job').getByText('Paused while Fake is exporting').waitFor();
	await page.getByRole('status').getByText('Take 1: Paused while Fake is exporting').waitFor();
	await goOn.waitFor();
	await editor.change({ busy: null });
	await page.locator('.job').getByText('Making the shot').first().waitFor();
	expect(await goOn.count()).toBe(0);

	await editor.change({ busy: 'rendering' });
	await page.locator('.job').getByText('Paused while Fake is rendering').waitFor();
	await goOn.click();
	await goOn.waitFor({ state: 'detached' });
	await writeFile(join(gate, 'go'), '');
	// It is made, and lands once the editor has done.
	await page.getByText('Waiting for the editor to finish rendering').first().waitFor();
	await editor.change({ busy: null });
	await page.getByText('in the cut').first().waitFor();
	await editor.quit();
});

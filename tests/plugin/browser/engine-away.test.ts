import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { crash, endAllDaemons, stop, temporaryFolder } from '../../daemon/harness.ts';
import { openFilm, openPanelPage, startStage } from '../stage.ts';
import { primary } from '../states.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

it('An engine that somebody stopped is not said to come back by itself, and what it was doing is said to wait', async () => {
	const gate = join(await temporaryFolder(), 'gate');
	await mkdir(gate);
	const daemon = await startStage({ engine: 'finisher', env: { PICKUP_FINISHER: gate } });
	const editor = await openFilm(daemon);
	await editor.change({ playhead: 60 });
	const page = await openPanelPage(daemon, editor);
	await page.getByText('60 frames, 320').waitFor();
	await page.getByText('Place one in the cut meanwhile').click();
	await page.getByText('A draft is placed first').waitFor({ state: 'detached' });
	await primary(page).click();
	await page.getByText('62 %').first().waitFor();
	await stop(daemon);
	await page.getByRole('alert').getByText('Pickup’s engine was stopped').waitFor();
	await page.getByText('Not connected').waitFor();
	await page.getByText('Goes on when the engine runs again').waitFor();
	expect(await page.getByText('62 %').count()).toBe(0);
	expect(await page.getByText('by itself').count()).toBe(0);
	expect(await page.getByRole('button', { name: /^Cancel/ }).isDisabled()).toBe(true);
	await page.close();
});

it('An engine that died is started again by the editor, and where nobody does header and words say the same', async () => {
	const daemon = await startStage({ engine: 'finisher' });
	const editor = await openFilm(daemon);
	await editor.change({ playhead: 60 });
	const page = await openPanelPage(daemon, editor);
	await page.getByText('60 frames, 320').waitFor();
	await crash(daemon);
	await page.getByRole('alert').getByText('It starts again by itself').waitFor();
	await page.getByText('Restarting').waitFor();
	await page.getByRole('alert').getByText('It has not come back').waitFor();
	await page.getByText('Not connected').waitFor();
	expect(await page.getByText('Restarting').count()).toBe(0);
	await page.close();
});

import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { connect, endAllDaemons, temporaryFolder, until } from '../../daemon/harness.ts';
import { openAtGap, openFilm, openPanelPage, startStage } from '../stage.ts';
import { pressable } from '../states.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

it('A page that is opened begins on Cut, whatever was looked at last', async () => {
	const daemon = await startStage({ engine: 'finisher' });
	const editor = await openFilm(daemon);
	const page = await openPanelPage(daemon, editor);
	await page.getByRole('tab', { name: 'Setup' }).click();
	await page.getByRole('heading', { name: 'This machine' }).waitFor();
	const next = await openPanelPage(daemon, editor);
	await next.getByRole('tab', { name: 'Cut', selected: true }).waitFor();
	await next.getByText('A003_C011').first().waitFor();
	await editor.quit();
});

it('In a narrow panel a clip of the history is seen and heard, it is said where it goes, and its name has a timecode', async () => {
	const daemon = await startStage({ engine: 'none' });
	const { editor, page } = await openAtGap(daemon);
	await pressable(page);
	await page.keyboard.press('Enter');
	await page.getByRole('button', { name: /is in the cut/ }).waitFor();
	await editor.change({ playhead: 200 });
	await page.getByText('01:00:08:08').waitFor();
	await page.getByRole('tab', { name: 'History' }).click();
	await page.getByRole('option', { name: 'V1 01:00:02:00, no prompt' }).click();
	const video = page.locator('.chosen-clip video');
	await video.evaluate((element) => {
		const shown = element as unknown as { muted: boolean; play: () => Promise<void> };
		shown.muted = true;
		return shown.play();
	});
	await page.getByText('Goes into the gap on V1, at 01:00:06:12.').waitFor();
	await page.getByRole('button', { name: 'Place again' }).click();
	const named = () => editor.cut().tracks[0]?.clips.filter(({ name }) => /^Pickup/.test(name));
	await until('the clip once more', () => named()?.length === 2);
	expect(named()?.map(({ name }) => name)).toEqual([
		'Pickup V1 01:00:02:00 take 1',
		'Pickup V1 01:00:02:00 take 1',
	]);
	await page.getByRole('button', { name: 'Choose another place in Cut' }).click();
	await page.getByRole('tab', { name: 'Cut', selected: true }).waitFor();
	await editor.quit();
});

it('The history of a film says when nothing is in it and when nothing fits, and cleans up that film alone', async () => {
	const data = await temporaryFolder();
	const daemon = await startStage({ engine: 'finisher', env: { XDG_DATA_HOME: data } });
	const peer = await connect(daemon);
	const editor = await openFilm(daemon);
	await editor.change({ playhead: 60 });
	const page = await openPanelPage(daemon, editor);
	const makeTwo = async () => {
		await page.getByRole('tab', { name: 'Cut' }).click();
		await page.getByRole('textbox', { name: 'Takes' }).fill('2');
		await page.keyboard.press('Tab');
		await page.getByText('2 takes of 60 frames').waitFor();
		await pressable(page);
		await page.keyboard.press('Control+Enter');
		await page.getByRole('button', { name: 'Take 1 is in the cut' }).waitFor();
		await page.getByText('B: Take 2').first().waitFor();
	};
	await page.getByText('Place one in the cut meanwhile').click();
	await makeTwo();
	await editor.undo();
	await editor.change({ project: { ...editor.state().project!, id: 'second', name: 'Second' } });
	await page.getByRole('tab', { name: 'History' }).click();
	await page.getByText('No shots were made for this film yet.').waitFor();
	expect(await page.getByRole('button', { name: 'Clean up…' }).count()).toBe(0);
	await makeTwo();
	await page.getByRole('tab', { name: 'History' }).click();
	await page.getByRole('option').nth(1).waitFor();
	expect(await page.getByRole('option').count()).toBe(2);
	await page.getByRole('option', { name: 'V1 01:00:02:00, no prompt' }).first().waitFor();
	await page.getByRole('searchbox').fill('nowhere');
	await page.getByText('No clip of this film fits').waitFor();
	await page.getByRole('searchbox').fill('');

	await page.getByRole('button', { name: 'Clean up…' }).click();
	await page.getByText('Second: 1 clip never placed and not starred').waitFor();
	await page.keyboard.press('Escape');
	await page.getByText('never placed and not starred').waitFor({ state: 'detached' });
	await page.getByRole('button', { name: 'Clean up…' }).click();
	await page.getByRole('button', { name: 'To the trash' }).click();
	const trashed = async () => {
		const { jobs } = await peer.call('job.list', {});
		return jobs.filter((job) => job.trashed);
	};
	await until('the trash', async () => (await trashed()).length > 0);
	const made = await trashed();
	expect(made.map(({ takeOf }) => takeOf?.take)).toEqual([2]);
	await page.getByRole('button', { name: 'Clean up…' }).waitFor({ state: 'detached' });
	expect(await trashed()).toHaveLength(1);
	await editor.quit();
});

import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { connect, endAllDaemons, temporaryFolder, until } from '../../daemon/harness.ts';
import { openFilm, openPanelPage, startStage, withoutFileManager } from '../stage.ts';
import { pressable } from '../states.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

it('What cannot be made is said in an editor’s words, the nearest gap is a press away, and a draft says what it is made from', async () => {
	const daemon = await startStage({ engine: 'none' });
	const editor = await openFilm(daemon);
	const page = await openPanelPage(daemon, editor);
	// Nobody asked for anything: what shows is the way to where something can be made.
	await page.getByText('Fill needs a gap; the next is 2 s on.').first().waitFor();
	await page.getByRole('button', { name: 'Go to the gap at 01:00:02:00' }).waitFor();
	expect(await page.getByRole('alert').count()).toBe(0);
	expect(await page.getByText(/insert/).count()).toBe(0);
	await page.keyboard.press('Alt+4');
	await page.getByText('Nothing stands before or after these frames to make them from.').waitFor();
	await page.getByText('Choose a place with a clip beside it, or a part of the clip.').waitFor();
	await page.getByText('Details').click();
	await page.getByText('Expected a clip beside the range').waitFor();
	await page.getByRole('tab', { name: 'Setup' }).click();
	await page.getByText('Its model is not on this machine').first().waitFor();
	await page.getByText('can be used').first().waitFor();
	const technical = page.getByText(/Expected/).filter({ visible: true });
	expect(await technical.count()).toBe(0);
	await page.getByRole('tab', { name: 'Cut' }).click();
	expect(await technical.count()).toBe(0);
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

it('A refusal goes when something else is asked for, looked at or chosen, and does not come back', async () => {
	const bin = await temporaryFolder();
	const env = await withoutFileManager(bin);
	const daemon = await startStage({ engine: 'finisher', env });
	const editor = await openFilm(daemon);
	const project = { ...editor.state().project!, landsIn: join(bin, 'cut.xml') };
	await editor.change({ playhead: 60, project });
	const page = await openPanelPage(daemon, editor, { width: 360, height: 640 });
	const refusal = page.getByRole('alert');
	const isGone = () => refusal.waitFor({ state: 'detached' });
	const refuse = async () => {
		await page.getByRole('button', { name: /^Connection/ }).click();
		const details = page.getByRole('dialog', { name: 'Connection' });
		await details.getByRole('button', { name: 'Show it in its folder' }).click();
		await page.keyboard.press('Escape');
		await details.waitFor({ state: 'detached' });
		await refusal.waitFor();
	};
	await page.getByText('60 frames, 320').waitFor();
	await refuse();
	await page.getByLabel('Describe the shot').fill('rain');
	await isGone();
	await refuse();
	await editor.change({ playhead: 20 });
	await page.getByText('Fill needs a gap').first().waitFor();
	expect(await refusal.count()).toBe(0);
	await editor.change({ playhead: 60 });
	await page.getByText('60 frames, 320').waitFor();
	expect(await refusal.count()).toBe(0);

	await page.getByRole('textbox', { name: 'Takes' }).fill('2');
	await page.keyboard.press('Tab');
	await page.getByText('2 takes of 60 frames').waitFor();
	await pressable(page);
	await page.keyboard.press('Control+Enter');
	await page.getByText('B: Take 2').first().waitFor();
	await refuse();
	await page.keyboard.press('2');
	await isGone();
	await refuse();
	await page.getByRole('tab', { name: 'History' }).click();
	await page.getByRole('option').nth(1).waitFor();
	expect(await refusal.count()).toBe(0);
	await page.getByRole('option').first().click();
	await page.getByRole('button', { name: 'Show the file' }).click();
	await refusal.waitFor();
	await page.getByRole('option').nth(1).click();
	await isGone();
	await editor.quit();
});

it('Refusals, what to do about them and what engines note are said in the panel’s language', async () => {
	const daemon = await startStage({ engine: 'none' });
	const editor = await openFilm(daemon);
	const peer = await connect(daemon);
	const said = {
		de: {
			refusal: 'Vor und nach diesen Bildern steht nichts, woraus sie werden könnten.',
			advice: 'Einen Platz mit einem Clip daneben wählen',
			note: 'Danach steht nichts: Der Entwurf entsteht allein aus dem Clip davor.',
			details: 'Einzelheiten',
			engine: 'Bewegung zwischen den Schnitten über einem Bett aus ihrem Ton',
		},
		ja: {
			refusal: 'このフレームの前にも後にも、もとになるものがありません。',
			advice: '隣にクリップのある場所か、クリップの一部を選んでください。',
			note: '後に何もないので、下書きは前のクリップだけから作られます。',
			details: '詳細',
			engine: 'カット間の動きと前後の音でつなぐ',
		},
	} as const;
	for (const language of ['de', 'ja'] as const) {
		const words = said[language];
		await peer.call('panel.remember', { key: 'language', value: language });
		await editor.change({ playhead: 130 });
		const page = await openPanelPage(daemon, editor, { width: 360, height: 640 });
		await page.getByText('A003_C014').first().waitFor();
		await page.keyboard.press('Alt+4');
		await page.getByText(words.refusal).waitFor();
		await page.getByText(words.advice).waitFor();
		const english = page.getByText('Expected a clip beside the range');
		expect(await english.isVisible()).toBe(false);
		await page.getByText(words.details).click();
		await english.waitFor();
		await page.keyboard.press('i');
		await pressable(page);
		await page.getByText(words.note).waitFor();
		expect(await page.getByText(/draft|Nothing|Choose/).count()).toBe(0);
		await page.getByRole('tab').nth(2).click();
		await page.getByText(words.engine).waitFor();
		await page.close();
	}
	await editor.quit();
});

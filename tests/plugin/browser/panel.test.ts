import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { type Daemon, endAllDaemons, temporaryFolder, until } from '../../daemon/harness.ts';
import type { Editor } from '../../fakes/editor.ts';
import { openFilm, openPanelPage, startStage } from '../stage.ts';
import { pressable } from '../states.ts';

const GAP = { start: 48, end: 108 };
const HOSTILE =
	'<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script>';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

describe('With nothing but the keyboard', () => {
	let daemon: Daemon;
	let editor: Editor;
	let page: Page;
	let gate: string;
	beforeAll(async () => {
		gate = join(await temporaryFolder(), 'gate');
		await mkdir(gate);
		daemon = await startStage({ engine: 'finisher', env: { PICKUP_FINISHER: gate } });
		editor = await openFilm(daemon);
		await editor.change({ playhead: 20 });
		page = await openPanelPage(daemon, editor);
		await page.getByText('A003_C011').first().waitFor();
	});
	afterAll(() => editor.quit());

	it('the playhead goes from edit to edit, and the way out of a verb that is greyed is read', async () => {
		await page.keyboard.press('ArrowDown');
		await page.getByText('Gap 1 of 1').waitFor();
		expect(editor.state().playhead).toBe(48);
		await page.keyboard.press('ArrowUp');
		await until('the start of the clip', () => editor.state().playhead === 0);
		const verbs = page.getByRole('radiogroup', { name: 'What to make' });
		await verbs.getByRole('radio', { name: 'Retake' }).focus();
		await page.keyboard.press('ArrowLeft');
		await page.keyboard.press('ArrowLeft');
		await page.keyboard.press('ArrowLeft');
		const fill = verbs.getByRole('radio', { name: 'Fill' });
		await until('focus on Fill', () => fill.evaluate(isFocused));
		await page.getByText('Fill needs a gap; the next is 2 s on.').waitFor();
		expect(await fill.getAttribute('aria-disabled')).toBe('true');
		expect(await fill.isChecked()).toBe(false);
		expect(await fill.getAttribute('aria-describedby')).toContain('hint');
	});

	it('the gap is filled, the job cancelled by Escape, and asked for again', async () => {
		await page.keyboard.press('Escape');
		await page.keyboard.press('ArrowDown');
		await page.getByText('Gap 1 of 1').waitFor();
		await page.keyboard.press('Alt+1');
		await page.getByLabel('Describe the shot').focus();
		await page.keyboard.type('wind over the hills');
		await page.getByText('60 frames, 320').waitFor();
		await pressable(page);
		await page.keyboard.press('Control+Enter');
		await page.getByText('62 %').first().waitFor();
		await until('the draft', () =>
			editor.cut().tracks[0]?.clips.some(({ range }) => range.start === GAP.start),
		);
		// Once out of the field, once to cancel.
		await page.keyboard.press('Escape');
		await page.keyboard.press('Escape');
		await page.getByRole('button', { name: 'Draft is in the cut' }).waitFor();
	});

	it('takes are made, compared at the same frame, starred, deleted, brought back and used', async () => {
		await editor.undo();
		await page.getByRole('button', { name: 'Place it again' }).waitFor();
		await page.getByRole('button', { name: 'Ask for something else here' }).focus();
		await page.keyboard.press('Enter');
		await page.getByRole('textbox', { name: 'Takes' }).focus();
		await page.keyboard.press('ArrowUp');
		await page.getByText('2 takes of 60 frames').waitFor();
		await pressable(page);
		await page.keyboard.press('Control+Enter');
		await writeFile(join(gate, 'go'), '');
		await page.getByRole('button', { name: 'Take 1 is in the cut' }).waitFor();
		await page.getByText('B: Take 2').waitFor();
		await page.locator('video.shown').waitFor();
		await until('the loop', () => page.locator('video.shown').evaluate(isReady));
		const position = page.getByRole('slider', { name: 'Position in the loop' });
		await position.focus();
		await page.keyboard.press('Home');
		await page.keyboard.press('Shift+ArrowRight');
		await page.keyboard.press('ArrowRight');
		expect(await position.getAttribute('aria-valuenow')).toBe('11');
		expect(await position.getAttribute('aria-valuetext')).toBe('01:00:01:11');
		await page.keyboard.press('x');
		await page.getByText('B: Take 2').first().waitFor();
		await page.getByRole('button', { name: 'Use Take 2' }).waitFor();
		expect(await position.getAttribute('aria-valuenow')).toBe('11');
		const shown = () => page.locator('video.shown').evaluate(frameOf);
		await until('the same frame of the other take', async () => (await shown()) === 11);
		await page.keyboard.press('s');
		await page.getByRole('button', { name: 'Star (S)', pressed: true }).waitFor();
		await page.keyboard.press('Delete');
		await page.getByText('Deleted.').waitFor();
		await page.locator('.take').nth(2).waitFor({ state: 'detached' });
		await page.keyboard.press('Control+z');
		await page.locator('.take').nth(2).waitFor();
		await page.keyboard.press('2');
		await page.getByRole('button', { name: 'Use Take 2' }).waitFor();
		await page.keyboard.press('Enter');
		await page.getByRole('button', { name: 'Take 2 is in the cut' }).waitFor();
		const clip = editor.cut().tracks[0]?.clips.find(({ range }) => range.start === GAP.start);
		expect(clip?.name).toMatch(/take 2$/);
	});

	it('an old clip is found in the history and placed once more', async () => {
		await editor.change({ playhead: 200 });
		await page.getByText('01:00:08:08').waitFor();
		await page.keyboard.press('Control+f');
		await until('focus on the search', () => page.getByRole('searchbox').evaluate(isFocused));
		await page.keyboard.type('wind');
		await page.keyboard.press('Tab');
		await page.keyboard.press('Tab');
		await page.keyboard.press('ArrowDown');
		await page.getByRole('option', { selected: true }).waitFor();
		await page.keyboard.press('Enter');
		await until('the clip after the film', () =>
			editor.cut().tracks[0]?.clips.some(({ range }) => range.start >= 156),
		);
		await page.keyboard.press('Control+1');
		await page.getByRole('tab', { name: 'Cut', selected: true }).waitFor();
	});
});

it('From nothing to a first draft in the cut it takes one press', async () => {
	const daemon = await startStage({ engine: 'none' });
	const editor = await openFilm(daemon);
	await editor.change({ playhead: 60 });
	const page = await openPanelPage(daemon, editor);
	await pressable(page);
	await page.keyboard.press('Enter');
	await page.getByRole('button', { name: /is in the cut/ }).waitFor();
	const clip = editor.cut().tracks[0]?.clips.find(({ range }) => range.start === GAP.start);
	expect(clip?.range).toEqual(GAP);
	await editor.quit();
});

it('Hostile names, prompts and paths are text, and the page breaks none of its own rules', async () => {
	const daemon = await startStage({ engine: 'finisher' });
	const editor = await openFilm(daemon);
	await editor.edit((cut) => ({
		...cut,
		sequence: { ...cut.sequence, name: HOSTILE },
		tracks: cut.tracks.map((track) => ({
			...track,
			clips: track.clips.map((clip) => ({ ...clip, name: HOSTILE })),
		})),
	}));
	await editor.change({
		playhead: 60,
		project: { ...editor.state().project!, name: HOSTILE },
		sequence: { id: 'cut', name: HOSTILE },
	});
	const page = await openPanelPage(daemon, editor);
	const broken: string[] = [];
	page.on('console', (message) => {
		if (message.type() === 'error' || message.type() === 'warning') broken.push(message.text());
	});
	page.on('pageerror', (error) => broken.push(String(error)));
	await page.reload();
	await page.getByLabel('Describe the shot').fill(HOSTILE);
	await pressable(page);
	await page.keyboard.press('Control+Enter');
	await page.getByRole('button', { name: /is in the cut/ }).waitFor();
	for (const tab of ['History', 'Setup', 'Cut']) {
		await page.getByRole('tab', { name: tab }).click();
	}
	expect(await page.locator('img[src="x"], script:not([src])').count()).toBe(0);
	expect(await page.title()).toBe('Pickup');
	expect(await page.getByText('onerror').count()).toBeGreaterThan(0);
	expect(broken).toEqual([]);
	expect(page.url()).toBe(`http://127.0.0.1:${daemon.port}/panel/`);
	await editor.quit();
});

it('A page that is loaded again is where it was, and one without its key says how to open it', async () => {
	const daemon = await startStage({ engine: 'finisher' });
	const editor = await openFilm(daemon);
	await editor.change({ playhead: 60 });
	const page = await openPanelPage(daemon, editor);
	await page.getByLabel('Describe the shot').fill('rain');
	await page.getByRole('tab', { name: 'Setup' }).click();
	await page.getByRole('heading', { name: 'This machine' }).waitFor();
	await page.reload();
	await page.getByRole('heading', { name: 'This machine' }).waitFor();
	await page.getByRole('tab', { name: 'Cut' }).click();
	expect(await page.getByLabel('Describe the shot').inputValue()).toBe('rain');
	const stranger = await openPanelPage(daemon, editor);
	await stranger.goto(`http://127.0.0.1:${daemon.port}/panel/?again`);
	await stranger.getByRole('heading', { name: 'This page needs its key' }).waitFor();
	await editor.quit();
});

it('What is chosen in one panel for all of them shows in every one', async () => {
	const daemon = await startStage({ engine: 'finisher' });
	const editor = await openFilm(daemon);
	const pages = [await openPanelPage(daemon, editor), await openPanelPage(daemon, editor)] as const;
	const [first, second] = pages;
	await first.getByRole('tab', { name: 'Setup' }).click();
	await first.getByRole('button', { name: /Language/ }).click();
	await first.getByRole('option', { name: '日本語' }).click();
	for (const page of pages) await page.getByRole('tab', { name: '履歴' }).waitFor();
	await first.getByText('ライト').click();
	await until('the light theme', () =>
		second.evaluate('document.documentElement.dataset.theme === "light"'),
	);
	await editor.quit();
});

/** In the page, where these are elements. */
const isFocused = (element: { readonly ownerDocument: { readonly activeElement: unknown } }) =>
	element.ownerDocument.activeElement === element;
const isReady = (video: { readonly readyState: number; readonly seeking: boolean }) =>
	video.readyState >= 2 && !video.seeking;
const frameOf = (video: { readonly currentTime: number }) => Math.floor(video.currentTime * 24);

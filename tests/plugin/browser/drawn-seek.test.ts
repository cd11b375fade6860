import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { endAllDaemons, until } from '../../daemon/harness.ts';
import { openFilm, openPanelPage, startStage } from '../stage.ts';
import { pressable, settled } from '../states.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

/** As a busy browser: it says that a video is where it was sought, and goes on showing what it showed. */
const LOSES_SEEKS = `
	const { get, set } = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, 'currentTime');
	const lost = new WeakMap();
	const said = new WeakMap();
	Object.defineProperty(HTMLMediaElement.prototype, 'currentTime', {
		get() { return said.get(this) ?? get.call(this); },
		set(time) {
			const count = lost.get(this) ?? 0;
			lost.set(this, count + 1);
			if (count < (globalThis.seeksLost ?? 0)) said.set(this, time);
			else { said.delete(this); set.call(this, time); }
		},
	});`;

it('On returning to a filled gap the picture is of the frame that the timecode says, also where the browser lost a seek', async () => {
	const daemon = await startStage({ engine: 'none' });
	const editor = await openFilm(daemon);
	await editor.change({ playhead: 60 });
	const page = await openPanelPage(daemon, editor, {}, async (opened) => {
		await opened.addInitScript({ content: LOSES_SEEKS });
	});
	await pressable(page);
	await page.keyboard.press('Enter');
	await page.getByRole('button', { name: /is in the cut/ }).waitFor();
	const video = page.locator('video.shown');
	await video.waitFor();
	await page.locator('.viewer').getByText('01:00:02:00').waitFor();
	await settled(page);
	const first = await video.screenshot();
	await page.keyboard.press('ArrowLeft');
	await page.locator('.viewer').getByText('01:00:01:23').waitFor();
	await settled(page);
	expect(first.equals(await video.screenshot())).toBe(false);

	await page.evaluate('globalThis.seeksLost = 6');
	await editor.change({ playhead: 20 });
	await video.waitFor({ state: 'detached' });
	await editor.change({ playhead: 60 });
	await video.waitFor();
	await page.locator('.viewer').getByText('01:00:02:00').waitFor();
	await until('the picture of that frame', async () => first.equals(await video.screenshot()));
	await editor.quit();
});

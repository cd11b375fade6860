import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, it } from 'vitest';
import { run } from '../../demo/ffmpeg.ts';
import { closeBrowser } from '../browser.ts';
import { connect, endAllDaemons, temporaryFolder } from '../daemon/harness.ts';
import { drawInBundledFonts } from './bundled-fonts.ts';
import { openDemoFilm } from './demo-film.ts';
import { openPanelPage, startStage } from './stage.ts';
import { pressable, settled, visitStates } from './states.ts';

const FOLDER = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const SIZES = [
	[280, 640],
	[360, 640],
	[900, 600],
] as const;

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

it('every state is pictured at every width, dark and light', async () => {
	await rm(FOLDER, { recursive: true, force: true });
	await mkdir(FOLDER, { recursive: true });
	const raw = await temporaryFolder();
	await visitStates(
		async (name, page) => {
			await drawInBundledFonts(page);
			// What the pointer or the focus happens to be on is not of the state.
			await page.mouse.move(0, 0);
			await page.evaluate('document.activeElement.blur()');
			if (name === 'gap') await page.getByLabel('Describe the shot').focus();
			for (const theme of ['dark', 'light'] as const) {
				await page.emulateMedia({ colorScheme: theme });
				for (const [width, height] of SIZES) {
					await page.setViewportSize({ width, height });
					await settled(page);
					const file = `${name}-${width}${theme === 'light' ? '-light' : ''}.png`;
					await picture(page, join(raw, file), join(FOLDER, file));
				}
			}
		},
		{ openIn: openDemoFilm, context: { bypassCSP: true, reducedMotion: 'reduce' } },
	);
});

it('the other languages are pictured too', async () => {
	const raw = await temporaryFolder();
	const daemon = await startStage({ engine: 'finisher' });
	const editor = await openDemoFilm(daemon);
	await editor.change({ playhead: 51 });
	const peer = await connect(daemon);
	for (const language of ['de', 'ja']) {
		await peer.call('panel.remember', { key: 'language', value: language });
		const page = await openPanelPage(daemon, editor, {
			width: 360,
			height: 640,
			context: { bypassCSP: true, reducedMotion: 'reduce' },
		});
		await page.locator('.number input').first().fill('418207');
		await pressable(page);
		await page.evaluate('document.activeElement.blur()');
		await drawInBundledFonts(page);
		await settled(page);
		const file = `gap-360-${language}.png`;
		await picture(page, join(raw, file), join(FOLDER, file));
	}
	await editor.quit();
});

/** In few colours, which keeps it small and is not seen. */
async function picture(page: Page, from: string, to: string): Promise<void> {
	await writeFile(from, await page.screenshot());
	const palette =
		'split[a][b];[a]palettegen=max_colors=160:stats_mode=full[p];[b][p]paletteuse=dither=bayer:bayer_scale=4';
	await run('ffmpeg', ['-y', '-loglevel', 'error', '-i', from, '-vf', palette, to]);
}

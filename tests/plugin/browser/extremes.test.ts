import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { connect, endAllDaemons, temporaryFolder } from '../../daemon/harness.ts';
import { type Editor, openEditor } from '../../fakes/editor.ts';
import { drawInBundledFonts } from '../bundled-fonts.ts';
import { filmOf, openPanelPage, shoot, startStage } from '../stage.ts';
import { primary, settled } from '../states.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

/** A narrow dock, the usual one, and 900 × 700 at 200 %. */
const SIZES = [
	[280, 640],
	[360, 640],
	[450, 350],
] as const;

const LONG_NAME = `A003_C011_${'0123456789'.repeat(19)}`;
const LONG_PROMPT = 'Wolkenverhangene Mittelgebirgslandschaft im ersten Licht. '
	.repeat(40)
	.slice(0, 2000);

/** 20 minutes at 59.94 frames a second. */
const LONG_GAP = { start: 99, end: 99 + 71_928 };

it('the longest names and prompts, the shortest and the longest gap and many takes cut nothing off, in any language', async () => {
	const gate = join(await temporaryFolder(), 'gate');
	await mkdir(gate);
	const daemon = await startStage({ engine: 'finisher', env: { PICKUP_FINISHER: gate } });
	const editor = await openLongFilm(daemon);
	const peer = await connect(daemon);
	const found: string[] = [];
	const look = async (page: Page, state: string) => {
		for (const [width, height] of SIZES) {
			await page.setViewportSize({ width, height });
			await settled(page);
			const where = `${state} ${width}`;
			if (process.env.PICKUP_LOOK) {
				await page.screenshot({ path: join(process.env.PICKUP_LOOK, `${where}.png`) });
			}
			for (const fault of await faultsOf(page)) found.push(`${where}: ${fault}`);
		}
	};
	for (const language of ['en', 'de', 'ja'] as const) {
		await peer.call('panel.remember', { key: 'language', value: language });
		await editor.change({ playhead: 49 });
		const page = await openPanelPage(daemon, editor, {
			width: 360,
			height: 640,
			context: { bypassCSP: true, reducedMotion: 'reduce' },
		});
		await page.locator(`:root[lang="${language}"] .prompt-text`).fill(LONG_PROMPT);
		await drawInBundledFonts(page);
		await page.getByText('00:00:00;49').first().waitFor();
		await look(page, `short gap ${language}`);
		await editor.change({ playhead: 5000 });
		await page.getByText('00:20:00;00').waitFor();
		await look(page, `long gap ${language}`);
		await editor.change({ playhead: 20 });
		await page.locator('.range').waitFor();
		await look(page, `clip ${language}`);
		for (const tab of [1, 2]) {
			await page.getByRole('tab').nth(tab).click();
			await look(page, `tab ${tab} ${language}`);
		}
		await page.getByRole('tab').first().click();
		if (language === 'ja') {
			await manyTakes(page, editor);
			for (const each of ['ja', 'de', 'en'] as const) {
				await peer.call('panel.remember', { key: 'language', value: each });
				await page.locator(`:root[lang="${each}"]`).waitFor();
				await look(page, `many takes ${each}`);
			}
			await writeFile(join(gate, 'fail'), '');
			await page.getByRole('alert').waitFor();
			await look(page, 'many failed en');
		}
		await page.close();
	}
	await editor.quit();
	expect(found).toEqual([]);
});

/** Eight and their draft, of three frames. */
async function manyTakes(page: Page, editor: Editor): Promise<void> {
	await editor.change({ playhead: 49 });
	const more = page.locator('.takes-field [slot=increment]');
	for (let takes = 1; takes < 8; takes++) await more.click();
	await page.locator('.plan[data-asking="false"]').waitFor();
	await primary(page).click();
	await page.locator('.take').nth(8).waitFor();
	await page.locator('.phases').waitFor();
}

/** In drop-frame timecode of 59.94. */
async function openLongFilm(daemon: { port: number; token: string }): Promise<Editor> {
	const folder = await temporaryFolder();
	const left = await shoot(folder, 'left', 'testsrc2', 220);
	const right = await shoot(folder, 'right', 'smptehdbars', 330);
	const film = filmOf(left, right);
	const tracks = film.tracks.map((track) => {
		const [first, second] = track.clips;
		const late = { start: LONG_GAP.end, end: LONG_GAP.end + 48 };
		return {
			...track,
			clips: [
				{ ...first!, name: LONG_NAME },
				{ ...second!, name: LONG_NAME, range: { start: 51, end: LONG_GAP.start } },
				{ ...second!, name: LONG_NAME, range: late },
			],
		};
	});
	const sequence = {
		...film.sequence,
		name: LONG_NAME,
		rate: { num: 60_000, den: 1001 },
		dropFrame: true,
		startFrame: 0,
		duration: LONG_GAP.end + 48,
	};
	const path = join(folder, 'Long.project');
	return openEditor(daemon, { ...film, sequence, tracks }, { path });
}

/** What reaches beyond its box and is not meant to be cut, and what cannot be pressed. */
async function faultsOf(page: Page): Promise<readonly string[]> {
	return page.evaluate<string[]>(`(() => {
		const faults = [];
		const say = (element) => (element.className || element.tagName) + ' "' + element.textContent.slice(0, 40) + '"';
		const { clientWidth, scrollWidth } = document.documentElement;
		if (scrollWidth > clientWidth) faults.push('the page scrolls sideways');
		for (const element of document.querySelectorAll('button, input:not([type=radio]):not([type=checkbox]), .segment, .label, .take-name, .caption, .plan p, dd, dt, h2, .timecode, .length, .timecodes span, .range-timecodes span, .model-state')) {
			const box = element.getBoundingClientRect();
			if (box.width === 0 || element.closest('.unseen')) continue;
			if (box.left < -0.5 || box.right > clientWidth + 0.5) faults.push('beyond the edge: ' + say(element));
			const isCut = element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0;
			if (isCut && !element.querySelector('.cut-off') && !element.classList.contains('cut-off')) faults.push('cut off: ' + say(element));
		}
		const stage = document.querySelector('.stage');
		for (const commit of stage.querySelectorAll('.commit, .away')) {
			const box = commit.getBoundingClientRect();
			const sticks = getComputedStyle(commit).position === 'sticky';
			if (sticks && box.height > innerHeight * 0.4) faults.push('the press takes the room of all else: ' + Math.round(box.height));
		}
		// In a low window it is scrolled to.
		const primary = innerHeight > 420 && document.querySelector('[data-primary]')?.getBoundingClientRect();
		if (primary && (primary.bottom > innerHeight || primary.top < 0)) faults.push('the button is below the fold');
		return faults;
	})()`);
}

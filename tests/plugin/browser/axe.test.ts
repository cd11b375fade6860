import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { connect, endAllDaemons, until } from '../../daemon/harness.ts';
import { openFilm, openPanelPage, startStage } from '../stage.ts';
import { settled, visitStates } from '../states.ts';

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

/** The first is a narrow dock at large zoom. */
const SIZES = [
	[200, 640],
	[280, 640],
	[360, 640],
	[900, 600],
] as const;

it('no state has anything that axe finds serious, nor scrolls sideways, in either theme and at any width', async () => {
	const path = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
	const axe = await readFile(path, 'utf8');
	/** What was found, and where. */
	const found: Record<string, string[]> = {};
	const note = (fault: string, where: string) => {
		found[fault] = [...(found[fault] ?? []), where];
	};
	await visitStates(async (name, page) => {
		for (const theme of ['dark', 'light'] as const) {
			await page.emulateMedia({ colorScheme: theme });
			for (const [width, height] of SIZES) {
				await page.setViewportSize({ width, height });
				await settled(page);
				const where = `${name} at ${width}, ${theme}`;
				for (const fault of await faultsOf(page, axe)) note(fault, where);
				const isWide = await page.evaluate<boolean>(
					'document.documentElement.scrollWidth > document.documentElement.clientWidth || [...document.querySelectorAll(".stage, .below, .request, .side-column")].some((e) => e.scrollWidth > e.clientWidth)',
				);
				if (isWide) note('it scrolls sideways', where);
			}
		}
	});
	expect(found).toEqual({});
});

/** What axe finds serious or critical. */
async function faultsOf(page: Page, axe: string): Promise<readonly string[]> {
	// The page's policy lets no script in but its own; the browser's own console may.
	await page.evaluate(axe);
	return page.evaluate<
		string[]
	>(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
		violations
			.filter(({ impact }) => impact === 'serious' || impact === 'critical')
			.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 160) + ' ' + failureSummary.slice(0, 300))))`);
}

it('no verb and no button is cut off, in any language', async () => {
	const daemon = await startStage({ engine: 'finisher' });
	const editor = await openFilm(daemon);
	await editor.change({ playhead: 51 });
	const peer = await connect(daemon);
	const page = await openPanelPage(daemon, editor);
	const found: string[] = [];
	for (const language of ['de', 'ja', 'en']) {
		await peer.call('panel.remember', { key: 'language', value: language });
		await until('the language', () =>
			page.evaluate(`document.documentElement.lang === '${language}'`),
		);
		for (const [width, height] of SIZES) {
			await page.setViewportSize({ width, height });
			await settled(page);
			const cut = await page.evaluate<string[]>(
				'[...document.querySelectorAll(".segment, .button, .tab, .stage")].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent.slice(0, 60))',
			);
			for (const text of cut) found.push(`${language} at ${width}: ${text}`);
		}
	}
	await editor.quit();
	expect(found).toEqual([]);
});

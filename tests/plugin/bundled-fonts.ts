import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type { Page } from 'playwright-core';

const PACKAGES = ['inter', 'noto-sans-jp'] as const;
const FOLDER = '/panel/bundled-fonts';

/**
 * Draws a page in fonts that come from npm, so that it looks the same on every machine. The page has
 * to be opened with `bypassCSP`.
 */
export async function drawInBundledFonts(page: Page): Promise<void> {
	const { resolve } = createRequire(import.meta.url);
	const folders = PACKAGES.map((name) =>
		dirname(resolve(`@fontsource-variable/${name}/package.json`)),
	);
	await page.route(`**${FOLDER}/*`, async (route) => {
		const name = basename(new URL(route.request().url()).pathname);
		const folder = folders[name.startsWith('inter') ? 0 : 1]!;
		await route.fulfill({ body: await readFile(join(folder, 'files', name)) });
	});
	const sheets = await Promise.all(
		folders.map((folder) => readFile(join(folder, 'wght.css'), 'utf8')),
	);
	const content = [
		...sheets.map((sheet) => sheet.replaceAll('./files/', `${FOLDER}/`)),
		':root { --font: "Inter Variable", "Noto Sans JP Variable", sans-serif; }',
	].join('\n');
	await page.addStyleTag({ content });
	await page.evaluate('document.fonts.ready.then(() => true)');
}

import { execFile } from 'node:child_process';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { closeBrowser } from '../../browser.ts';
import { endAllDaemons, temporaryFolder } from '../../daemon/harness.ts';
import { drawInBundledFonts } from '../bundled-fonts.ts';
import { openDemoFilm } from '../demo-film.ts';
import { openPanelPage, startStage } from '../stage.ts';
import { pressable, settled } from '../states.ts';

const SIZE = { width: 900, height: 600 };

/** How far a pixel may be off on average, of 255: colours of the kept picture are rounded. */
const NEAR = 3;

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

it('the picture in the README is what the panel looks like', async () => {
	const daemon = await startStage({ engine: 'finisher' });
	const editor = await openDemoFilm(daemon);
	await editor.change({ playhead: 51 });
	const page = await openPanelPage(daemon, editor, {
		...SIZE,
		context: { bypassCSP: true, reducedMotion: 'reduce' },
	});
	await page.getByLabel('Describe the shot').fill('the camera goes on over the hills, first light');
	await page.getByRole('textbox', { name: 'Seed' }).fill('418207');
	await page.locator('.takes-field [slot=increment]').click();
	await page.locator('.takes-field [slot=increment]').click();
	await page.getByText('3 takes of 60 frames').waitFor();
	await pressable(page);
	await page.mouse.move(0, 0);
	await page.getByLabel('Describe the shot').focus();
	await drawInBundledFonts(page);
	await settled(page);
	const now = join(await temporaryFolder(), 'now.png');
	await writeFile(now, await page.screenshot());
	await editor.quit();
	const kept = fileURLToPath(new URL('../../../docs/screenshots/gap-900.png', import.meta.url));
	const [ours, theirs] = await Promise.all([pixels(now), pixels(kept)]);
	expect(ours.length).toBe(theirs.length);
	let off = 0;
	for (let i = 0; i < ours.length; i++) off += Math.abs(ours[i]! - theirs[i]!);
	const advice = 'Look at the panel, then run: node scripts/screenshots.mjs';
	expect(off / ours.length, advice).toBeLessThan(NEAR);
});

it('every state is pictured at three widths in both themes, and no picture is heavier than 100 kB', async () => {
	const folder = fileURLToPath(new URL('../../../docs/screenshots/', import.meta.url));
	const names = await readdir(folder);
	const states = new Set(names.map((name) => name.replace(/-\d+(-\w+)?\.png$/, '')));
	expect(states.size).toBeGreaterThan(14);
	for (const state of states) {
		for (const width of [280, 360, 900]) {
			expect(names).toContain(`${state}-${width}.png`);
			expect(names).toContain(`${state}-${width}-light.png`);
		}
	}
	for (const name of names) {
		const { size } = await stat(join(folder, name));
		expect(size, name).toBeLessThan(100_000);
	}
});

async function pixels(path: string): Promise<Uint8Array> {
	const args = ['-loglevel', 'error', '-i', path, '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'];
	const { stdout } = await promisify(execFile)('ffmpeg', args, {
		encoding: 'buffer',
		maxBuffer: 64 * 1024 * 1024,
	});
	return stdout;
}

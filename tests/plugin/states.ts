import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { PageOptions } from '../browser.ts';
import { type Daemon, temporaryFolder, until } from '../daemon/harness.ts';
import type { Editor } from '../fakes/editor.ts';
import { openFilm, openPanelPage, startStage } from './stage.ts';

export type Visit = (name: string, page: Page, editor: Editor | null) => Promise<void>;
/** `context`: what else the browser is told of the pages. */
export type Options = PageOptions & { readonly openIn?: FilmOpener };
export type FilmOpener = (daemon: Pick<Daemon, 'port' | 'token'>) => Promise<Editor>;

/** Where the gap of the film is. */
const IN_GAP = 51;
const IN_CLIP = 24;

/**
 * Goes through every state of the panel as a person comes to it, with a real daemon, a small engine
 * that waits where it is told to, and a small editor; calls `visit` in each.
 */
export async function visitStates(visit: Visit, options: Options = {}): Promise<void> {
	const { openIn = openFilm } = options;
	const gate = join(await temporaryFolder(), 'gate');
	await mkdir(gate);
	const daemon = await startStage({ engine: 'finisher', env: { PICKUP_FINISHER: gate } });
	const page = await openPanelPage(daemon, null, options);
	await page.getByRole('heading', { name: 'No editor is connected' }).waitFor();
	await visit('no-editor', page, null);

	const editor = await openIn(daemon);
	const { sequence } = editor.state();
	await editor.change({ sequence: null });
	await page.getByRole('heading', { name: /No sequence open/ }).waitFor();
	await visit('no-sequence', page, editor);

	await editor.change({ sequence, playhead: IN_GAP });
	await page.getByLabel('Describe the shot').fill('the camera goes on over the hills, first light');
	await page.getByRole('textbox', { name: 'Seed' }).fill('418207');
	await page.locator('.takes-field [slot=increment]').click();
	await page.locator('.takes-field [slot=increment]').click();
	await page.getByText('3 takes of 60 frames').waitFor();
	await pressable(page);
	await page.keyboard.press('Escape');
	await visit('gap', page, editor);

	await editor.change({ playhead: IN_CLIP });
	await page.getByRole('slider', { name: 'In', exact: true }).waitFor();
	await page.keyboard.press('Escape');
	await page.keyboard.press('i');
	await editor.change({ playhead: IN_CLIP + 11 });
	await page.getByText('01:00:01:11').first().waitFor();
	await page.keyboard.press('o');
	await pressable(page);
	await visit('clip', page, editor);

	await editor.change({ playhead: IN_GAP });
	await page.getByText('3 takes of 60 frames').waitFor();
	await pressable(page);
	await primary(page).click();
	await page.getByText('62 %').first().waitFor();
	await page.getByText('in the cut').first().waitFor();
	await editor.change({ playhead: IN_CLIP });
	await page.getByRole('button', { name: /^Add to the queue/ }).waitFor();
	await page.getByLabel('Describe the shot').fill('same shot, no bird crossing the sun');
	await pressable(page);
	await primary(page).click();
	await page.getByText('Retake 01:00:01:00, Take 3').waitFor();
	await editor.change({ playhead: IN_GAP });
	await page.getByText('Take 1 of 3').waitFor();
	await visit('running', page, editor);

	await writeFile(join(gate, 'fail-one'), '');
	await page.getByRole('heading', { name: 'Memory ran out' }).waitFor();
	await page.getByText('62 %').first().waitFor();
	await visit('error', page, editor);

	await page.getByRole('button', { name: 'Try Take 1 again' }).click();
	await page.getByText('Take 2 of 3').waitFor();
	await writeFile(join(gate, 'go'), '');
	await page.getByText('Measured, not a grade').waitFor();
	await page.getByRole('button', { name: 'Take 3', exact: false }).first().click();
	await page.getByRole('button', { name: 'Use Take 3' }).waitFor();
	await page.keyboard.press('s');
	await page.getByRole('button', { name: 'Star (S)', pressed: true }).waitFor();
	await visit('takes', page, editor);

	await page.getByRole('tab', { name: 'History' }).click();
	await page.getByRole('option').nth(1).click();
	await page.getByText(/on the disk/).waitFor();
	await visit('history', page, editor);

	await page.getByRole('tab', { name: 'Setup' }).click();
	await page.getByText('ffmpeg', { exact: true }).waitFor();
	await visit('setup', page, editor);
	await page.getByRole('tab', { name: 'Cut' }).click();
	await editor.quit();
	await page.close();

	await visitConflict(visit, options);
	await visitFirstRun(visit, options);
	await visitAtWork(visit, options);
	await visitLinks(visit, options);
	await visitAway(visit, options);
}

/** The gap is closed by the person while the clip is made. */
async function visitConflict(visit: Visit, options: Options): Promise<void> {
	const { openIn = openFilm } = options;
	const gate = join(await temporaryFolder(), 'gate');
	await mkdir(gate);
	const daemon = await startStage({ engine: 'finisher', env: { PICKUP_FINISHER: gate } });
	const editor = await openIn(daemon);
	await editor.change({ playhead: IN_GAP });
	const page = await openPanelPage(daemon, editor, options);
	await page.getByLabel('Describe the shot').fill('wind');
	await page.getByText('Place one in the cut meanwhile').click();
	await pressable(page);
	await primary(page).click();
	await page.getByText('62 %').first().waitFor();
	await editor.edit((cut) => ({
		...cut,
		tracks: cut.tracks.map((track) => ({
			...track,
			clips: track.clips.map((clip) =>
				clip.range.start < 100 || clip.range.start > 110
					? clip
					: { ...clip, range: { start: clip.range.start - 60, end: clip.range.end - 60 } },
			),
		})),
	}));
	await editor.change({ playhead: 48 });
	await writeFile(join(gate, 'go'), '');
	await page.getByRole('heading', { name: 'The gap closed while the clip was made' }).waitFor();
	await page.getByText('Above, over the cut').click();
	await visit('conflict', page, editor);
	await editor.quit();
	await page.close();
}

/** The editor is closed while something is made for it. */
async function visitAtWork(visit: Visit, options: Options): Promise<void> {
	const { openIn = openFilm } = options;
	const gate = join(await temporaryFolder(), 'gate');
	await mkdir(gate);
	const daemon = await startStage({ engine: 'finisher', env: { PICKUP_FINISHER: gate } });
	const editor = await openIn(daemon);
	await editor.change({ playhead: IN_GAP });
	const page = await openPanelPage(daemon, editor, options);
	await page.getByLabel('Describe the shot').fill('the camera goes on over the hills, first light');
	await page.locator('.takes-field [slot=increment]').click();
	await page.getByText('2 takes of 60 frames').waitFor();
	await pressable(page);
	await primary(page).click();
	await page.getByText('62 %').first().waitFor();
	await editor.quit();
	await page.getByRole('heading', { name: 'Still at work' }).waitFor();
	await visit('at-work', page, null);
	await page.close();
}

/** The panel before the engine answers, and on one that is of another version. */
async function visitLinks(visit: Visit, options: Options): Promise<void> {
	const daemon = await startStage({ engine: 'none' });
	const connecting = await openPanelPage(daemon, null, options, (page) =>
		page.routeWebSocket(/./, () => {}),
	);
	await connecting.getByText('Connecting').waitFor();
	await visit('connecting', connecting, null);
	await connecting.close();
	const older = await openPanelPage(daemon, null, options, (page) =>
		page.routeWebSocket(/./, (socket) => {
			const server = socket.connectToServer();
			socket.onMessage((text) =>
				server.send(String(text).replace(/"protocol":\d+/, '"protocol":1')),
			);
		}),
	);
	await older.getByRole('heading', { name: 'The panel is older than the engine' }).waitFor();
	await visit('older', older, null);
	await older.close();
}

/** Only drafts can be made, and none was yet. */
async function visitFirstRun(visit: Visit, options: Options): Promise<void> {
	const { openIn = openFilm } = options;
	const daemon = await startStage({ engine: 'none' });
	const editor = await openIn(daemon);
	await editor.change({ playhead: IN_GAP });
	const page = await openPanelPage(daemon, editor, options);
	await page.getByText('Drafts are ready').waitFor();
	await pressable(page);
	await visit('first-run', page, editor);
	await editor.quit();
	await page.close();
}

async function visitAway(visit: Visit, options: Options): Promise<void> {
	const { openIn = openFilm } = options;
	const daemon = await startStage({ engine: 'finisher' });
	const editor = await openIn(daemon);
	await editor.change({ playhead: IN_GAP });
	const page = await openPanelPage(daemon, editor, options);
	await page.getByRole('textbox', { name: 'Seed' }).fill('418207');
	await pressable(page);
	await settled(page);
	daemon.child.kill('SIGKILL');
	await daemon.ended;
	await page.getByRole('alert').waitFor();
	await visit('engine-away', page, editor);
	await page.close();
}

/** Waits until everything that is asked for is drawn. */
export async function settled(page: Page): Promise<void> {
	await until('all to be drawn', () =>
		page.evaluate<boolean>(
			// A new width is drawn by the next frame, and what it asks for by the one after.
			`(async () => { for (let frames = 3; frames > 0; frames--)
				await new Promise((drawn) => requestAnimationFrame(drawn));
			return ![...document.querySelectorAll('[data-asking="true"]')].some((e) => e.getClientRects().length > 0)
			&& [...document.images].every((image) => image.complete)
			&& [...document.querySelectorAll('video')].every((video) => video.readyState >= 2 && !video.seeking); })()`,
		),
	);
}

export function primary(page: Page) {
	return page.locator('[data-primary]');
}

/** Waits until the one button can be pressed, and what it will do is known. */
export async function pressable(page: Page): Promise<void> {
	await page.locator('.plan[data-asking="true"]').waitFor({ state: 'detached' });
	await page.locator('[data-primary][aria-disabled="false"]').waitFor();
}

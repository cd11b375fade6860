import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Cut, Track } from '../../../protocol/timeline.ts';
import { closeBrowser } from '../../browser.ts';
import { endAllDaemons, temporaryFolder, until } from '../../daemon/harness.ts';
import type { Editor } from '../../fakes/editor.ts';
import { openFilm, openPanelPage, startStage } from '../stage.ts';
import { pressable } from '../states.ts';

/** An editor that adds no tracks, and music on all that there are. */

const IN_GAP = 60;
const OLD = { can: { addTracks: false } } as const;

afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

it('Before anything is made the person is told, and takes the picture alone', async () => {
	const daemon = await startStage({ engine: 'none' });
	const editor = await openFilm(daemon, OLD);
	await editor.edit(withMusic);
	await editor.change({ playhead: IN_GAP });
	const page = await openPanelPage(daemon, editor);
	await page.getByText('No audio track is free there.').waitFor();
	await page.getByText('Add an audio track in the editor, then press again.').waitFor();
	const press = page.getByRole('button', { name: /^Place a draft/ });
	expect(await press.getAttribute('aria-disabled')).toBe('true');
	await page.getByRole('button', { name: 'Picture only' }).click();
	await page.getByText(/Lands on V1 .* Its sound stays out\./).waitFor();
	await page.getByRole('button', { name: 'With its sound' }).click();
	await page.getByText('No audio track is free there.').waitFor();
	await page.getByRole('button', { name: 'Picture only' }).click();
	await pressable(page);
	await press.click();
	await until('the picture', () => placed(editor).length > 0);
	expect(placed(editor)).toEqual(['V1 48–108']);
	await page.getByRole('button', { name: /^Take 1 is in the cut/ }).waitFor();
	await editor.quit();
});

it('What went into the bin is a take like any, and its picture alone can be placed', async () => {
	const daemon = await startStage({ engine: 'none' });
	const editor = await openFilm(daemon, OLD);
	await editor.edit(withMusic);
	await editor.change({ playhead: IN_GAP });
	const page = await openPanelPage(daemon, editor);
	await page.getByRole('button', { name: 'Into the bin' }).click();
	await page.getByText('Goes into the bin; the cut stays as it is.').waitFor();
	await pressable(page);
	await page.getByRole('button', { name: /^Place a draft/ }).click();
	await until('the clip in the bin', () => editor.bin().length === 1);
	expect(placed(editor)).toEqual([]);
	await page.getByRole('button', { name: /^Use Take 1/ }).click();
	await page.getByText('No audio track is free there.').waitFor();
	await page.getByRole('button', { name: 'Picture only' }).click();
	await until('the picture', () => placed(editor).length > 0);
	expect(placed(editor)).toEqual(['V1 48–108']);
	await editor.quit();
});

it('Where the track was taken meanwhile it can be the picture alone, or all of it once a track was added', async () => {
	const gate = join(await temporaryFolder(), 'gate');
	await mkdir(gate);
	const daemon = await startStage({ engine: 'finisher', env: { PICKUP_FINISHER: gate } });
	const editor = await openFilm(daemon, OLD);
	await editor.change({ playhead: IN_GAP });
	const page = await openPanelPage(daemon, editor);
	await page.getByLabel('Describe the shot').fill('wind');
	await page.getByText('Place one in the cut meanwhile').click();
	await pressable(page);
	await page.getByRole('button', { name: /^Fill the gap/ }).click();
	await page.getByText('62 %').first().waitFor();
	await editor.edit(withMusic);
	await writeFile(join(gate, 'go'), '');
	await page.getByText(/^No audio track is free there\. Nothing was overwritten/).waitFor();
	expect(await page.getByText('Above, over the cut').count()).toBe(0);
	await page.getByText('All of it, once a track is free').click();
	await page.getByRole('button', { name: /^Place all of it/ }).click();
	await page.getByText('Add an audio track in the editor').nth(1).waitFor();
	expect(placed(editor)).toEqual([]);
	await page.getByText('Picture only').first().click();
	await page.getByRole('button', { name: /^Place the picture/ }).click();
	await until('the picture', () => placed(editor).length > 0);
	expect(placed(editor)).toEqual(['V1 48–108']);
	await page.getByRole('button', { name: /^Take 1 is in the cut/ }).waitFor();

	await editor.undo();
	await editor.edit((cut) => ({ ...cut, tracks: [...cut.tracks, emptyTrack(cut)] }));
	await page.getByRole('button', { name: /^Place it again/ }).click();
	await until('all of it', () => placed(editor).length > 0);
	expect(placed(editor)).toEqual(['V1 48–108', 'A2 48–108']);
	await editor.quit();
});

/** The right clip's sound begins with the gap. */
function withMusic(cut: Cut): Cut {
	const lengthened = (track: Track): Track => ({
		...track,
		clips: track.clips.map((clip) =>
			clip.range.start === 108 ? { ...clip, range: { start: 48, end: 156 } } : clip,
		),
	});
	const tracks = cut.tracks.map((track) => (track.kind === 'audio' ? lengthened(track) : track));
	return { ...cut, tracks };
}

function emptyTrack({ tracks }: Cut): Track {
	return { ...tracks.find(({ kind }) => kind === 'audio')!, name: 'A2', index: 1, clips: [] };
}

/** Clips of ours. */
function placed(editor: Editor): readonly string[] {
	return editor
		.cut()
		.tracks.flatMap(({ name, clips }) =>
			clips
				.filter((clip) => clip.name.startsWith('Pickup'))
				.map(({ range }) => `${name} ${range.start}–${range.end}`),
		);
}

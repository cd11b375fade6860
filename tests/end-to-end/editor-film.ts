import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeBrowser } from '../browser.ts';
import {
	connect,
	crash,
	type Daemon,
	endAllDaemons,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';
import { makeShot, render, toneLevel } from '../host-bridge/mlt-render.ts';
import { startStage } from '../plugin/stage.ts';
import { pressable } from '../plugin/states.ts';

/** The film at 24 frames a second, in frames: two shots with sound, `left` and `right`, and a gap. */
export const FILM = { shot: 48, gap: { start: 48, end: 108 }, right: 108, end: 156 } as const;

/** A simulated editor with the film open, as it is in its own model. */
export type FilmEditor = {
	readonly program: string;
	readonly putPlayhead: (frame: number) => Eventually<void>;
	/** What stands in the gap. */
	readonly inGap: () => Eventually<readonly Standing[]>;
	readonly hasDraftColour: () => Eventually<boolean>;
	/**
	 * How the person comes back from the second take: by undo until something in the cut has changed,
	 * which is the first take again; or, where the simulator has no undo, by taking it out.
	 */
	readonly back: 'undo' | 'take out';
	readonly goBack: () => Eventually<void>;
	/** All of that again as it was. */
	readonly goForth: () => Eventually<void>;
	readonly mlt: () => Eventually<string>;
};

/** A simulator may be another process. */
type Eventually<T> = T | Promise<T>;

export type Standing = {
	readonly kind: 'video' | 'audio';
	readonly start: number;
	readonly end: number;
	readonly path: string | null;
};

/** The panel as the editor draws it. */
export type DrawnPanel = {
	readonly page: Page;
	/** The page starts a daemon itself where none runs. */
	readonly startsDaemon: boolean;
	/** Another daemon runs: the page becomes its panel. */
	readonly follow: (daemon: Daemon) => Promise<void>;
};

export type FilmStage = {
	readonly folder: string;
	readonly left: string;
	readonly right: string;
	readonly daemon: Daemon;
	readonly startDaemon: (state: string) => Promise<void>;
};

export type OpenFilm = {
	readonly editor: FilmEditor;
	readonly panel: DrawnPanel;
	readonly close: () => Promise<void>;
};

/** A film with a gap, filled by a press in the panel. */
export function describeFilm(open: (stage: FilmStage) => Promise<OpenFilm>): void {
	let folder: string;
	let daemon: Daemon;
	let film: OpenFilm;
	let editor: FilmEditor;
	let panel: DrawnPanel;
	/** The engine waits for a file `go` here. */
	let gate: string;

	beforeAll(async () => {
		folder = await temporaryFolder();
		gate = join(folder, 'gate');
		await mkdir(gate);
		const [left, right] = [join(folder, 'left.mov'), join(folder, 'right.mov')];
		await makeShot(left, 'red', 440, FILM.shot, '24');
		await makeShot(right, 'blue', 880, FILM.shot, '24');
		await startDaemon();
		film = await open({ folder, left, right, daemon, startDaemon });
		({ editor, panel } = film);
		panel.page.setDefaultTimeout(180_000);
	});
	afterAll(async () => {
		await film.close();
		await closeBrowser();
		await endAllDaemons();
	});

	test('A press in the panel puts a draft into the cut, also when the panel is loaded anew and the daemon dies meanwhile the finished takes follow, and what the person does to them is told', async () => {
		const { page } = panel;
		await editor.putPlayhead(60);
		await page.getByText('Gap 1 of 1').first().waitFor();
		await page.getByRole('textbox', { name: 'Takes' }).focus();
		await page.keyboard.press('ArrowUp');
		await page.getByText('2 takes of 60 frames').waitFor();
		await pressable(page);
		await page.keyboard.press('Control+Enter');
		await until('the draft', async () => (await editor.inGap()).length === 2);
		expect(await ours()).toEqual(['video 48–108', 'audio 48–108']);
		// An editor may give a clip its colour after its place.
		await until('its colour', () => editor.hasDraftColour());
		const [draft] = await paths();

		await page.reload();
		await page.getByText('62 %').first().waitFor();

		// The daemon is gone; the editor, its agent and the panel's page are still there.
		const gone = daemon;
		await crash(gone);
		if (panel.startsDaemon) await until('another daemon', () => daemon !== gone);
		else await startDaemon(gone.state);
		const peer = await connect(daemon);
		await until(editor.program, async () =>
			(await peer.call('host.watch', {})).hosts.some(
				({ agent }) => agent.program === editor.program,
			),
		);
		await panel.follow(daemon);
		await writeFile(join(gate, 'go'), '');
		await page.getByRole('button', { name: 'Take 1 is in the cut' }).waitFor();
		await until('the finished clip', async () => (await paths()).every((path) => path !== draft));
		expect(await ours()).toEqual(['video 48–108', 'audio 48–108']);
		await until('the usual colour', async () => !(await editor.hasDraftColour()));

		await page
			.getByRole('button', { name: /Take 2/ })
			.first()
			.click();
		await page.getByRole('button', { name: 'Use Take 2' }).click();
		await page.getByRole('button', { name: 'Take 2 is in the cut' }).waitFor();
		expect(await ours()).toEqual(['video 48–108', 'audio 48–108']);
		const [second] = await paths();

		/** What is known of a clip, by its path. */
		const knownOf = async (path: string | null | undefined) =>
			(await peer.call('job.list', {})).jobs
				.find(({ clip }) => clip?.path === path)
				?.landings.at(-1)?.state;
		await editor.goBack();
		await until('the loss of the second take', async () => (await knownOf(second)) === 'gone');
		if (editor.back === 'undo') {
			expect(await ours()).toEqual(['video 48–108', 'audio 48–108']);
			const [first] = await paths();
			expect(first).not.toBe(second);
			await until('the first take', async () => (await knownOf(first)) === 'landed');
		} else {
			expect(await ours()).toEqual([]);
			await page.getByText('Take 2 had been placed and is no longer there').waitFor();
		}
		await editor.goForth();
		await until('the second take', async () => (await knownOf(second)) === 'landed');
		await page.getByRole('button', { name: 'Take 2 is in the cut' }).waitFor();
		expect(await paths()).toEqual([second, second]);
		await peer.close();
	});

	test('What stands in the sequence then is what melt renders', async () => {
		const path = join(folder, 'film.mlt');
		await writeFile(path, await editor.mlt());
		const { gap, shot, right, end } = FILM;
		const { colours, sound } = await render(path, end - 1);
		expect(new Set(colours.slice(0, shot))).toEqual(new Set(['R']));
		expect(new Set(colours.slice(right, end))).toEqual(new Set(['B']));
		expect(colours.slice(gap.start + 1, gap.end - 1)).not.toContain('K');
		expect(toneLevel(sound, 440, { start: 0, end: shot }, 24)).toBeGreaterThan(-30);
		expect(toneLevel(sound, 880, { start: right, end }, 24)).toBeGreaterThan(-30);
		expect(toneLevel(sound, 440, { start: right, end }, 24)).toBeLessThan(-50);
	});

	async function startDaemon(state?: string): Promise<void> {
		const options = { engine: 'finisher', env: { PICKUP_FINISHER: gate } } as const;
		daemon = await startStage(state === undefined ? options : { ...options, state });
	}

	async function ours(): Promise<readonly string[]> {
		return (await editor.inGap()).map(({ kind, start, end }) => `${kind} ${start}–${end}`);
	}

	async function paths(): Promise<readonly (string | null)[]> {
		return (await editor.inGap()).map(({ path }) => path);
	}
}

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
import { lookAt, TICKS } from '../fakes/premiere/media.ts';
import { mltOf } from '../fakes/premiere/mlt.ts';
import { clipOf, Project, trackOf } from '../fakes/premiere/model.ts';
import { makeShot, render, toneLevel } from '../host-bridge/mlt-render.ts';
import { forgetPremiere } from '../hosts/premiere-interfaces.ts';
import { startStage } from '../plugin/stage.ts';
import { pressable } from '../plugin/states.ts';

/** The panel on a simulated Premiere, as one of its interfaces draws it. */
export type DrawnPanel = {
	readonly page: Page;
	/** The page starts a daemon itself where none runs. */
	readonly startsDaemon: boolean;
	/** Another daemon runs: the page becomes its panel. */
	readonly follow: () => Promise<void>;
	readonly unload: () => void;
};

export type Film = {
	readonly project: Project;
	readonly daemon: Daemon;
	readonly startDaemon: (state: string) => Promise<void>;
};

const FRAME = TICKS / 24n;
const LABEL_OF_DRAFTS = 6;
let folder: string;
let daemon: Daemon;
let project: Project;
let panel: DrawnPanel;
/** The engine waits for a file `go` here. */
let gate: string;

/** A film with a gap, filled by a press in the panel; `undoStep`: what the last step of an edit is called where it has several. */
export function describeFilm(
	draw: (film: Film) => Promise<DrawnPanel>,
	undoStep: string | null = null,
): void {
	beforeAll(async () => {
		folder = await temporaryFolder();
		gate = join(folder, 'gate');
		await mkdir(gate);
		await startDaemon();
		project = await makeFilm();
		panel = await draw({ project, daemon, startDaemon });
		panel.page.setDefaultTimeout(180_000);
	});
	afterAll(async () => {
		panel.unload();
		await closeBrowser();
		await endAllDaemons();
		await forgetPremiere();
	});

	test('A press in the panel puts a draft into the cut, also when the panel is loaded anew and the daemon dies meanwhile the finished takes follow, and each can be undone', async () => {
		const { page } = panel;
		project.sequence(project.active!).playhead = 60n * FRAME;
		await page.getByText('Gap 1 of 1').first().waitFor();
		await page.getByRole('textbox', { name: 'Takes' }).focus();
		await page.keyboard.press('ArrowUp');
		await page.getByText('2 takes of 60 frames').waitFor();
		await pressable(page);
		await page.keyboard.press('Control+Enter');
		await until('the draft', () => ours().length === 2);
		expect(ours()).toEqual(['video 48–108', 'audio 48–108']);
		expect(project.item(added()[0]!.clip.item).label).toBe(LABEL_OF_DRAFTS);
		const [draft] = paths();

		await page.reload();
		await page.getByText('62 %').first().waitFor();

		// The daemon is gone; the editor, its agent and the panel's page are still there.
		const gone = daemon;
		await crash(gone);
		if (panel.startsDaemon) await until('another daemon', () => daemon !== gone);
		else await startDaemon(gone.state);
		const peer = await connect(daemon);
		await until('Premiere', async () =>
			(await peer.call('host.watch', {})).hosts.some(({ agent }) => agent.program === 'Premiere'),
		);
		await panel.follow();
		await writeFile(join(gate, 'go'), '');
		await page.getByRole('button', { name: 'Take 1 is in the cut' }).waitFor();
		await until('the finished clip', () => paths().every((path) => path !== draft));
		expect(ours()).toEqual(['video 48–108', 'audio 48–108']);

		await page
			.getByRole('button', { name: /Take 2/ })
			.first()
			.click();
		await page.getByRole('button', { name: 'Use Take 2' }).click();
		await page.getByRole('button', { name: 'Take 2 is in the cut' }).waitFor();
		expect(ours()).toEqual(['video 48–108', 'audio 48–108']);
		const [second] = paths();

		/** What is known of a clip, by its path. */
		const knownOf = async (path: string | undefined) =>
			(await peer.call('job.list', {})).jobs
				.find(({ clip }) => clip?.path === path)
				?.landings.at(-1)?.state;
		undo();
		expect(ours()).toEqual(['video 48–108', 'audio 48–108']);
		const [first] = paths();
		expect(first).not.toBe(second);
		await until('the loss of the second take', async () => (await knownOf(second)) === 'gone');
		await until('the first take', async () => (await knownOf(first)) === 'landed');
		while (project.redoSteps.length > 0) project.redo();
		await until('the second take', async () => (await knownOf(second)) === 'landed');
		await page.getByRole('button', { name: 'Take 2 is in the cut' }).waitFor();
		expect(paths()).toEqual([second, second]);
		await peer.close();
	});

	test('What stands in the sequence then is what melt renders', async () => {
		const path = join(folder, 'film.mlt');
		await writeFile(path, mltOf(project));
		const { colours, sound } = await render(path, 155);
		expect(new Set(colours.slice(0, 48))).toEqual(new Set(['R']));
		expect(new Set(colours.slice(108, 156))).toEqual(new Set(['B']));
		expect(colours.slice(49, 107)).not.toContain('K');
		expect(toneLevel(sound, 440, { start: 0, end: 48 }, 24)).toBeGreaterThan(-30);
		expect(toneLevel(sound, 880, { start: 108, end: 156 }, 24)).toBeGreaterThan(-30);
		expect(toneLevel(sound, 440, { start: 108, end: 156 }, 24)).toBeLessThan(-50);
	});

	/** As a person undoes until something in the cut has changed. */
	function undo(): void {
		let label: string | undefined;
		do {
			label = project.undoSteps.at(-1)?.label;
			project.undo();
		} while (undoStep !== null && label !== undefined && label !== undoStep);
	}
}

async function startDaemon(state?: string): Promise<void> {
	const options = { engine: 'finisher', env: { PICKUP_FINISHER: gate } } as const;
	daemon = await startStage(state === undefined ? options : { ...options, state });
}

async function makeFilm(): Promise<Project> {
	const [left, right] = [join(folder, 'left.mov'), join(folder, 'right.mov')];
	await makeShot(left, 'red', 440, 48, '24');
	await makeShot(right, 'blue', 880, 48, '24');
	const film = new Project('Film', join(folder, 'Film.prproj'));
	const sequence = film.addSequence({
		name: 'Reel 1',
		ticksPerFrame: FRAME,
		size: { width: 160, height: 90 },
		zeroPoint: 86_400n * FRAME,
	});
	const clip = (kind: 'video' | 'audio', name: string, path: string, start: number) => {
		const item = film.addItem({ kind: 'media', name, media: lookAt(path) });
		const at = { start: BigInt(start) * FRAME, end: BigInt(start + 48) * FRAME };
		return clipOf({ kind, item: item.id, name, ...at });
	};
	sequence.tracks = (['video', 'audio'] as const).map((kind) =>
		trackOf(kind, { clips: [clip(kind, 'left', left, 0), clip(kind, 'right', right, 108)] }),
	);
	return film;
}

function added() {
	return project
		.sequence(project.active!)
		.tracks.flatMap(({ kind, clips }) =>
			clips
				.filter(({ start }) => start >= 48n * FRAME && start < 108n * FRAME)
				.map((clip) => ({ kind, clip, path: project.item(clip.item).media?.path })),
		);
}

function ours(): readonly string[] {
	return added().map(({ kind, clip }) => `${kind} ${clip.start / FRAME}–${clip.end / FRAME}`);
}

function paths(): readonly (string | undefined)[] {
	return added().map(({ path }) => path);
}

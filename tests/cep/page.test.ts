import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closeBrowser } from '../browser.ts';
import {
	crash,
	type Daemon,
	endAllDaemons,
	startDaemon,
	stop,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';
import { addComp, addFootage, type CompModel, layerModel } from '../fakes/after-effects/model.ts';
import { openExtension } from '../fakes/cep/stage.ts';
import { type Running, startAfterEffects } from '../hosts/after-effects/stage.ts';
import { shoot, startStage } from '../plugin/stage.ts';
import { pressable } from '../plugin/states.ts';

const RATE = { num: 24, den: 1 };
const LABEL_OF_DRAFTS = 11;

let left: string;
let right: string;
let project: string;

beforeAll(async () => {
	project = join(await temporaryFolder(), 'film');
	await mkdir(project);
	left = await shoot(project, 'A003_C011', 'testsrc2', 220);
	right = await shoot(project, 'A003_C014', 'smptehdbars', 330);
});
afterAll(async () => {
	await closeBrowser();
	await endAllDaemons();
});

/** Two shots of two seconds and a gap of 60 frames in a composition, the playhead in the gap. */
async function openFilm(): Promise<{ running: Running; layers: () => CompModel['layers'] }> {
	const running = await startAfterEffects();
	const { model } = running.program;
	model.path = join(project, 'film.aep');
	const size = { width: 320, height: 180 };
	const sources = [left, right].map((file) =>
		addFootage(model, { file, name: 'shot', frameRate: 24, duration: 2, ...size }),
	);
	const comp = addComp(model, {
		name: 'Dawn flight',
		rate: RATE,
		duration: 10,
		time: 2.5,
		...size,
	});
	comp.layers = [
		layerModel(model, { name: 'A003_C014', source: sources[1]!.id, inPoint: 4.5, outPoint: 6.5 }),
		layerModel(model, { name: 'A003_C011', source: sources[0]!.id, inPoint: 0, outPoint: 2 }),
	];
	model.activeItem = comp.id;
	const layers = () =>
		(running.program.model.items.find(({ id }) => id === comp.id) as CompModel).layers;
	return { running, layers };
}

describe('The panel in After Effects', () => {
	let gate: string;
	let daemon: Daemon;
	let film: Awaited<ReturnType<typeof openFilm>>;
	let page: Page;
	let starts = 0;

	const inGap = () => film.layers().find(({ inPoint }) => inPoint === 2);

	beforeAll(async () => {
		gate = join(await temporaryFolder(), 'gate');
		await mkdir(gate);
		const options = { engine: 'finisher', env: { PICKUP_FINISHER: gate } } as const;
		daemon = await startStage(options);
		film = await openFilm();
		page = await openExtension({
			port: film.running.port,
			state: daemon.state,
			async startDaemon() {
				starts += 1;
				daemon = await startStage({ ...options, state: daemon.state });
			},
		});
	});
	afterAll(() => film.running.close());

	it('is drawn in the extension’s own page, and a press makes the draft stand in the composition', async () => {
		await page.getByText('Gap 1 of 1').waitFor();
		expect(new URL(page.url()).protocol).toBe('file:');
		expect(page.url()).not.toContain(daemon.token);
		await page.getByLabel('Describe the shot').fill('wind over the hills');
		await pressable(page);
		await page.keyboard.press('Control+Enter');
		const draft = await until('the draft', inGap);
		expect(draft).toMatchObject({ outPoint: 4.5, label: LABEL_OF_DRAFTS, enabled: true });
		await page.getByText('62 %').first().waitFor();
		expect(film.running.program.undoLabels).toHaveLength(1);
	});

	it('starts the daemon again that died in the middle, and the finished clip takes the draft’s place', async () => {
		await crash(daemon);
		await until('another daemon', () => starts === 1);
		await writeFile(join(gate, 'go'), '');
		const finished = await until('the finished clip', () => {
			const layer = inGap();
			return layer && layer.label !== LABEL_OF_DRAFTS && layer;
		});
		expect(finished).toMatchObject({ inPoint: 2, outPoint: 4.5, startTime: 2 });
		expect(film.layers()).toHaveLength(3);
		await page.getByRole('button', { name: 'Take 1 is in the cut' }).waitFor();
	});

	it('is told of an undo, and places the clip once more where that is wanted', async () => {
		const { program } = film.running;
		while (inGap()) program.undo();
		await page.getByRole('button', { name: 'Place it again' }).click();
		await until('the clip', inGap);
		expect(film.layers()).toHaveLength(3);
	});

	it('shows pictures of the cut, which come from the daemon', async () => {
		const picture = page.locator('img[src^="/media/"], img[src*="127.0.0.1"]').first();
		await until('a picture', () =>
			picture.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth > 0),
		);
	});
});

describe('In a window that is too old to draw the panel', () => {
	let film: Awaited<ReturnType<typeof openFilm>>;

	beforeEach(async () => {
		film = await openFilm();
	});

	it('the page is the agent, and opens the panel in the browser', async () => {
		const daemon = await startStage({ engine: 'none' });
		const opened: string[] = [];
		const page = await openExtension({
			port: film.running.port,
			state: daemon.state,
			chromium: 88,
			openInBrowser: async (address) => void opened.push(address),
		});
		await page.getByText('Pickup is connected with After Effects.').waitFor();
		await page.getByRole('button', { name: 'Open the panel in a browser' }).click();
		const address = await until('the address', () => opened[0]);
		expect(address).toContain(`http://127.0.0.1:${daemon.port}/panel/#token=${daemon.token}&host=`);
		const panel = await page.context().newPage();
		await panel.goto(address);
		await panel.getByText('Gap 1 of 1').waitFor();
		await page.context().close();
		await film.running.close();
	});

	it('a daemon that was stopped is not started by itself, and by a press it is', async () => {
		const daemon = await startDaemon();
		let starts = 0;
		const page = await openExtension({
			port: film.running.port,
			state: daemon.state,
			chromium: 88,
			locale: 'de-DE',
			async startDaemon() {
				starts += 1;
				await startDaemon({ state: daemon.state });
			},
		});
		await page.getByText('Pickup ist mit After Effects verbunden.').waitFor();
		await stop(daemon);
		await page.getByRole('button', { name: 'Pickup starten' }).click();
		await page.getByText('Pickup ist mit After Effects verbunden.').waitFor();
		expect(starts).toBe(1);
		await page.context().close();
		await film.running.close();
	});
});

import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, it } from 'vitest';
import { statePaths } from '../../files/state-folder.ts';
import { Journal } from '../../inference-daemon/jobs/journal.ts';
import { memoryOf } from '../../plugin/state/memory.ts';
import { closeBrowser, openPage } from '../../tests/browser.ts';
import {
	type Daemon,
	endAllDaemons,
	startDaemon,
	temporaryFolder,
} from '../../tests/daemon/harness.ts';
import { closePanels, known, openState } from '../../tests/plugin/panel.ts';
import { openFilm, shoot } from '../../tests/plugin/stage.ts';
import { pressable } from '../../tests/plugin/states.ts';
import { context, request } from '../../tests/requests.ts';
import { median } from '../measure.ts';

const ENTRIES = 5000;
const PANELS = 20;
const PANEL = fileURLToPath(new URL('../../dist/panel', import.meta.url));

afterAll(async () => {
	closePanels();
	await closeBrowser();
	await endAllDaemons();
});

it('is measured', async () => {
	await size();
	const daemon = await daemonWithHistory();
	const editor = await openFilm(daemon);
	await editor.change({ playhead: 60 });
	await firstPaint(daemon);
	await scrolling(daemon);
	await running(daemon);
	await agreeing(daemon);
	await editor.quit();
});

async function size(): Promise<void> {
	for (const name of await readdir(PANEL)) {
		if (!/\.(js|css)$/.test(name)) continue;
		const bytes = await readFile(join(PANEL, name));
		report(`${name.replace(/-\w+\./, '.')}`, bytes.length / 1000, 'kB');
		report('  compressed', gzipSync(bytes).length / 1000, 'kB');
	}
}

/** 5,000 finished clips, which are one file many times over. */
async function daemonWithHistory(): Promise<Daemon> {
	const folder = await temporaryFolder();
	const state = join(folder, 'state');
	await mkdir(state, { recursive: true });
	const made = await shoot(folder, 'made', 'testsrc2', 220);
	const path = join(folder, 'clip.mov');
	await copyFile(made, path);
	const { size: bytes, mtimeMs } = await stat(path);
	const mark = { size: bytes, modified: mtimeMs };
	const journal = new Journal(statePaths(state).database, { eventsKept: 10_000 });
	const requests = Array.from({ length: ENTRIES }, (_, index) =>
		request('insert', context({}), { engine: 'fake', prompt: `entry ${index}`, images: [] }),
	);
	const plan = {
		engine: 'fake',
		kind: 'insert',
		frames: 48,
		samples: 0,
		workSize: { width: 320, height: 180 },
		workFrames: 48,
		workRate: { num: 24, den: 1 },
		context: { left: 0, right: 0 },
		passes: 1,
		stages: 1,
		steps: 0,
		draft: false,
		notes: [],
	} as const;
	journal.accept(
		requests.map((each) => ({
			request: each,
			fingerprint: randomUUID(),
			priority: 0,
			plan,
			clipPath: path,
		})),
	);
	const clip = {
		path,
		frames: 48,
		rate: { num: 24, den: 1 },
		size: { width: 320, height: 180 },
		samples: 0,
		codec: 'h264-intra',
		draft: false,
		engine: 'fake',
		seed: 7,
	};
	for (const { id } of requests) {
		journal.start(id);
		journal.done(id, clip, mark);
	}
	journal.close();
	return startDaemon({ state, engine: 'finisher', env: { PICKUP_PANEL: PANEL } });
}

async function firstPaint(daemon: Daemon): Promise<void> {
	const empty = createServer((_request, response) =>
		response.end('<!doctype html><title>Empty</title><p>Empty'),
	);
	await new Promise<void>((resolve) => empty.listen(0, '127.0.0.1', resolve));
	const { port } = empty.address() as AddressInfo;
	const paints: { panel: number[]; empty: number[] } = { panel: [], empty: [] };
	for (let round = 0; round < 9; round++) {
		const page = await openPage();
		await page.goto(`http://127.0.0.1:${port}/`);
		paints.empty.push(await paintOf(page));
		await page.goto(addressOf(daemon));
		paints.panel.push(await paintOf(page));
		await page.context().close();
	}
	empty.close();
	report('first paint of a warm daemon, median of 9', median(paints.panel), 'ms');
	report('  of an empty page', median(paints.empty), 'ms');
}

function paintOf(page: Page): Promise<number> {
	return page.evaluate<number>(
		'new Promise((resolve) => new PerformanceObserver((list) => { for (const { name, startTime } of list.getEntries()) if (name === "first-contentful-paint") resolve(startTime); }).observe({ type: "paint", buffered: true }))',
	);
}

async function scrolling(daemon: Daemon): Promise<void> {
	const page = await openWatched(daemon);
	await page.getByRole('tab', { name: 'History' }).click();
	await page.getByText(`${ENTRIES} clips`).waitFor();
	await page.getByRole('option').first().hover();
	await longestTask(page);
	for (let step = 0; step < 60; step++) {
		await page.mouse.wheel(0, 900);
		await page.evaluate('new Promise((resolve) => requestAnimationFrame(resolve))');
	}
	report(`longest task while ${ENTRIES} entries scroll`, await longestTask(page), 'ms');
	await page.context().close();
}

async function running(daemon: Daemon): Promise<void> {
	const page = await openWatched(daemon);
	await page.getByRole('tab', { name: 'Cut' }).click();
	await pressable(page);
	await longestTask(page);
	await page.locator('[data-primary]').click();
	await page.getByRole('button', { name: /is in the cut/ }).waitFor();
	report('longest task while a draft and a take are made', await longestTask(page), 'ms');
	await page.context().close();
}

async function openWatched(daemon: Daemon): Promise<Page> {
	const page = await openPage();
	await page.goto(addressOf(daemon));
	await page.evaluate(
		'{ globalThis.longest = 0; new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, duration); }).observe({ type: "longtask" }); }',
	);
	return page;
}

/** Since it was last asked; tasks under 50 ms are none to the browser. */
function longestTask(page: Page): Promise<number> {
	return page.evaluate<number>(
		'{ const found = globalThis.longest; globalThis.longest = 0; found }',
	);
}

async function agreeing(daemon: Daemon): Promise<void> {
	const panels = Array.from({ length: PANELS }, () => openState(() => daemon));
	for (const panel of panels) await known(panel, 'the jobs', ({ hasJobs }) => hasJobs);
	const times: number[] = [];
	for (let round = 0; round < 20; round++) {
		const theme = round % 2 === 0 ? 'light' : 'dark';
		const since = performance.now();
		panels[0]!.actions.remember('theme', theme);
		await Promise.all(
			panels.map(
				(panel) =>
					new Promise<void>((resolve) => {
						const stop = panel.store.subscribe(({ shared }) => {
							if (memoryOf(shared).theme !== theme) return;
							stop();
							resolve();
						});
					}),
			),
		);
		times.push(performance.now() - since);
	}
	report(`${PANELS} panels agree, median of 20`, median(times), 'ms');
}

function addressOf({ port, token }: Daemon): string {
	return `http://127.0.0.1:${port}/panel/#token=${token}`;
}

function report(what: string, value: number, unit: string): void {
	console.log(`${what.padEnd(52)} ${value.toFixed(1).padStart(9)} ${unit}`);
}

import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import type { ClipSpan, Cut, Track } from '../../protocol/timeline.ts';
import { openPage, type PageOptions } from '../browser.ts';
import { type Daemon, type StartOptions, startDaemon, temporaryFolder } from '../daemon/harness.ts';
import { type Editor, type EditorOptions, openEditor } from '../fakes/editor.ts';

const run = promisify(execFile);

export const RATE = { num: 24, den: 1 };

/** A daemon that serves the panel as it is built from these sources. */
export async function startStage(options: StartOptions = {}): Promise<Daemon> {
	const folder = join(await temporaryFolder(), 'panel');
	const build = join(import.meta.dirname, '../../scripts/build-panel.mjs');
	await run(process.execPath, [build, folder]);
	return startDaemon({ ...options, env: { PICKUP_PANEL: folder, ...options.env } });
}

/** The panel in a browser, opened as an editor opens it. */
export async function openPanelPage(
	{ port, token }: Pick<Daemon, 'port' | 'token'>,
	editor: Pick<Editor, 'agent'> | null,
	options: PageOptions = {},
	/** What is done with the page before it is opened. */
	prepare: (page: Page) => Promise<void> = async () => {},
): Promise<Page> {
	const page = await openPage(options);
	await prepare(page);
	page.setDefaultTimeout(Number(process.env.PICKUP_TEST_PATIENCE ?? 180_000));
	const host = editor ? `&host=${editor.agent.id}` : '';
	await page.goto(`http://127.0.0.1:${port}/panel/#token=${token}${host}`);
	return page;
}

/** The environment of a system whose file manager does not open; its programs go into `folder`. */
export async function withoutFileManager(folder: string): Promise<Record<string, string>> {
	for (const name of ['xdg-open', 'browser']) {
		await writeFile(join(folder, name), '#!/bin/sh\nexit 3\n');
		await chmod(join(folder, name), 0o755);
	}
	const PATH = `${folder}${delimiter}${process.env.PATH}`;
	return { PATH, BROWSER: join(folder, 'browser'), DISPLAY: '' };
}

/** The film with the playhead in its gap, and the panel on it as narrow as it is docked. */
export async function openAtGap(daemon: Daemon) {
	const editor = await openFilm(daemon);
	await editor.change({ playhead: 60 });
	const page = await openPanelPage(daemon, editor, { width: 360, height: 640 });
	return { editor, page };
}

/** Two shots with sound, and a gap of 60 frames between them, in an editor. */
export async function openFilm(
	daemon: Pick<Daemon, 'port' | 'token'>,
	options: EditorOptions = {},
): Promise<Editor> {
	const folder = join(await temporaryFolder(), 'footage');
	await mkdir(folder);
	const left = await shoot(folder, 'A003_C011', 'testsrc2', 220);
	const right = await shoot(folder, 'A003_C014', 'smptehdbars', 330);
	const path = join(folder, 'Film.project');
	return openEditor(daemon, filmOf(left, right), { path, ...options });
}

/** 48 frames of picture and sound of 320 × 180. */
export async function shoot(
	folder: string,
	name: string,
	source: string,
	pitch: number,
): Promise<string> {
	const path = join(folder, `${name}.mov`);
	const picture = ['-f', 'lavfi', '-i', `${source}=size=320x180:rate=24:duration=2`];
	const sound = ['-f', 'lavfi', '-i', `sine=frequency=${pitch}:sample_rate=48000:duration=2`];
	const codecs = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'pcm_s16le'];
	await run('ffmpeg', ['-y', '-loglevel', 'error', ...picture, ...sound, ...codecs, path]);
	return path;
}

/** The left clip at 0–48, the right one at 108–156, on V1 and A1; timecode from 01:00:00:00. */
export function filmOf(left: string, right: string): Cut {
	const span = (name: string, path: string, start: number, track: string): ClipSpan => ({
		name,
		track,
		range: { start, end: start + 48 },
		source: { kind: 'file', path },
		sourceIn: { num: 0, den: 1 },
		speed: { num: 1, den: 1 },
		enabled: true,
	});
	const track = (kind: Track['kind'], name: string): Track => ({
		kind,
		index: 0,
		name,
		enabled: true,
		locked: false,
		transitions: [],
		clips: [span('A003_C011', left, 0, name), span('A003_C014', right, 108, name)],
	});
	return {
		sequence: {
			name: 'Dawn flight',
			rate: RATE,
			size: { width: 320, height: 180 },
			pixelAspect: { num: 1, den: 1 },
			duration: 156,
			startFrame: 86_400,
			dropFrame: false,
			sampleRate: 48_000,
		},
		tracks: [track('video', 'V1'), track('audio', 'A1')],
	};
}

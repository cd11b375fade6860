import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { FrameRate } from '../protocol/time.ts';

/** One clip as OpenShot stands it on its timeline; times are in seconds. */
export type OpenShotClip = {
	readonly title: string;
	/** 0 is the lowest of the imported tracks. */
	readonly layer: number;
	readonly position: number;
	/** The part of the media that is used. */
	readonly start: number;
	readonly end: number;
	readonly path: string;
	readonly hasAudio: boolean;
};

/**
 * Reads an FCP 7 XML file with OpenShot's own importer: code that is not ours. Clips come by layer
 * and position. OpenShot knows no linked clips: it takes only clip items that have a `pathurl`
 * (the first of each `file`) and plays picture and sound of the file together. `missing` are the
 * URLs whose files are not there; their clips are left out.
 *
 * With `render`, those frames of the timeline (0 is the first) are drawn by OpenShot's library
 * into its folder as `12.png`, in the size of the first clip. Needs the Debian package openshot-qt.
 */
export async function readWithOpenShot(
	xml: string,
	rate: FrameRate,
	render?: { readonly folder: string; readonly frames: readonly number[] },
): Promise<{ readonly clips: readonly OpenShotClip[]; readonly missing: readonly string[] }> {
	const home = await mkdtemp(path.join(os.tmpdir(), 'pickup-openshot-'));
	const wanted = render ? [path.resolve(render.folder), ...render.frames.map(String)] : [];
	const script = path.join(import.meta.dirname, 'openshot-import.py');
	try {
		// Debian's own Python has Debian's packages; another one on PATH does not.
		const { stdout } = await promisify(execFile)(
			'/usr/bin/python3',
			[script, path.resolve(xml), String(rate.num), String(rate.den), ...wanted],
			{
				env: { ...process.env, HOME: home, XDG_RUNTIME_DIR: home, QT_QPA_PLATFORM: 'offscreen' },
				maxBuffer: 64 * 1024 * 1024,
				timeout: 1_800_000,
			},
		);
		return JSON.parse(stdout);
	} catch (error) {
		const { stderr = '' } = error as { stderr?: string };
		const message = `OpenShot could not read ${xml} (it needs: apt-get install --no-install-recommends openshot-qt)`;
		throw new Error(`${message}\n${stderr.slice(-2000)}`, { cause: error });
	} finally {
		await rm(home, { recursive: true, force: true });
	}
}

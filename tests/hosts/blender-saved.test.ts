import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EditorHost } from '../../protocol/hosts.ts';
import {
	connect,
	type Daemon,
	endAllDaemons,
	type Peer,
	startDaemon,
	until,
} from '../daemon/harness.ts';
import { makeNumberedShot } from '../end-to-end/numbered.ts';
import { shotIn } from '../shots.ts';
import { type Blender, endAllBlenders, startBlender, type Which } from './blender.ts';
import { landingOf, settled } from './film.ts';

const GAP = { start: 50, end: 58 };

let folder: string;
let daemon: Daemon;
let peer: Peer;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup blender '));
	const tone = { hertz: 440, level: 0.3 };
	await makeNumberedShot(join(folder, 'shots.mov'), { num: 24, den: 1 }, 0, 120, tone);
	daemon = await startDaemon();
	peer = await connect(daemon);
});
afterAll(async () => {
	await endAllBlenders();
	await endAllDaemons();
	await rm(folder, { recursive: true, force: true });
});

test.each<Which>(['module', 'window'])(
	'A clip is known in a film that is saved, lost, undone, saved elsewhere and opened again (Blender’s %s)',
	async (which) => {
		const first = join(folder, which, 'first', 'film.blend');
		const second = join(folder, which, 'second', 'film.blend');
		for (const name of ['first', 'second'])
			await mkdir(join(folder, which, name), { recursive: true });
		let blender = await open(which);
		await blender.run(TWO_SHOTS);
		const host = await until('the new film to be known', async () => {
			const found = await hostWith(null);
			// Until it tells of the new film, the one before is asked for, and refused.
			const read = await peer.call('host.cut', { host: found.agent.id }).catch(() => null);
			return (
				read?.cut.tracks.some(({ clips }) => clips.some(({ name }) => name === 'right')) && found
			);
		});
		const jobId = await press(host);
		await settled(peer, jobId, 'landed');
		const unsaved = (await clipOf(jobId)).path;
		const besides = (film: string) => join(film, '..', 'Pickup', basename(unsaved));
		expect(await played(blender)).toEqual([unsaved, unsaved]);

		await save(blender, first);
		await plays(blender, besides(first));
		expect(await states(jobId)).toEqual(['landed']);
		// What was saved is from before the clip moved, and the rest is lost.
		await blender.kill();
		blender = await open(which);
		await load(blender, first);
		await hostWith(first);
		await plays(blender, besides(first));
		expect(await states(jobId)).toEqual(['landed']);

		if (which === 'window') {
			await blender.run('bpy.ops.ed.undo()\nuse(bpy.data.scenes[0])');
			expect(await played(blender)).toEqual([unsaved, unsaved]);
			await trimmed(blender, jobId, 57);
			expect(await played(blender)).toEqual([unsaved, unsaved]);
			expect(await states(jobId)).toEqual(['landed']);
			await blender.kill();
			blender = await open(which);
			await load(blender, first);
			await hostWith(first);
		}

		await plays(blender, besides(first));
		await save(blender, first);
		await save(blender, second);
		await plays(blender, besides(second));
		await save(blender, second);
		expect(await states(jobId)).toEqual(['landed']);

		// Each of the two plays its own.
		for (const film of [first, second]) {
			await load(blender, film);
			await hostWith(film);
			await until('the clip to be beside it', async () => {
				return (await clipOf(jobId)).path === besides(film);
			});
			await trimmed(blender, jobId, film === first ? 56 : 55);
			expect(await played(blender)).toEqual([besides(film), besides(film)]);
			expect(await states(jobId)).toEqual(['landed']);
		}
		const { id: landing } = await landingOf(peer, jobId);
		await peer.call('clip.withdraw', { landing });
		expect(await played(blender)).toEqual([]);
		await blender.kill();
	},
);

async function open(which: Which): Promise<Blender> {
	const blender = await startBlender(which, { state: daemon.state, home: join(folder, 'home') });
	await blender.run(`media = ${text(folder)}`);
	return blender;
}

function hostWith(path: string | null): Promise<EditorHost> {
	return until(`${path} to be open`, async () => {
		const { hosts } = await peer.call('host.watch', {});
		return hosts.find(({ state }) => state.project?.path === path && state.sequence);
	});
}

async function press(host: EditorHost): Promise<string> {
	const shot = shotIn(host, GAP);
	return (await peer.call('shot.submit', { shot })).jobs[0]!.id;
}

async function save(blender: Blender, film: string): Promise<void> {
	await blender.run(`bpy.ops.wm.save_as_mainfile(filepath=${text(film)})`);
}

async function load(blender: Blender, film: string): Promise<void> {
	await blender.run(`bpy.ops.wm.open_mainfile(filepath=${text(film)})\nuse(bpy.data.scenes[0])`);
}

/** Picture and sound of ours, as Blender itself has them. */
function played(blender: Blender): Promise<readonly string[]> {
	return blender.run(PLAYED);
}

async function plays(blender: Blender, path: string): Promise<void> {
	await until(`${path} to be played`, async () => {
		const paths = await played(blender);
		return paths.length === 2 && paths.every((each) => each === path);
	});
}

/** Whatever there was to do about the cut has been done when the journal knows the trim. */
async function trimmed(blender: Blender, jobId: string, end: number): Promise<void> {
	// Blender counts from 1.
	const trim = `strip.frame_final_end = ${end + 1}`;
	await blender.run(`for strip in strips():\n    if 'Pickup' in strip.name: ${trim}`);
	await until('the trim to be known', async () => {
		const landing = await landingOf(peer, jobId);
		return landing.state === 'landed' && landing.items.every(({ range }) => range.end === end);
	});
}

async function clipOf(jobId: string) {
	return (await peer.call('job.get', { jobId })).job.clip!;
}

async function states(jobId: string): Promise<readonly string[]> {
	return (await peer.call('job.get', { jobId })).job.landings.map(({ state }) => state);
}

const TWO_SHOTS = `
fresh()
movie('left', 1, 1, 'shots', (1, 51))
sound('left sound', 2, 1, 'shots', (1, 51))
movie('right', 1, 1, 'shots', (59, 101))
sound('right sound', 2, 1, 'shots', (59, 101))`;

const PLAYED = `
ours = [strip for strip in strips() if 'Pickup' in strip.name]
files = [strip.sound.filepath if strip.type == 'SOUND' else strip.filepath for strip in ours]
result = [os.path.normpath(bpy.path.abspath(file)) for file in files]`;

/** As Python writes it too. */
function text(value: string): string {
	return JSON.stringify(value);
}

import { randomUUID } from 'node:crypto';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { endAllDaemons, temporaryFolder } from '../daemon/harness.ts';
import { lookAt, TICKS } from '../fakes/premiere/media.ts';
import { clipOf, Project, type Sequence, trackOf } from '../fakes/premiere/model.ts';
import { makeShot } from '../host-bridge/mlt-render.ts';
import { forgetPremiere, startScripts } from './premiere-interfaces.ts';

/** What is of Premiere's scripts alone: dialogs, answers that stay away, QE, the playhead. */

const FRAME = TICKS / 25n;

let project: Project;
let sequence: Sequence;
let premiere: Awaited<ReturnType<typeof startScripts>>;
const where = () => ({ project: project.id, sequence: sequence.id });

beforeEach(async () => {
	project = new Project('Film', '/films/Film.prproj');
	sequence = project.addSequence({
		name: 'Reel 1',
		ticksPerFrame: FRAME,
		size: { width: 160, height: 90 },
		zeroPoint: 90_000n * FRAME,
		playhead: 3n * FRAME,
		tracks: [trackOf('video'), trackOf('audio')],
	});
	premiere = await startScripts(project);
});
afterEach(() => premiere.end());
afterAll(async () => {
	await endAllDaemons();
	await forgetPremiere();
});

test('what is open is told: project, sequence, playhead, what is marked, what is selected', async () => {
	expect(await premiere.port.state()).toEqual({
		project: { id: project.id, name: 'Film', path: '/films/Film.prproj' },
		sequence: { id: sequence.id, name: 'Reel 1' },
		playhead: 3,
		selection: null,
		busy: null,
	});
	sequence.inPoint = 5n * FRAME;
	sequence.outPoint = 9n * FRAME;
	expect((await premiere.port.state()).selection).toEqual({ start: 5, end: 9 });
	const { id } = project.addItem({ kind: 'title', name: 'Titel' });
	const at = { start: 20n * FRAME, end: 40n * FRAME, isSelected: true };
	sequence.tracks[0]!.clips.push(clipOf({ kind: 'video', item: id, name: 'Titel', ...at }));
	expect((await premiere.port.state()).selection).toEqual({ start: 20, end: 40 });
	const { tracks } = await premiere.port.cut(where());
	expect(tracks[0]!.clips[0]!.source).toEqual({ kind: 'synthetic', what: 'title or generator' });
});

test('where nothing is open, that is said; another sequence is not taken for it', async () => {
	await expect(premiere.port.cut({ ...where(), sequence: 'other' })).rejects.toMatchObject({
		code: 'no-such-host',
	});
	project.active = null;
	expect(await premiere.port.state()).toMatchObject({ sequence: null, playhead: null });
});

test('a dialog lets no script run: it is told to be open until it is closed', async () => {
	await premiere.port.state();
	const close = premiere.program.openDialog();
	expect(await premiere.port.state()).toMatchObject({ busy: 'dialog', playhead: 3 });
	close();
	expect((await premiere.port.state()).busy).toBeNull();
});

test('a locked track is told to be', async () => {
	sequence.tracks[1]!.isLocked = true;
	const { tracks } = await premiere.port.cut(where());
	expect(tracks.map(({ name, locked }) => `${name} ${locked}`)).toEqual(['V1 false', 'A1 true']);
});

test('where callbacks stay empty, answers come by a file', async () => {
	project.faults.add('answers stay empty');
	expect((await premiere.port.state()).sequence?.name).toBe('Reel 1');
	expect(premiere.link.way).toBe('file');
});

test('a frame is that of its moment, the playhead goes back, and is told to have been there all along', async () => {
	project.faults.add('a frame comes late');
	const path = join(await temporaryFolder(), 'frame.png');
	const taken = premiere.port.frame(where(), 77, path);
	const told = new Set<number | null>();
	let isTaken = false;
	void taken.finally(() => {
		isTaken = true;
	});
	while (!isTaken) told.add((await premiere.port.state()).playhead);
	expect(await taken).toEqual({ width: 160, height: 90 });
	expect([...told].filter((each) => each !== 3)).toEqual([]);
	expect(sequence.playhead).toBe(3n * FRAME);
	// The grey of the picture is the number of its frame.
	expect((await readFile(path)).subarray(1, 4).toString()).toBe('PNG');
});

test('a playhead that the person has moved meanwhile stays where it is', async () => {
	project.faults.add('a frame comes late');
	const path = join(await temporaryFolder(), 'frame.png');
	const taken = premiere.port.frame(where(), 77, path);
	while (sequence.playhead !== 77n * FRAME) await premiere.port.state();
	sequence.playhead = 50n * FRAME;
	await taken;
	expect(sequence.playhead).toBe(50n * FRAME);
});

test('a Premiere without QE says that it writes no frames', async () => {
	project.faults.add('there is no QE');
	const path = join(await temporaryFolder(), 'frame.png');
	await expect(premiere.port.frame(where(), 7, path)).rejects.toMatchObject({
		code: 'host-refused',
		message: 'This Premiere writes no picture of a frame for a script',
	});
	expect(sequence.playhead).toBe(3n * FRAME);
});

test('the playhead is put on a frame', async () => {
	await premiere.port.show(where(), 12);
	expect(sequence.playhead).toBe(12n * FRAME);
	expect((await premiere.port.state()).playhead).toBe(12);
});

test.each([[null], ['a Time is taken for none'], ['items have no clearInPoint']] as const)(
	'a clip is placed to the tick, in whichever form Premiere takes a time, and old ones too (where %s)',
	async (fault) => {
		const folder = await temporaryFolder();
		const [theirs, ours] = [join(folder, 'theirs.mov'), join(folder, 'ours.mov')];
		await makeShot(theirs, 'red', 440, 50, '25');
		await copyFile(theirs, ours);
		const { id } = project.addItem({ kind: 'media', name: 'theirs', media: lookAt(theirs) });
		for (const track of sequence.tracks) {
			const at = { start: 0n, end: 50n * FRAME };
			track.clips.push(clipOf({ kind: track.kind, item: id, name: 'theirs', ...at }));
		}
		if (fault) project.faults.add(fault);
		const range = { start: 61, end: 111 };
		const shared = {
			kind: 'place',
			path: ours,
			name: 'ours',
			enabled: true,
			draft: false,
		} as const;
		for (const by of [0, 100]) {
			const at = { start: range.start + by, end: range.end + by };
			await premiere.port.edit(where(), {
				operation: randomUUID(),
				label: 'Pickup',
				steps: [
					{ ...shared, of: 'video', track: 'V1', range: at },
					{ ...shared, of: 'audio', track: 'A1', range: at },
				],
			});
		}
		const standing = project
			.sequence(sequence.id)
			.tracks.map(({ clips }) =>
				clips.map(({ name, start, end }) => `${name} ${start / FRAME}–${end / FRAME}`),
			);
		const wanted = ['theirs 0–50', 'ours 61–111', 'ours 161–211'];
		expect(standing).toEqual([wanted, wanted]);
		expect(premiere.program.errors).toEqual([]);
	},
);

test('what the person has noted with a clip stays', async () => {
	const item = project.addItem({ kind: 'bin', name: 'Pickup' });
	const media = { path: '/films/a.mov', duration: 50n * FRAME, picture: null, channels: 2 };
	const clip = project.addItem({ kind: 'media', name: 'a', parent: item.id, media });
	clip.metadata = 'my "own" <note> & more';
	const operation = '0e6f1a52-8d3f-4a52-9d0a-0f3f3f0f0f01';
	await premiere.link.call('note', { operation, paths: ['/films/a.mov'] });
	expect(clip.metadata).toBe(`my "own" <note> & more ${operation}`);
	expect(await premiere.port.carries(where(), operation)).toBe(true);
	expect(await premiere.port.carries(where(), operation.replace('01', '02'))).toBe(false);
});

test.each(['complete', 'error', 'cancel'] as const)(
	'an export by Media Encoder is told of until it ends by %s',
	async (ending) => {
		expect((await premiere.port.state()).busy).toBeNull();
		project.encoderTells('progress');
		expect((await premiere.port.state()).busy).toBe('exporting');
		project.encoderTells(ending);
		expect((await premiere.port.state()).busy).toBeNull();
	},
);

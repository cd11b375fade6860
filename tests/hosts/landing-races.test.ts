import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { standingItems } from '../../host-bridge/landing.ts';
import { PickupError } from '../../protocol/errors.ts';
import { connect, endAllDaemons, temporaryFolder, until } from '../daemon/harness.ts';
import { makeNumberedShot } from '../end-to-end/numbered.ts';
import { openEditor } from '../fakes/editor.ts';
import { cutWithGap, GAP, landingOf, names, press, settled, setUp, shotFor } from './film.ts';

afterAll(endAllDaemons);

let media: string;
beforeAll(async () => {
	media = join(await temporaryFolder(), 'shot.mov');
	await makeNumberedShot(media, { num: 24, den: 1 }, 0, 72, { hertz: 440, level: 0.3 });
});

const ELSEWHERE = { project: { id: 'other', name: 'Other', path: null } };

it('a clip lands while somebody goes on working in another editor', async () => {
	const { daemon, editor, peer } = await setUp();
	const other = await openEditor(daemon, cutWithGap());
	await other.change(ELSEWHERE);
	let isLanded = false;
	const working = (async () => {
		for (let playhead = 0; !isLanded; playhead++) await other.change({ playhead });
	})();
	const [job] = await press(peer, shotFor(editor));
	await settled(peer, job!.id, 'landed');
	isLanded = true;
	await working;
});

it('a clip lands in its own sequence where another window has another one of the same project', async () => {
	const { daemon, editor, peer } = await setUp();
	await editor.change({ sequence: { id: 'second', name: 'Second' } });
	const window = await openEditor(daemon, cutWithGap());
	const [job] = await press(peer, shotFor(window));
	await settled(peer, job!.id, 'landed');
	expect([editor.edits(), window.edits()]).toEqual([0, 1]);
});

it('of two editors with the same sequence the first one says where a clip stands, until it goes', async () => {
	const { daemon, editor, peer } = await setUp();
	const [job] = await press(peer, shotFor(editor));
	await settled(peer, job!.id, 'landed');
	const moved = editor.cut().tracks.map((track) => ({
		...track,
		clips: track.clips.map((clip) =>
			clip.name.startsWith('Pickup') ? { ...clip, range: { start: 25, end: 36 } } : clip,
		),
	}));
	await openEditor(daemon, { ...editor.cut(), tracks: moved });
	await editor.undo();
	await settled(peer, job!.id, 'gone');
	await editor.redo();
	await settled(peer, job!.id, 'landed');
	const { events } = await peer.call('events.subscribe', { after: 0 });
	const starts = events.flatMap((event) =>
		event.kind === 'landing' && event.landing.state === 'landed'
			? [event.landing.items[0]?.range.start]
			: [],
	);
	expect(new Set(starts)).toEqual(new Set([GAP.start]));
	await editor.quit();
	await until('the copy to count', async () => {
		const landing = await landingOf(peer, job!.id);
		return landing.state === 'landed' && landing.items[0]?.range.start === 25;
	});
});

it('a clip that is withdrawn while the cut is read for it does not land', async () => {
	const { editor, peer } = await setUp();
	const [job] = await press(peer, shotFor(editor));
	editor.onCut = async () => {
		const { job: now } = await peer.call('job.get', { jobId: job!.id });
		if (now.state === 'done') {
			await peer.call('clip.withdraw', { landing: now.landings[0]!.id });
		}
	};
	await settled(peer, job!.id, 'withdrawn');
	editor.onCut = null;
	const [later] = await press(peer, shotFor(editor));
	await settled(peer, later!.id, 'landed');
	expect(editor.edits()).toBe(1);
	expect(await landingOf(peer, job!.id)).toMatchObject({ state: 'withdrawn' });
});

it('a clip that is withdrawn while the editor places it is taken out again', async () => {
	const { daemon, editor, peer } = await setUp();
	const second = await connect(daemon);
	const [job] = await press(peer, shotFor(editor));
	let withdrawn: Promise<unknown> | undefined;
	editor.onEdit = async () => {
		editor.onEdit = null;
		const { id } = await landingOf(peer, job!.id);
		withdrawn = second.call('clip.withdraw', { landing: id });
		// Calls of one client are begun in order.
		await second.call('job.list', {});
	};
	await settled(peer, job!.id, 'withdrawn');
	await withdrawn;
	expect(names(editor.cut(), 'V1')).toEqual(['left 0–24', 'right 36–60']);
});

it('a clip that two panels land at the same place at once stands there once', async () => {
	const { daemon, editor, peer } = await setUp();
	const [job] = await press(peer, shotFor(editor));
	await settled(peer, job!.id, 'landed');
	const wish = {
		jobId: job!.id,
		host: editor.agent.id,
		track: 'V1',
		frame: 40,
		where: 'above',
	} as const;
	const second = await connect(daemon);
	await Promise.all([peer.call('clip.land', wish), second.call('clip.land', wish)]);
	await peer.call('clip.land', wish);
	const { clip, landings } = (await peer.call('job.get', { jobId: job!.id })).job;
	const videos = () =>
		standingItems(editor.cut(), [clip!.path])
			.filter(({ of }) => of === 'video')
			.map(({ range }) => range.start);
	expect(videos().sort()).toEqual([24, 40]);
	expect(landings.map(({ state }) => state)).toEqual(['landed', 'landed']);
	// Each of the two is taken out alone.
	await peer.call('clip.withdraw', { landing: landings[0]!.id });
	expect(videos()).toEqual([40]);
	await editor.change({ playhead: 1 });
	await peer.call('clip.land', { ...wish, frame: 70, where: 'gap' });
	const after = (await peer.call('job.get', { jobId: job!.id })).job.landings;
	expect(after.map(({ state }) => state)).toEqual(['withdrawn', 'landed', 'landed']);
});

it('a finished clip waits for its draft where nobody knows yet whether that stands', async () => {
	const { editor, peer } = await setUp({ cut: cutWithGap(media) });
	const gate = join(await temporaryFolder(), 'gate');
	const [draft, take] = await press(
		peer,
		shotFor(editor, { draft: true, settings: { finished: true, awaits: gate } }),
	);
	// Somebody works so fast that no edit comes in time.
	const work = () => editor.edit((cut) => ({ ...cut }));
	let reads = 0;
	editor.onCut = async () => {
		if ((await peer.call('job.get', { jobId: draft!.id })).job.state !== 'done') return;
		reads += 1;
		if (reads === 6) {
			await writeFile(gate, '');
			await peer.waitForJob(take!.id, 'done');
		}
		if (reads <= 6) await work();
	};
	await settled(peer, take!.id, 'landed', 'not-landed');
	expect(await landingOf(peer, take!.id)).toMatchObject({ state: 'landed' });
	expect(await landingOf(peer, draft!.id)).toMatchObject({ state: 'replaced', by: take!.id });
	expect(names(editor.cut(), 'V1')).toHaveLength(3);
});

it('an editor that refuses because it has just begun to render, or shows another sequence, is waited for', async () => {
	const { editor, peer } = await setUp();
	const { sequence } = editor.state();
	editor.beforeEdit = () => {
		void editor.change({ busy: 'rendering' });
		throw new PickupError('host-refused', 'It renders');
	};
	const [job] = await press(peer, shotFor(editor));
	await until('it to wait', async () => {
		const landing = await landingOf(peer, job!.id);
		return landing.state === 'waiting' && landing.waitsFor === 'rendering';
	});
	editor.beforeEdit = () => {
		void editor.change({ sequence: { id: 'other', name: 'Other' } });
		throw new PickupError('no-such-host', 'It is not open');
	};
	await editor.change({ busy: null });
	await until('it to wait for the sequence', async () => {
		const landing = await landingOf(peer, job!.id);
		return landing.state === 'waiting' && landing.waitsFor === 'sequence';
	});
	editor.beforeEdit = null;
	await editor.change({ sequence });
	await settled(peer, job!.id, 'landed');
	expect(editor.edits()).toBe(1);
});

it('an editor that places a clip and says that it could not is not believed', async () => {
	const { editor, peer } = await setUp();
	editor.onEdit = () => {
		throw new PickupError('host-refused', 'Something went wrong');
	};
	const [job] = await press(peer, shotFor(editor));
	await settled(peer, job!.id, 'landed', 'not-landed');
	expect(await landingOf(peer, job!.id)).toMatchObject({ state: 'landed' });
});

it('a clip that did not land and that the person puts into the cut by hand is known to be there', async () => {
	const { editor, peer } = await setUp();
	editor.beforeEdit = () => {
		throw new PickupError('host-refused', 'It does not want to');
	};
	const [job] = await press(peer, shotFor(editor));
	await settled(peer, job!.id, 'not-landed');
	const { clip } = (await peer.call('job.get', { jobId: job!.id })).job;
	const source = { kind: 'file', path: clip!.path } as const;
	await editor.edit((cut) => ({
		...cut,
		tracks: cut.tracks.map((track) =>
			track.name === 'V1'
				? {
						...track,
						clips: [...track.clips, { ...track.clips[0]!, range: { start: 70, end: 82 }, source }],
					}
				: track,
		),
	}));
	const landing = await settled(peer, job!.id, 'landed');
	expect(landing.state === 'landed' && landing.items).toEqual([
		{ of: 'video', track: 'V1', range: { start: 70, end: 82 } },
	]);
});

it('a press of which one take is refused queues none of them', async () => {
	const first = await setUp();
	const shot = shotFor(first.editor, { takes: 2 });
	const jobs = await press(first.peer, shot);
	const { clip } = await first.peer.waitForJob(jobs[1]!.id, 'done');
	const { editor, peer, project } = await setUp();
	const { folder } = await peer.call('shot.plan', { shot: { ...shot, host: editor.agent.id } });
	expect(folder).toBe(join(project, 'Pickup'));
	await press(peer, shotFor(editor, { range: { start: 70, end: 74 } }));
	await writeFile(join(folder, basename(clip!.path)), 'in the way');
	await peer.refusal('shot.submit', { shot: { ...shot, host: editor.agent.id } });
	expect((await peer.call('job.list', {})).jobs).toHaveLength(1);
});

it('a press that comes twice at once, before it is answered, is one', async () => {
	const { daemon, editor, peer } = await setUp();
	const second = await connect(daemon);
	const shot = shotFor(editor, { id: randomUUID(), seed: null });
	const [one, two] = await Promise.all([press(peer, shot), press(second, shot)]);
	expect(one.map(({ id }) => id)).toEqual(two.map(({ id }) => id));
	await settled(peer, one[0]!.id, 'landed');
	expect(editor.edits()).toBe(1);
});

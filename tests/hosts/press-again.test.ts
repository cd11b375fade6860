import { afterAll, describe, expect, it } from 'vitest';
import type { Job } from '../../protocol/jobs.ts';
import { endAllDaemons } from '../daemon/harness.ts';
import { GAP, landingOf, names, press, settled, setUp, shotFor } from './film.ts';

afterAll(endAllDaemons);

const taken = (jobs: readonly Job[]) => jobs.map(({ takeOf }) => takeOf);

describe('A second press into the same gap', () => {
	it('while the first is being made gives more takes of it, and its first clip takes the place of the one there', async () => {
		const { editor, peer } = await setUp();
		const shot = shotFor(editor, { settings: { delay: 50 } });
		const second = shotFor(editor, { prompt: 'blue', takes: 2, seed: 20 });
		// Two at once, as from two panels.
		const [[first], more] = await Promise.all([press(peer, shot), press(peer, second)]);
		expect(taken(more)).toEqual([
			{ shot: shot.id, take: 2 },
			{ shot: shot.id, take: 3 },
		]);
		expect(more.map(({ prompt }) => prompt)).toEqual(['blue', 'blue']);
		expect((await press(peer, second)).map(({ id }) => id)).toEqual(more.map(({ id }) => id));
		await settled(peer, first!.id, 'landed', 'replaced');
		const landing = await settled(peer, more[0]!.id, 'landed');
		expect(landing.state === 'landed' && landing.items).toEqual([
			{ of: 'video', track: 'V1', range: GAP },
			{ of: 'audio', track: 'A2', range: GAP },
		]);
		expect((await landingOf(peer, first!.id)).state).toBe('replaced');
		await peer.waitForJob(more[1]!.id, 'done');
		const { job: third } = await peer.call('job.get', { jobId: more[1]!.id });
		expect(third.landings).toEqual([]);
		expect(third.clip?.seed).toBe(21);
		expect(names(editor.cut(), 'V1')).toEqual([
			'left 0–24',
			'Pickup V1 00:00:01:00 take 2 24–36',
			'right 36–60',
		]);
	});

	it('where its clip stands is planned as one that takes the place of it, and one undo brings it back', async () => {
		const { editor, peer } = await setUp();
		const shot = shotFor(editor);
		const [first] = await press(peer, shot);
		await settled(peer, first!.id, 'landed');
		const again = shotFor(editor, { draft: true });
		const plan = await peer.call('shot.plan', { shot: again });
		expect(plan).toMatchObject({ lands: 'V1 + A2 00:00:01:00–00:00:01:12', draft: null });
		const [job, ...others] = await press(peer, again);
		expect(others).toEqual([]);
		await settled(peer, job!.id, 'landed');
		expect((await landingOf(peer, first!.id)).state).toBe('replaced');
		await editor.undo();
		await settled(peer, first!.id, 'landed');
		await settled(peer, job!.id, 'gone');
	});

	it('after the person took the clip out is a press of its own', async () => {
		const { editor, peer } = await setUp();
		const [first] = await press(peer, shotFor(editor));
		await settled(peer, first!.id, 'landed');
		await editor.undo();
		await settled(peer, first!.id, 'gone');
		const again = shotFor(editor);
		const [job] = await press(peer, again);
		expect(taken([job!])).toEqual([{ shot: again.id, take: 1 }]);
		await settled(peer, job!.id, 'landed');
	});

	it('lands over the gap where the person takes the clip there out meanwhile', async () => {
		const { editor, peer } = await setUp();
		const [first] = await press(peer, shotFor(editor));
		await settled(peer, first!.id, 'landed');
		const [job] = await press(peer, shotFor(editor, { settings: { delay: 100 } }));
		expect(job!.takeOf?.take).toBe(2);
		await editor.undo();
		const landing = await settled(peer, job!.id, 'landed', 'not-landed');
		expect(landing).toMatchObject({ state: 'landed' });
		expect(names(editor.cut(), 'V1')).toEqual([
			'left 0–24',
			'Pickup V1 00:00:01:00 take 2 24–36',
			'right 36–60',
		]);
	});

	it('is a press of its own at the very moment at which the clip there was taken out', async () => {
		const { editor, peer } = await setUp();
		const [first] = await press(peer, shotFor(editor));
		await settled(peer, first!.id, 'landed');
		const again = shotFor(editor);
		// The press comes before anybody has looked what the undo took out.
		const [, [job]] = await Promise.all([editor.undo(), press(peer, again)]);
		expect(job!.takeOf?.shot).toBe(again.id);
		await settled(peer, job!.id, 'landed');
	});

	it('for other frames of the track is a press of its own', async () => {
		const { editor, peer } = await setUp();
		const shot = shotFor(editor, { settings: { delay: 50 } });
		const other = shotFor(editor, { range: { start: 24, end: 30 } });
		const [, jobs] = [await press(peer, shot), await press(peer, other)];
		expect(taken(jobs)).toEqual([{ shot: other.id, take: 1 }]);
	});
});

it('A clip that found no place stays where it is when that is wanted, and asks no more', async () => {
	const { editor, peer } = await setUp();
	const [job] = await press(peer, shotFor(editor, { settings: { delay: 100 } }));
	await editor.edit((cut) => ({
		...cut,
		tracks: cut.tracks.map((track) => ({
			...track,
			clips: track.clips.map((clip) =>
				clip.name === 'right' ? { ...clip, range: { start: 24, end: 48 } } : clip,
			),
		})),
	}));
	const landing = await settled(peer, job!.id, 'not-landed');
	await peer.call('clip.withdraw', { landing: landing.id });
	expect((await landingOf(peer, job!.id)).state).toBe('withdrawn');
});

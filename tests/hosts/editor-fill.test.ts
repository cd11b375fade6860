import { afterAll, expect, it } from 'vitest';
import { connect, endAllDaemons, until } from '../daemon/harness.ts';
import { press, setUp, shotFor } from './film.ts';

afterAll(endAllDaemons);

it('an editor whose Fill fails says so in its words, and every panel has the job that failed', async () => {
	const { daemon, editor, peer } = await setUp();
	await peer.call('panel.remember', {
		key: 'request',
		value: { prompt: 'fog', engine: 'fake', draft: false, settings: { ending: 'no-space' } },
	});
	await editor.change({ playhead: 30 });
	await editor.fill();
	await until('the failure', () => editor.brief()?.said);
	expect(editor.brief()).toMatchObject({
		gap: 'V1 00:00:01:00, 12 frames',
		refusal: null,
		job: null,
		said: 'Pickup V1 00:00:01:00 take 1 was not made: the disk is full; free some space and press Fill again',
	});
	const panel = await connect(daemon);
	const { jobs } = await panel.call('job.list', {});
	expect(jobs).toMatchObject([
		{ state: 'failed', prompt: 'fog', takeOf: { take: 1 }, problem: { code: 'disk-full' } },
	]);
});

it('an editor whose Fill is refused is told why, and nothing is made', async () => {
	const { editor, peer } = await setUp();
	await peer.call('panel.remember', {
		key: 'request',
		value: { prompt: 'fog', engine: 'gone', draft: false },
	});
	await editor.change({ playhead: 30 });
	await expect(editor.fill()).rejects.toThrow(
		'Not filled: the engine of the last shot is not here; choose one in the panel',
	);
	expect((await peer.call('job.list', {})).jobs).toEqual([]);
});

it.each([
	['h264-intra', {}],
	['prores-422-hq', { codec: 'prores-422-hq' }],
] as const)('an editor is given clips that it plays: %s', async (codec, can) => {
	const { editor, peer } = await setUp({ can });
	const [job] = await press(peer, shotFor(editor, { settings: { finished: true } }));
	expect((await peer.waitForJob(job!.id, 'done')).clip).toMatchObject({ codec });
});

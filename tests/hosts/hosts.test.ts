import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EditorHost } from '../../protocol/hosts.ts';
import { MAX_MESSAGE_BYTES } from '../../protocol/rpc.ts';
import {
	connect,
	connectUngreeted,
	type Daemon,
	endAllDaemons,
	startDaemon,
	until,
} from '../daemon/harness.ts';
import { type Editor, openEditor } from '../fakes/editor.ts';
import { cutOf } from '../host-bridge/cuts.ts';

const CUT = cutOf({
	video: [
		[
			[0, 50],
			[75, 125],
		],
	],
	audio: [[[0, 50]]],
});

let daemon: Daemon;
const editors: Editor[] = [];
beforeAll(async () => {
	daemon = await startDaemon();
});
afterAll(async () => {
	for (const editor of editors) await editor.quit();
	await endAllDaemons();
});

async function open(cut = CUT, id?: `${string}-${string}-${string}-${string}-${string}`) {
	const editor = await openEditor(daemon, cut, id === undefined ? {} : { id });
	editors.push(editor);
	return editor;
}

describe('An editor that registers', () => {
	test('is there for every panel, with what changes in it, until it ends', async () => {
		const panels = await Promise.all([connect(daemon), connect(daemon)]);
		for (const panel of panels) await panel.call('host.watch', {});
		const editor = await open();
		await editor.change({ playhead: 60, busy: 'playing' });
		for (const panel of panels) {
			const seen = await until('the playhead', () => hostIn(panel.hosts, editor, 60));
			expect(seen.state).toEqual(editor.state());
			expect(seen.agent).toEqual(editor.agent);
		}
		const late = await connect(daemon);
		expect((await late.call('host.watch', {})).hosts).toContainEqual({
			agent: editor.agent,
			state: editor.state(),
		});
		await editor.quit();
		for (const panel of [...panels, late]) {
			await until('the editor to be gone', () => panel.hosts && !hostIn(panel.hosts, editor));
		}
	});

	test('gives its cut as it is, and moves its playhead', async () => {
		const editor = await open();
		const panel = await connect(daemon);
		const { cut, revision } = await panel.call('host.cut', { host: editor.agent.id });
		expect(cut).toEqual(CUT);
		expect(revision).toBe(editor.state().revision);
		await panel.call('host.show', { host: editor.agent.id, frame: 50 });
		expect(editor.state().playhead).toBe(50);
	});

	test('may have a cut that is larger than any other message', async () => {
		const clips = Array.from({ length: 8000 }, (_, n) => [n * 10, n * 10 + 8] as const);
		const film = cutOf({ video: [clips] });
		expect(JSON.stringify(film).length).toBeGreaterThan(MAX_MESSAGE_BYTES);
		const editor = await open(film);
		const panel = await connect(daemon);
		const { cut } = await panel.call('host.cut', { host: editor.agent.id });
		expect(cut).toEqual(film);
	});

	test('takes its own place when it connects anew', async () => {
		const id = randomUUID();
		const first = await open(CUT, id);
		const second = await open(CUT, id);
		const panel = await connect(daemon);
		const count = async () =>
			(await panel.call('host.watch', {})).hosts.filter(({ agent }) => agent.id === id).length;
		expect(await count()).toBe(1);
		// The end of the old connection is not the end of the new one.
		await first.quit();
		await panel.call('host.show', { host: id, frame: 10 });
		expect(second.state().playhead).toBe(10);
		expect(await count()).toBe(1);
	});
});

describe('What cannot be asked is said for what it is:', () => {
	test('an editor that is not there, or has nothing open', async () => {
		const panel = await connect(daemon);
		const host = randomUUID();
		expect(await panel.refusal('host.cut', { host })).toMatchObject({ code: 'no-such-host' });
		const editor = await open();
		await editor.change({ sequence: null });
		expect(await panel.refusal('host.cut', { host: editor.agent.id })).toMatchObject({
			code: 'no-such-host',
			message: 'No sequence is open in Fake',
		});
	});

	test('an editor that ends before it answers', async () => {
		const editor = await open();
		const panel = await connect(daemon);
		await editor.change({});
		editor.freeze();
		const refusal = panel.refusal('host.cut', { host: editor.agent.id });
		// The question comes before the end: one connection is read in order.
		await panel.call('job.list', {});
		await editor.quit();
		expect((await refusal).code).toMatch(/^(host-gone|no-such-host)$/);
	});

	test('what an agent answers that is no cut', async () => {
		const clips = [[0, 10]] as const;
		const editor = await open({ ...cutOf({ video: [clips] }), tracks: [{}] } as never);
		const panel = await connect(daemon);
		const refusal = await panel.refusal('host.cut', { host: editor.agent.id });
		expect(refusal.code).toBe('bad-message');
		expect(refusal.message).toContain('agent.cut: cut.tracks.0');
	});

	test('a change by a client that never registered', async () => {
		const editor = await open();
		const panel = await connect(daemon);
		const refusal = await panel.refusal('host.changed', { state: editor.state() });
		expect(refusal).toMatchObject({ code: 'no-such-host' });
	});
});

test('An answer that nobody asked for is passed over, before the hello it ends the connection', async () => {
	const panel = await connect(daemon);
	panel.socket.send(JSON.stringify({ jsonrpc: '2.0', id: 7, result: {} }));
	panel.socket.send(JSON.stringify({ jsonrpc: '2.0', id: 'x', error: 5 }));
	await panel.call('job.list', {});
	const stranger = await connectUngreeted(daemon);
	stranger.socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} }));
	expect(await stranger.closed).toBe(1008);
});

function hostIn(
	hosts: readonly EditorHost[] | null,
	{ agent }: Editor,
	playhead?: number,
): EditorHost | undefined {
	return hosts?.find(
		(host) =>
			host.agent.id === agent.id && (playhead === undefined || host.state.playhead === playhead),
	);
}

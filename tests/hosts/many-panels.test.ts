import { afterAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Panel } from '../../plugin/state/panel.ts';
import { type Client, connect as connectClient, type SocketLike } from '../../protocol/client.ts';
import type { Job } from '../../protocol/jobs.ts';
import type { Shot } from '../../protocol/shots.ts';
import {
	connect,
	type Daemon,
	endAllDaemons,
	type Peer,
	startDaemon,
	until,
} from '../daemon/harness.ts';
import { openEditor } from '../fakes/editor.ts';
import { type Random, randomFrom } from '../host-bridge/mutations.ts';
import { closePanels, openState } from '../plugin/panel.ts';
import { cutWithGap, press, settled, setUp, shotFor } from './film.ts';

afterAll(async () => {
	closePanels();
	await endAllDaemons();
});

/** For what comes within moments unless it never does. In ms. */
const PATIENCE = Number(process.env.PICKUP_TEST_PATIENCE ?? 600_000);

/** A panel, and a client beside it that notes the number of every event. */
type Watcher = {
	readonly panel: Panel;
	readonly numbers: readonly number[];
	/** What went wrong with following the events. */
	readonly problem: () => unknown;
	/** Ends its connections as a lost network would. */
	readonly cut: () => void;
	readonly close: () => void;
};

async function openWatcher(daemon: () => Daemon): Promise<Watcher> {
	const sockets: WebSocket[] = [];
	const openSocket = (url: string, protocols: string[]) => {
		const socket = new WebSocket(url, protocols);
		sockets.push(socket);
		return socket as unknown as SocketLike;
	};
	const panel = openState(daemon, { openSocket });
	const client = await connectClient({
		endpoint: async () => daemon(),
		openSocket,
		client: { name: 'watcher', version: '1' },
		patience: Number.POSITIVE_INFINITY,
	});
	const numbers: number[] = [];
	let problem: unknown = null;
	note(client, numbers).catch((error: unknown) => {
		problem = error;
	});
	return {
		panel,
		numbers,
		problem: () => problem,
		cut() {
			for (const socket of sockets.splice(0)) socket.terminate();
		},
		close() {
			panel.close();
			client.close();
		},
	};
}

async function note(client: Client, numbers: number[]): Promise<void> {
	for await (const { seq } of client.events(0)) numbers.push(seq);
}

it('twenty panels agree about one editor, whoever is cut off meanwhile, and over the death of the daemon', async () => {
	const random = randomFrom(20);
	const { daemon: first, editor, peer, project } = await setUp();
	let daemon = first;
	const watchers = await Promise.all(Array.from({ length: 20 }, () => openWatcher(() => daemon)));
	let isOver = false;
	const cutting = cutSome(watchers, random, () => isOver);

	const [one] = await press(peer, shotFor(editor));
	await settled(peer, one!.id, 'landed');
	await editor.undo();
	await settled(peer, one!.id, 'gone');
	await editor.redo();
	await settled(peer, one!.id, 'landed');
	for (const [at, { panel }] of watchers.entries()) {
		panel.actions.remember('theme', at % 2 === 0 ? 'dark' : 'light');
	}
	const [slow, other] = await press(
		peer,
		shotFor(editor, { range: { start: 70, end: 90 }, takes: 2, settings: { delay: 20 } }),
	);
	await peer.call('job.cancel', { jobId: other!.id });
	await sameOrder(watchers, peer, shotFor(editor, { range: { start: 100, end: 104 }, takes: 3 }));
	await peer.call('clip.mark', { jobIds: [one!.id], starred: true });

	daemon.child.kill('SIGKILL');
	await daemon.ended;
	daemon = await startDaemon({ state: daemon.state });
	const path = `${project}/film.prproj`;
	const back = await openEditor(daemon, editor.cut(), { path });
	const again = await connect(daemon);
	const visitor = await openEditor(daemon, cutWithGap());
	await visitor.change({ project: { id: 'other', name: 'Other', path: null } });
	await settled(again, slow!.id, 'landed');
	await back.change({ playhead: 33 });
	await visitor.quit();
	await again.call('panel.remember', { key: 'end', value: true });
	await again.call('queue.pause', { paused: true });
	isOver = true;
	await cutting;

	const { jobs, lastEvent } = await again.call('job.list', { limit: 100 });
	const { hosts } = await again.call('host.watch', {});
	const shared = await again.call('panel.watch', {});
	expect(hosts).toHaveLength(1);
	for (const { panel, numbers, problem } of watchers) {
		await until('the last event', () => problem() !== null || numbers.at(-1) === lastEvent);
		expect(problem()).toBeNull();
		expect(numbers).toEqual(Array.from({ length: lastEvent }, (_unused, at) => at + 1));
		const all = { shared, hosts, jobs: told(jobs) };
		await vi.waitFor(() => expect(known(panel)).toEqual(all), { timeout: PATIENCE });
	}
	for (const watcher of watchers) watcher.close();
});

/** One panel puts the last of the queue first: every panel shows that order. */
async function sameOrder(watchers: readonly Watcher[], peer: Peer, shot: Shot): Promise<void> {
	await peer.call('queue.pause', { paused: true });
	const takes = await press(peer, shot);
	const inQueue = (jobs: Iterable<Job>) =>
		[...jobs]
			.filter(({ state }) => state === 'queued')
			.map(({ id, position }) => `${position} ${id}`)
			.sort();
	const queued = await until('it to be moved', async () => {
		const { jobs } = await peer.call('job.list', { states: ['queued'] });
		if (jobs.find(({ id }) => id === takes[2]!.id)?.position === 0) return inQueue(jobs);
		// What is asked as a connection is cut off may be lost: the person asks again.
		watchers[7]!.panel.actions.move(takes[2]!.id, takes[0]!.id);
		return false;
	});
	for (const { panel } of watchers) {
		await until('the new order', () => {
			const order = inQueue(panel.store.getState().jobs.values());
			return JSON.stringify(order) === JSON.stringify(queued);
		});
	}
	for (const { id } of takes) await peer.call('job.cancel', { jobId: id });
	await peer.call('queue.pause', { paused: false });
}

/** Cuts off one after the other, each when another is there again. */
async function cutSome(
	watchers: readonly Watcher[],
	random: Random,
	isOver: () => boolean,
): Promise<void> {
	while (!isOver()) {
		const watcher = watchers[Math.floor(random() * watchers.length)]!;
		watcher.cut();
		await until('it to be back', () => {
			return isOver() || watcher.panel.store.getState().link.kind === 'connected';
		});
		await new Promise((resolve) => setTimeout(resolve, random() * 100));
	}
}

function known({ store }: Panel) {
	const { shared, hosts, jobs } = store.getState();
	return { shared, hosts, jobs: told([...jobs.values()]) };
}

/** Jobs without the times, which an event has a moment later than the journal. */
function told(jobs: readonly Job[]) {
	return jobs
		.map(({ createdAt, startedAt, endedAt, ...job }) => job)
		.sort((a, b) => a.id.localeCompare(b.id));
}

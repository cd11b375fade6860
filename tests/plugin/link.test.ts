import { expect, it } from 'vitest';
import { openLink } from '../../plugin/state/link.ts';
import type { SocketLike } from '../../protocol/client.ts';
import { PROTOCOL_VERSION } from '../../protocol/rpc.ts';

/** Answers as a daemon in which an editor connects between two of its answers. */
function socketOf(): SocketLike {
	const socket: SocketLike = {
		onopen: null,
		onmessage: null,
		onclose: null,
		onerror: null,
		close() {},
		send(text) {
			const { id, method } = JSON.parse(text);
			say({ id, result: ANSWERS[method] });
			if (method === 'host.watch') say({ method: 'hosts', params: { hosts: [HOST] } });
		},
	};
	// Every message is a task of its own, as in a browser.
	function say(message: object): void {
		setTimeout(() => {
			const event = { data: JSON.stringify({ jsonrpc: '2.0', ...message }) };
			socket.onmessage?.(event as never);
		});
	}
	setTimeout(() => socket.onopen?.({} as never));
	return socket;
}

const HOST = {
	agent: {
		id: '7d1c1c5a-55c5-4b1f-9f0e-3f6c2e6d8f21',
		program: 'Example',
		version: '1',
		can: {
			frame: true,
			addTracks: true,
			disable: true,
			swap: true,
			bin: true,
			undo: true,
			show: true,
		},
	},
	state: {
		project: null,
		sequence: null,
		revision: 1,
		playhead: null,
		selection: null,
		busy: null,
	},
};

const ANSWERS: Readonly<Record<string, object>> = {
	hello: {
		protocol: PROTOCOL_VERSION,
		version: '1',
		instance: '7d1c1c5a-55c5-4b1f-9f0e-3f6c2e6d8f21',
		lastEvent: 0,
		notices: [],
		codecs: [],
		engines: [],
	},
	'host.watch': { hosts: [] },
	'panel.watch': { memory: {}, paused: false },
	'job.list': { jobs: [], lastEvent: 0 },
	'events.subscribe': { events: [], lastEvent: 0 },
};

it('what is told while it is still being asked for is not taken back by an older answer', async () => {
	let hosts: readonly unknown[] = [];
	await new Promise<void>((resolve) => {
		openLink({
			endpoint: async () => ({ port: 1, token: '' }),
			openSocket: socketOf,
			version: '1',
			onHello() {},
			onNotice(notice) {
				if (notice.method === 'hosts') hosts = notice.params.hosts;
			},
			onJobs: () => resolve(),
			onEvent() {},
			onLost() {},
			onRefused() {},
		});
	});
	expect(hosts).toEqual([HOST]);
});

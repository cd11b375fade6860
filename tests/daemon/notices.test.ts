import { afterAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Client, connect, type SocketLike } from '../../protocol/client.ts';
import type { EditorHost } from '../../protocol/hosts.ts';
import type { Notice } from '../../protocol/rpc.ts';
import { openEditor } from '../fakes/editor.ts';
import { cutOf } from '../host-bridge/cuts.ts';
import { crash, type Daemon, endAllDaemons, startDaemon, until } from './harness.ts';

const clients: Client[] = [];
afterAll(async () => {
	for (const client of clients) client.close();
	await endAllDaemons();
});

test('A client is told what it watches, and after a restart of the daemon what it watches anew', async () => {
	let daemon = await startDaemon();
	const notices: Notice[] = [];
	const client = await connect({
		endpoint: async () => daemon,
		openSocket: (url, protocols) => new WebSocket(url, protocols) as unknown as SocketLike,
		client: { name: 'test', version: '1' },
		onNotice: (notice) => notices.push(notice),
	});
	clients.push(client);
	expect(await client.call('host.watch', {})).toEqual({ hosts: [] });
	const first = await openIn(daemon);
	expect(await told(first.agent.id)).toMatchObject({ state: { playhead: 0 } });

	await crash(daemon);
	daemon = await startDaemon({ state: daemon.state });
	await client.call('host.watch', {});
	const second = await openIn(daemon);
	expect(await told(second.agent.id)).toMatchObject({ state: { playhead: 0 } });

	function told(agent: string): Promise<EditorHost> {
		return until('the editor', () =>
			notices
				.flatMap((notice) => (notice.method === 'hosts' ? notice.params.hosts : []))
				.find((host) => host.agent.id === agent),
		);
	}
});

function openIn(daemon: Daemon) {
	return openEditor(daemon, cutOf({ video: [[[0, 50]]] }));
}

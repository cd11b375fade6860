import { type Client, connect, type SocketLike } from '../../protocol/client.ts';
import { PickupError, type Problem, problemOf } from '../../protocol/errors.ts';
import type { JobEvent } from '../../protocol/jobs.ts';
import type { Notice, Result } from '../../protocol/rpc.ts';

declare function setTimeout(callback: () => void, milliseconds: number): unknown;

export type LinkOptions = {
	/** Where the daemon listens, once it has proved that it is the daemon. */
	readonly endpoint: () => Promise<{ readonly port: number; readonly token: string }>;
	readonly openSocket: (url: string, protocols: string[]) => SocketLike;
	readonly version: string;
	readonly onHello: (hello: Result<'hello'>) => void;
	readonly onNotice: (notice: Notice) => void;
	readonly onJobs: (jobs: Result<'job.list'>) => void;
	readonly onEvent: (event: JobEvent) => void;
	/** `wasStopped`: it ended because somebody wanted it to. */
	readonly onLost: (problem: Problem | null, wasStopped: boolean) => void;
	/** It answers, and this panel is not let in, or too old: trying again would change nothing. */
	readonly onRefused: (problem: Problem) => void;
};

export type Link = {
	/** Throws `daemon-unreachable` while there is no connection. */
	readonly call: Client['call'];
	readonly close: () => void;
};

/** As many jobs are listed; older ones are in no list of a panel. */
const MOST_JOBS = 10_000;

/** How long to wait before all is asked for anew, in ms. */
const AGAIN_AFTER = 1000;

const FINAL: readonly string[] = ['wrong-token', 'version-mismatch', 'bad-message'];

/** Connects, tells everything that is and then what changes, for as long as it is not closed. */
export function openLink(options: LinkOptions): Link {
	let client: Client | null = null;
	let isClosed = false;
	/** What was told since it was asked for: it is newer than the answer. */
	const told = new Set<Notice['method']>();
	void follow();

	async function follow(): Promise<void> {
		while (!isClosed) {
			let problem: Problem | null = null;
			try {
				client = await connect({
					endpoint: options.endpoint,
					openSocket: options.openSocket,
					client: { name: 'panel', version: options.version },
					patience: Number.POSITIVE_INFINITY,
					onNotice: (notice) => {
						told.add(notice.method);
						options.onNotice(notice);
					},
					onStatus: (status) => {
						if (status !== 'connected') options.onLost(null, status === 'stopped');
						else if (client) watch(client).catch(() => {});
					},
				});
				await watch(client);
				const listed = await client.call('job.list', { limit: MOST_JOBS });
				options.onJobs(listed);
				for await (const event of client.events(listed.lastEvent)) options.onEvent(event);
			} catch (error) {
				problem = problemOf(error);
			}
			client?.close();
			client = null;
			if (isClosed) return;
			if (problem && FINAL.includes(problem.code)) return options.onRefused(problem);
			options.onLost(problem, false);
			await new Promise<void>((resolve) => setTimeout(resolve, AGAIN_AFTER));
		}
	}

	async function watch(connected: Client): Promise<void> {
		told.clear();
		const [hosts, shared] = await Promise.all([
			connected.call('host.watch', {}),
			connected.call('panel.watch', {}),
		]);
		options.onHello(connected.hello);
		if (!told.has('hosts')) options.onNotice({ method: 'hosts', params: hosts });
		if (!told.has('panel')) options.onNotice({ method: 'panel', params: shared });
	}

	return {
		call: (method, params) => {
			if (client) return client.call(method, params);
			return Promise.reject(new PickupError('daemon-unreachable', 'Not connected to the daemon'));
		},
		close() {
			isClosed = true;
			client?.close();
		},
	};
}

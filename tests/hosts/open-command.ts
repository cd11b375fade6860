import { type ChildProcess, spawn } from 'node:child_process';
import type { EditorHost } from '../../protocol/hosts.ts';
import { type Peer, until } from '../daemon/harness.ts';
import { PICKUP } from '../end-to-end/workbench.ts';

/** `pickup open` while it runs. */
export type OpenCommand = {
	/** Everything that it has written. */
	readonly said: () => string;
	/** Its exit code; −1 when a signal has ended it. */
	readonly ended: Promise<number>;
	/** Gives what `ended` gives. */
	readonly end: (signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL') => Promise<number>;
};

const running = new Set<ChildProcess>();

export function openCommand(
	state: string,
	args: readonly string[],
	environment: NodeJS.ProcessEnv = {},
): OpenCommand {
	const child = spawn(process.execPath, [PICKUP, 'open', ...args], {
		stdio: ['ignore', 'pipe', 'pipe'],
		env: { ...process.env, PICKUP_STATE: state, ...environment },
	});
	running.add(child);
	let text = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding('utf8').on('data', (chunk: string) => {
			text += chunk;
		});
	}
	const ended = new Promise<number>((resolve) =>
		child.on('close', (code) => {
			running.delete(child);
			resolve(code ?? -1);
		}),
	);
	return {
		said: () => text,
		ended,
		end(signal) {
			child.kill(signal);
			return ended;
		},
	};
}

/** For afterAll: nothing outlives the tests. */
export function killOpenCommands(): void {
	for (const child of running) child.kill('SIGKILL');
}

/** The agent of a timeline, once it is connected. */
export function hostOf(peer: Peer, path: string): Promise<EditorHost> {
	return until(`${path} to be open`, async () => {
		const { hosts } = await peer.call('host.watch', {});
		return hosts.find(({ state }) => state.project?.path === path);
	});
}

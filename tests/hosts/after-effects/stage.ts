import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
import { AfterEffects as Port } from '../../../host-bridge/after-effects/port.ts';
import type { AfterEffectsCalls } from '../../../host-bridge/after-effects/script/main.ts';
import { Agent } from '../../../host-bridge/agent/agent.ts';
import { get, readPortFile } from '../../../host-bridge/cep/daemon.ts';
import { ScriptLink } from '../../../host-bridge/cep/script-link.ts';
import type { SocketLike } from '../../../protocol/client.ts';
import { temporaryFolder } from '../../daemon/harness.ts';
import { AfterEffects } from '../../fakes/after-effects/program.ts';

/** After Effects with the script as it is built from these sources, and the agent’s side of it. */
export type Running = {
	readonly program: AfterEffects;
	readonly script: ScriptLink<AfterEffectsCalls>;
	readonly port: Port;
	readonly close: () => Promise<void>;
};

let built: Promise<string> | null = null;

export async function startAfterEffects(patience = 600_000): Promise<Running> {
	built ??= buildScript();
	const program = new AfterEffects();
	const script = new ScriptLink<AfterEffectsCalls>({
		cep: program.cep,
		program: 'After Effects',
		script: await built,
		name: 'pickupAfterEffects',
		patience,
	});
	const port = new Port({ script, version: '26.0', dialogAfter: 1000 });
	return {
		program,
		script,
		port,
		async close() {
			program.quit();
			await script.end();
		},
	};
}

/** The agent in it, which connects to the daemon of a state folder. */
export function startAgent({ port }: Running, state: string, id = randomUUID()): Agent {
	return new Agent(port, {
		id,
		readPortFile: () => readPortFile(state),
		get,
		openSocket: (url, protocols) => new WebSocket(url, protocols) as unknown as SocketLike,
		client: { name: 'pickup-after-effects', version: '1' },
		lookEvery: 50,
	});
}

async function buildScript(): Promise<string> {
	const folder = join(await temporaryFolder(), 'jsx');
	const build = join(import.meta.dirname, '../../../scripts/build-extendscript.mjs');
	await promisify(execFile)(process.execPath, [build, folder]);
	return join(folder, 'after-effects.jsx');
}

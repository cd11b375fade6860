import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { pathFrom } from '../../files/folders.ts';
import { PickupError } from '../../protocol/errors.ts';
import {
	connectToRunning,
	daemonProgram,
	ownStateFolder,
	runningDaemon,
	stopDaemon,
	withDaemon,
} from '../daemon-link.ts';
import { EXIT } from '../exit-codes.ts';
import { notAtLogin, startAtLogin } from '../install/at-login.ts';
import { thisMachine } from '../install/machine.ts';
import { openTerminal, type Terminal } from '../terminal.ts';

export function addDaemon(program: Command, exit: (code: number) => void): void {
	program
		.command('daemon')
		.description('run the daemon in the foreground, or ask about the one that runs')
		.argument('[what]', 'run, start, status or stop', 'run')
		.option('--at-login <on|off>', 'whether the system starts it when you log in')
		.option('--state <folder>', 'its state folder, if not PICKUP_STATE or the usual one')
		.option('--model <folder>', 'where it is started: weights for requests that name none')
		.option('--json', 'print JSON')
		.addHelpText(
			'after',
			`
Examples:
  pickup daemon --model /models/ltx2
  pickup daemon status
  pickup daemon stop
  pickup daemon --at-login on

Without --model, PICKUP_MODEL names the folder with the weights, else it is models/ltx2 in the state folder.`,
		)
		.action(async (what: string, options: DaemonOptions) => {
			const terminal = openTerminal(options.json === true);
			const state = options.state === undefined ? ownStateFolder() : pathFrom(options.state);
			const model = options.model === undefined ? undefined : pathFrom(options.model);
			if (options.atLogin !== undefined) {
				await setAtLogin(options.atLogin, { state, model }, terminal);
				exit(EXIT.ok);
				return;
			}
			if (what === 'run') {
				exit(await runInForeground(state, model));
				return;
			}
			if (!['start', 'status', 'stop'].includes(what)) {
				throw new PickupError('usage', `Expected run, start, status or stop, got "${what}"`);
			}
			if (what === 'start') await withDaemon({ expectJob: false, state, model }, async () => {});
			if (what === 'stop') {
				const { version, port, pid } = await stopDaemon(state);
				terminal.line(`Stopped the daemon (process ${pid})`);
				terminal.result({ version, port, pid, state, stopped: true });
			} else {
				await showStatus(state, terminal);
			}
			exit(EXIT.ok);
		});
}

type DaemonOptions = {
	readonly json?: boolean;
	readonly state?: string;
	readonly model?: string;
	readonly atLogin?: string;
};

async function setAtLogin(
	wanted: string,
	{ state, model }: { readonly state: string; readonly model: string | undefined },
	terminal: Terminal,
): Promise<void> {
	const machine = thisMachine();
	if (wanted !== 'on' && wanted !== 'off') {
		throw new PickupError('usage', `Expected --at-login on or off, got "${wanted}"`, {
			field: '--at-login',
		});
	}
	if (wanted === 'off') {
		const was = await notAtLogin(machine);
		terminal.line(
			was
				? 'The system starts the daemon no more when you log in.'
				: 'The system did not start the daemon when you log in.',
		);
		terminal.result({ atLogin: false });
		return;
	}
	const where = await startAtLogin(machine, {
		node: process.execPath,
		daemon: daemonProgram(),
		pickup: resolve(process.argv[1]!),
		state,
		model,
	});
	terminal.line(`The system starts the daemon when you log in: ${where}`);
	terminal.result({ atLogin: true, where });
}

async function showStatus(state: string, terminal: Terminal): Promise<void> {
	const { port, pid } = await runningDaemon(state);
	const client = await connectToRunning(state);
	client.close();
	const { version, engines } = client.hello;
	terminal.line(`Pickup ${version} listens on 127.0.0.1:${port}, process ${pid}`);
	terminal.line(`State folder: ${state}`);
	for (const engine of engines) {
		terminal.line(`Engine ${engine.name}: ${engine.ready ? engine.summary : 'not ready'}`);
		if (engine.model) terminal.line(`  ${engine.model.title} in ${engine.model.folder}`);
	}
	terminal.result({ version, port, pid, state, engines, stopped: false });
}

/** The daemon as a child on this terminal: whatever ends the command ends it too, in order. */
function runInForeground(state: string, model: string | undefined): Promise<number> {
	const options = ['--state', state, ...(model === undefined ? [] : ['--model', model])];
	const child = spawn(process.execPath, [daemonProgram(), ...options], { stdio: 'inherit' });
	const forward = (signal: NodeJS.Signals) => child.kill(signal);
	for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, forward);
	return new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('exit', (code) => resolve(code === 0 ? EXIT.ok : EXIT.machine));
	});
}

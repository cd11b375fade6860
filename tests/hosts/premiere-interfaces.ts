import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
import { Agent } from '../../host-bridge/agent/agent.ts';
import { get, readPortFile } from '../../host-bridge/cep/daemon.ts';
import { ScriptLink } from '../../host-bridge/cep/script-link.ts';
import { Premiere } from '../../host-bridge/premiere-cep/port.ts';
import type { PremiereCalls } from '../../host-bridge/premiere-cep/script/main.ts';
import type { SocketLike } from '../../protocol/client.ts';
import { buildPremiere } from '../../scripts/build-premiere.mjs';
import type { Daemon } from '../daemon/harness.ts';
import { type Fault, LANDING_FAULTS, SCRIPT_LANDING_FAULTS } from '../fakes/premiere/faults.ts';
import type { Project } from '../fakes/premiere/model.ts';
import { ScriptedPremiere } from '../fakes/premiere/script.ts';
import {
	homeWith,
	loadPlugin,
	type Plugin,
	type UxpPlatform,
} from '../fakes/premiere/uxp-runtime.ts';

/** One of the two ways in which Pickup is in Premiere. */
export type PremiereInterface = {
	readonly name: 'UXP' | 'scripts';
	/** What can go wrong with a landing. */
	readonly faults: readonly Fault[];
	/** Premiere says which tracks are locked. */
	readonly tellsLocks: boolean;
	/** All of an edit is one undo step, and what was done is kept with the sequence. */
	readonly hasTransactions: boolean;
	/** Premiere on a project, of a person whose daemon it is. */
	readonly open: (daemon: Pick<Daemon, 'state'>, project: Project) => Promise<OpenPremiere>;
};

export type OpenPremiere = { readonly unload: () => void };

const folder = mkdtempSync(join(tmpdir(), 'pickup-premiere-'));
const root = join(import.meta.dirname, '../..');
/** Built once per test file. */
let plugin: Promise<unknown> | null = null;
let script: Promise<unknown> | null = null;

/** For afterAll. */
export async function forgetPremiere(): Promise<void> {
	await rm(folder, { recursive: true, force: true });
}

export type OpenPlugin = {
	readonly platform?: UxpPlatform;
	readonly refusesList?: boolean;
	readonly variant?: 'premiere-uxp' | 'premiere-uxp-all';
};

export async function openPlugin(
	{ state }: Pick<Daemon, 'state'>,
	project: Project,
	{ platform = 'darwin', refusesList = false, variant = 'premiere-uxp' }: OpenPlugin = {},
): Promise<Plugin> {
	plugin ??= buildPremiere({ folder });
	await plugin;
	const home = await homeWith(state, await mkdtemp(join(folder, 'home-')), platform);
	return loadPlugin(join(folder, variant), project, { home, platform, refusesList });
}

export type OpenScripts = OpenPremiere & {
	readonly program: ScriptedPremiere;
	readonly port: Premiere;
	readonly agent: Agent;
};

export async function openScripts(
	{ state }: Pick<Daemon, 'state'>,
	project: Project,
): Promise<OpenScripts> {
	const { program, port, end } = await startScripts(project);
	const agent = new Agent(port, {
		id: randomUUID(),
		readPortFile: () => readPortFile(state),
		get,
		openSocket: (url, protocols) => new WebSocket(url, protocols) as unknown as SocketLike,
		client: { name: 'pickup-cep', version: '1' },
		lookEvery: 50,
	});
	const unload = () => {
		agent.end();
		void end();
	};
	return { program, port, agent, unload };
}

/** Premiere with the script as it is built from these sources, and the agent's side of it. */
export async function startScripts(project: Project) {
	const build = join(root, 'scripts/build-extendscript.mjs');
	script ??= promisify(execFile)(process.execPath, [build, join(folder, 'jsx')]);
	await script;
	const program = new ScriptedPremiere(project);
	const link = new ScriptLink<PremiereCalls>({
		cep: program.cep,
		program: 'Premiere',
		script: join(folder, 'jsx/premiere.jsx'),
		name: 'pickupPremiere',
		patience: 600_000,
	});
	const port = new Premiere({ script: link, version: '24.1.0', dialogAfter: 1000 });
	return { program, port, link, end: () => link.end() };
}

export const UXP: PremiereInterface = {
	name: 'UXP',
	faults: LANDING_FAULTS,
	tellsLocks: false,
	hasTransactions: true,
	open: (daemon, project) => openPlugin(daemon, project),
};

export const SCRIPTS: PremiereInterface = {
	name: 'scripts',
	faults: SCRIPT_LANDING_FAULTS,
	tellsLocks: true,
	hasTransactions: false,
	open: openScripts,
};

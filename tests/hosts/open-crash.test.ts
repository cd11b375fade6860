import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import {
	connect,
	crash,
	type Daemon,
	endAllDaemons,
	type Peer,
	startDaemon,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';
import { FORMATS, PICKUP } from '../end-to-end/workbench.ts';
import { tries } from '../tries.ts';

const RANGE = { start: 50, end: 58 };
const CUT = {
	name: 'Cut',
	rate: { num: 25, den: 1 },
	size: { width: 64, height: 36 },
	startFrame: 0,
	clips: [
		{ name: 'A', path: '/media/a.mov', start: 0, frames: 50 },
		{ name: 'B', path: '/media/b.mov', start: 75, frames: 50 },
	],
};

const commands = new Set<ChildProcess>();
afterAll(async () => {
	for (const command of commands) command.kill('SIGKILL');
	await endAllDaemons();
});

/** Starts the command; it finds the daemon, which has to run. */
function open(path: string, { state }: Daemon): ChildProcess {
	const command = spawn(process.execPath, [PICKUP, 'open', path], {
		stdio: 'ignore',
		env: { ...process.env, PICKUP_STATE: state },
	});
	commands.add(command);
	return command;
}

async function killed(command: ChildProcess): Promise<void> {
	const ended = new Promise((resolve) => command.once('exit', resolve));
	command.kill('SIGKILL');
	await ended;
	commands.delete(command);
}

async function hostOf(peer: Peer, path: string) {
	return until(`${path} to be open`, async () =>
		(await peer.call('host.watch', {})).hosts.find(({ state }) => state.project?.path === path),
	);
}

const MOMENTS = Array.from({ length: tries(6, 300) }, (_, at) => ({
	at,
	who: (['the command', 'the daemon', 'both'] as const)[at % 3]!,
	// From the press to well after the landing.
	after: (at * 337) % 2000,
	format: FORMATS[Math.floor(at / 3) % FORMATS.length]!,
}));

test.each(MOMENTS)(
	'$who killed $after ms after the press: the clip lands once ($at)',
	async ({ who, after, format: [name, write] }) => {
		let daemon = await startDaemon();
		const folder = await temporaryFolder();
		const path = join(folder, name);
		await writeFile(path, write(CUT));
		let command = open(path, daemon);
		let peer = await connect(daemon);
		const host = await hostOf(peer, path);
		const shot = {
			id: randomUUID(),
			host: host.agent.id,
			project: host.state.project!.id,
			sequence: host.state.sequence!.id,
			verb: 'insert' as const,
			track: 'V1',
			range: RANGE,
			prompt: 'grey',
			engine: 'fake',
			seed: 7,
			takes: 1,
			draft: false,
			settings: { delay: 20 },
		};
		const [job] = (await peer.call('shot.submit', { shot })).jobs;
		await pause(after);
		if (who !== 'the daemon') await killed(command);
		if (who !== 'the command') await crash(daemon);
		if (who !== 'the command') daemon = await startDaemon({ state: daemon.state });
		if (who !== 'the daemon') command = open(path, daemon);
		peer = await connect(daemon);
		const done = await until('the clip to be landed', async () => {
			const found = (await peer.call('job.get', { jobId: job!.id })).job;
			expect(found.landings.map(({ state }) => state)).not.toContain('not-landed');
			return found.landings.some(({ state }) => state === 'landed') ? found : null;
		});
		const { agent } = await hostOf(peer, path);
		const { cut } = await peer.call('host.cut', { host: agent.id });
		const stands = cut.tracks.flatMap(({ kind, clips }) =>
			clips
				.filter(({ source }) => source.kind === 'file' && source.path === done.clip!.path)
				.map(({ range }) => ({ kind, range })),
		);
		expect(stands.filter(({ kind }) => kind === 'video')).toEqual([
			{ kind: 'video', range: RANGE },
		]);
		expect(stands).toHaveLength(cut.splitStereo ? 3 : 2);
		expect(cut.tracks[0]?.clips.map(({ name: clip }) => clip)).toEqual([
			'A',
			expect.any(String),
			'B',
		]);
		await killed(command);
		await peer.close();
		await crash(daemon);
	},
);

import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import {
	connect,
	crash,
	endAllDaemons,
	readPortFile,
	startDaemon,
	temporaryFolder,
	until,
} from '../daemon/harness.ts';
import { FORMATS } from '../end-to-end/workbench.ts';
import { CUT } from '../host-bridge/gap-cut.ts';
import { tries } from '../tries.ts';
import { hostOf, killOpenCommands, openCommand } from './open-command.ts';

const RANGE = { start: 50, end: 58 };
afterAll(async () => {
	killOpenCommands();
	await endAllDaemons();
});

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
		const daemon = await startDaemon();
		const { state } = daemon;
		const folder = await temporaryFolder();
		const path = join(folder, name);
		await writeFile(path, write(CUT));
		const engine = { PICKUP_ENGINE_MODULE: join(dirname(daemon.child.spawnargs[1]!), 'fake.mjs') };
		let command = openCommand(daemon.state, [path], engine);
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
		if (who !== 'the daemon') await command.end('SIGKILL');
		if (who !== 'the command') await crash(daemon);
		if (who === 'both') await startDaemon({ state });
		if (who !== 'the daemon') command = openCommand(state, [path], engine);
		// A command that is alive starts a daemon itself.
		const now = await until('the daemon', async () => {
			const found = await readPortFile(state).catch(() => null);
			return found && (who === 'the command' || found.pid !== daemon.pid) ? found : null;
		});
		peer = await connect(now);
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
		await command.end('SIGKILL');
		process.kill(now.pid, 'SIGKILL');
		await peer.closed;
	},
);

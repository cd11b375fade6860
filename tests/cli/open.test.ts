import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fcp7Xml } from '../../demo/timelines.ts';
import { connect, type Peer, readPortFile, until } from '../daemon/harness.ts';
import { openWorkbench, type Workbench } from '../end-to-end/workbench.ts';
import { CUT as GAP_CUT } from '../host-bridge/gap-cut.ts';
import { hostOf, killOpenCommands, type OpenCommand, openCommand } from '../hosts/open-command.ts';

const CUT = { ...GAP_CUT, name: 'Harbour' };

let bench: Workbench;
beforeAll(async () => {
	bench = await openWorkbench();
});
afterAll(async () => {
	killOpenCommands();
	await bench.close();
});

function open(...args: string[]): OpenCommand {
	return openCommand(bench.state, args);
}

async function writeCut(name: string): Promise<string> {
	const path = join(bench.folder, name);
	await writeFile(path, fcp7Xml(CUT));
	return path;
}

async function panel(): Promise<Peer> {
	const peer = await connect(await readPortFile(bench.state));
	await peer.call('host.watch', {});
	return peer;
}

describe('pickup open', () => {
	test('is the agent of a timeline file until Ctrl+C, and starts the daemon', async () => {
		const path = await writeCut('cut.xml');
		const command = open(path);
		await until('the panel', () => command.said().includes('The panel is at'));
		const { port, token } = await readPortFile(bench.state);
		expect(command.said()).toContain(`http://127.0.0.1:${port}/panel/`);
		expect(command.said()).not.toContain(token);
		const peer = await panel();
		const { agent, state } = await hostOf(peer, path);
		expect(agent).toMatchObject({ program: 'Timeline file', can: { swap: true, undo: false } });
		expect(state).toMatchObject({
			project: { name: 'cut.xml', mediaFolder: join(bench.folder, 'cut pickup', 'media') },
			sequence: { name: 'Harbour' },
			playhead: 0,
		});
		const { cut } = await peer.call('host.cut', { host: agent.id });
		expect(cut.sequence).toMatchObject({ name: 'Harbour', startFrame: 90_000 });
		expect(cut.tracks[0]?.clips.map(({ range }) => range)).toEqual([
			{ start: 0, end: 50 },
			{ start: 75, end: 125 },
		]);
		await peer.call('host.show', { host: agent.id, frame: 60 });
		await until('the playhead', () =>
			peer.hosts?.some((host) => host.agent.id === agent.id && host.state.playhead === 60),
		);
		expect(await command.end('SIGINT')).toBe(0);
		expect(command.said()).toContain('wait until you open');
		await until('it to be gone', async () =>
			(await peer.call('host.watch', {})).hosts.every((host) => host.agent.id !== agent.id),
		);
		expect(await readFile(path, 'utf8')).toBe(fcp7Xml(CUT));
	});

	test('tells that the timeline was saved anew, and is there again when the daemon is', async () => {
		const path = await writeCut('again.xml');
		const command = open(path);
		await until('the panel', () => command.said().includes('The panel is at'));
		let peer = await panel();
		const before = await hostOf(peer, path);
		const longer = { ...CUT, clips: [...CUT.clips, { ...CUT.clips[1]!, start: 200 }] };
		await writeFile(path, fcp7Xml(longer));
		await until('the change', () =>
			peer.hosts?.some(({ state }) => state.revision > before.state.revision),
		);
		const { pid } = await readPortFile(bench.state);
		process.kill(pid, 'SIGKILL');
		await until('the new daemon', async () => {
			const now = await readPortFile(bench.state).catch(() => null);
			return now !== null && now.pid !== pid;
		});
		peer = await panel();
		const { agent } = await hostOf(peer, path);
		expect(agent.id).toBe(before.agent.id);
		const { cut } = await peer.call('host.cut', { host: agent.id });
		expect(cut.tracks[0]?.clips).toHaveLength(3);
		expect(await command.end('SIGTERM')).toBe(0);
	});

	test('a second time on the same file shows the panel of the first and ends', async () => {
		const path = await writeCut('twice.xml');
		const first = open(path);
		await until('the panel', () => first.said().includes('The panel is at'));
		const peer = await panel();
		const { agent } = await hostOf(peer, path);
		const second = open(path, '--json');
		expect(await second.ended).toBe(0);
		expect(JSON.parse(second.said())).toMatchObject({ host: agent.id, timeline: path });
		expect(await first.end('SIGINT')).toBe(0);
	});

	test('without a timeline says where the panel is and what is connected', async () => {
		const path = await writeCut('other.xml');
		const first = open(path);
		await until('the panel', () => first.said().includes('The panel is at'));
		const command = open();
		expect(await command.ended).toBe(0);
		expect(command.said()).toContain('Timeline file: other.xml');
		expect(command.said()).toContain('/panel/');
		await first.end('SIGINT');
	});

	test.skipIf(process.platform !== 'linux')(
		'opens the browser with the token in the fragment, and tells it to nobody else',
		async () => {
			const path = await writeCut('seen.xml');
			const bin = join(bench.folder, 'bin');
			const opened = join(bench.folder, 'opened');
			await mkdir(bin);
			const withBrowser = { PATH: `${bin}:${process.env.PATH}` };
			await writeFile(join(bin, 'xdg-open'), `#!/bin/sh\necho "$1" > '${opened}'\n`, {
				mode: 0o755,
			});
			const command = openCommand(bench.state, [path, '--browser'], withBrowser);
			await until('the browser', () => command.said().includes('in your browser'));
			const { port, token } = await readPortFile(bench.state);
			const { agent } = await hostOf(await panel(), path);
			const address = `http://127.0.0.1:${port}/panel/#token=${token}&host=${agent.id}`;
			expect((await readFile(opened, 'utf8')).trim()).toBe(address);
			expect(command.said()).not.toContain(token);
			await command.end('SIGINT');
			await writeFile(join(bin, 'xdg-open'), '#!/bin/sh\nexit 3\n');
			const without = openCommand(bench.state, ['--browser'], withBrowser);
			expect(await without.ended).toBe(0);
			expect(without.said()).toContain('The panel is at');
		},
	);

	test('a file that is no timeline is refused before anything is opened', async () => {
		const path = join(bench.folder, 'notes.txt');
		await writeFile(path, 'nothing');
		const command = open(path);
		expect(await command.ended).toBe(3);
		expect(command.said()).toContain('Expected FCP 7 XML, OpenTimelineIO or an MLT project');
	});
});

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fcp7Xml } from '../../demo/timelines.ts';
import type { EditorHost } from '../../protocol/hosts.ts';
import { connect, type Peer, readPortFile, until } from '../daemon/harness.ts';
import { openWorkbench, PICKUP, type Workbench } from '../end-to-end/workbench.ts';

const CUT = {
	name: 'Harbour',
	rate: { num: 25, den: 1 },
	size: { width: 640, height: 360 },
	startFrame: 90_000,
	clips: [
		{ name: 'A', path: '/media/a.mov', start: 0, frames: 50 },
		{ name: 'B', path: '/media/b.mov', start: 75, frames: 50 },
	],
};

let bench: Workbench;
const commands: Opened[] = [];
beforeAll(async () => {
	bench = await openWorkbench();
});
afterAll(async () => {
	for (const { child } of commands) child.kill('SIGKILL');
	await bench.close();
});

/** `pickup open` while it runs. */
type Opened = {
	readonly child: ChildProcess;
	readonly said: () => string;
	readonly ended: Promise<number>;
};

function open(...given: (string | NodeJS.ProcessEnv)[]): Opened {
	const args = given.filter((each) => typeof each === 'string');
	const environment = given.filter((each) => typeof each !== 'string');
	const child = spawn(process.execPath, [PICKUP, 'open', ...args], {
		stdio: ['ignore', 'pipe', 'pipe'],
		env: Object.assign({}, process.env, { PICKUP_STATE: bench.state }, ...environment),
	});
	let text = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding('utf8').on('data', (chunk: string) => {
			text += chunk;
		});
	}
	const ended = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)));
	const command = { child, said: () => text, ended };
	commands.push(command);
	return command;
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

async function hostOf(peer: Peer, path: string): Promise<EditorHost> {
	return until(`${path} among the editors`, async () => {
		const { hosts } = await peer.call('host.watch', {});
		return hosts.find(({ state }) => state.project?.path === path);
	});
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
		command.child.kill('SIGINT');
		expect(await command.ended).toBe(0);
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
		command.child.kill('SIGTERM');
		expect(await command.ended).toBe(0);
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
		first.child.kill('SIGINT');
		expect(await first.ended).toBe(0);
	});

	test('without a timeline says where the panel is and what is connected', async () => {
		const path = await writeCut('other.xml');
		const first = open(path);
		await until('the panel', () => first.said().includes('The panel is at'));
		const command = open();
		expect(await command.ended).toBe(0);
		expect(command.said()).toContain('Timeline file: other.xml');
		expect(command.said()).toContain('/panel/');
		first.child.kill('SIGINT');
		await first.ended;
	});

	test.skipIf(process.platform !== 'linux')(
		'opens the browser with the token in the fragment, and tells it to nobody else',
		async () => {
			const path = await writeCut('seen.xml');
			const bin = join(bench.folder, 'bin');
			const opened = join(bench.folder, 'opened');
			await mkdir(bin);
			await writeFile(join(bin, 'xdg-open'), `#!/bin/sh\necho "$1" > '${opened}'\n`, {
				mode: 0o755,
			});
			const command = open(path, '--browser', { PATH: `${bin}:${process.env.PATH}` });
			await until('the browser', () => command.said().includes('in your browser'));
			const { port, token } = await readPortFile(bench.state);
			const { agent } = await hostOf(await panel(), path);
			const address = `http://127.0.0.1:${port}/panel/#token=${token}&host=${agent.id}`;
			expect((await readFile(opened, 'utf8')).trim()).toBe(address);
			expect(command.said()).not.toContain(token);
			command.child.kill('SIGINT');
			await command.ended;
			await writeFile(join(bin, 'xdg-open'), '#!/bin/sh\nexit 3\n');
			const without = open('--browser', { PATH: `${bin}:${process.env.PATH}` });
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

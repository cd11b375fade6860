import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../demo/ffmpeg.ts';
import { stateFolder } from '../../files/folders.ts';
import { PROTOCOL_VERSION, SUBPROTOCOL } from '../../protocol/rpc.ts';
import {
	connect,
	crash,
	endAllDaemons,
	type Peer,
	readPortFile,
	startDaemon,
	stop,
	until,
} from '../daemon/harness.ts';
import { type Blender, endAllBlenders, startBlender } from './blender.ts';

const addon = join(import.meta.dirname, '../../host-bridge/blender/pickup');
const shared = join(import.meta.dirname, '../../host-bridge/python');
let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup blender '));
});
afterAll(async () => {
	await endAllBlenders();
	await endAllDaemons();
	await rm(folder, { recursive: true, force: true });
});

function blenderAt(state: string, env: Readonly<Record<string, string>> = {}): Promise<Blender> {
	return startBlender('module', { state, home: join(folder, 'home'), env });
}

async function packed(): Promise<string> {
	const pack = "import { packBlender } from './scripts/pack-blender.mjs'; packBlender('.')";
	await run(process.execPath, ['--input-type=module', '-e', pack]);
	return join(import.meta.dirname, '../../dist/pickup-blender.zip');
}

/** The editor that is connected, once one is, as the panel is told. */
function hostOf(panel: Peer) {
	return until('Blender', async () => (await panel.call('host.watch', {})).hosts[0]);
}

test('Blender registers with the daemon, gives its cut and shows a frame', async () => {
	const daemon = await startDaemon();
	const blender = await blenderAt(daemon.state);
	const panel = await connect(daemon);
	const { agent, state } = await hostOf(panel);
	expect(agent).toMatchObject({ program: 'Blender', version: '5.0.1' });
	expect(agent.can).toMatchObject({ frame: true, swap: true, bin: false, undo: false });
	expect(state).toMatchObject({ project: { name: 'Untitled', path: null }, busy: null });
	await blender.run("fresh()\neffect('title', 'TEXT', 3, 11, 41)");
	await until('the new file', async () => {
		const now = await hostOf(panel);
		return now.state.project?.id !== state.project?.id;
	});
	const { cut } = await panel.call('host.cut', { host: agent.id });
	expect(cut.tracks.map(({ name, clips }) => [name, clips.length])).toEqual([['V3', 1]]);
	await panel.call('host.show', { host: agent.id, frame: 20 });
	expect(await blender.run('result = scene.frame_current')).toBe(21);
	await until('the playhead', () => panel.hosts?.[0]?.state.playhead === 20);
	await blender.kill();
	await until('Blender to be gone', () => panel.hosts?.length === 0);
});

test('Blender is there again, as the same, when a daemon that died has come back', async () => {
	const first = await startDaemon();
	await blenderAt(first.state);
	const before = await hostOf(await connect(first));
	await crash(first);
	const second = await startDaemon({ state: first.state });
	expect(second.pid).not.toBe(first.pid);
	const after = await hostOf(await connect(second));
	expect(after).toEqual(before);
});

test('Blender 5 takes the add-on as an extension', async () => {
	const daemon = await startDaemon();
	const zip = await packed();
	const home = join(folder, 'extended');
	const blender = await startBlender('module', { state: daemon.state, home, zip });
	const { agent } = await hostOf(await connect(daemon));
	expect(agent.version).toBe('5.0.1');
	const chosen = 'bpy.context.preferences.addons["bl_ext.user_default.pickup"].preferences';
	expect(await blender.run(`result = ${chosen}.start`)).toBe('ASK');
	await blender.kill();
});

describe('Where no daemon runs', () => {
	const start = 'result = bpy.ops.pickup.start_daemon() == {"FINISHED"}';

	test('Blender starts it once it has run here before', async () => {
		const daemon = await startDaemon();
		await stop(daemon);
		const blender = await blenderAt(daemon.state);
		expect(await blender.run(start)).toBe(true);
		await until('a daemon', () => existsSync(join(daemon.state, 'daemon.json')));
		const started = await readPortFile(daemon.state);
		const panel = await connect(started);
		expect((await hostOf(panel)).agent.program).toBe('Blender');
		// It goes on without the Blender that has started it.
		await blender.kill();
		await until('Blender to be gone', () => panel.hosts?.length === 0);
		await panel.call('daemon.stop', {});
		await panel.closed;
	});

	test('any more, Blender starts it without asking where the person said so', async () => {
		const daemon = await startDaemon();
		const home = join(folder, 'installed');
		const zip = await packed();
		const blender = await startBlender('window', { state: daemon.state, home, zip });
		await hostOf(await connect(daemon));
		await blender.run("bpy.context.preferences.addons['pickup'].preferences.start = 'ALWAYS'");
		await crash(daemon);
		const next = await until('another daemon', async () => {
			const found = await readPortFile(daemon.state).catch(() => null);
			return found && found.pid !== daemon.pid && found;
		});
		const panel = await connect(next);
		expect((await hostOf(panel)).agent.program).toBe('Blender');
		await panel.call('daemon.stop', {});
		await panel.closed;
		await blender.kill();
	});

	test('and none ever has, Blender says what to do', async () => {
		const state = join(folder, 'nothing here');
		await mkdir(state);
		const blender = await blenderAt(state);
		await expect(blender.run(start)).rejects.toThrow('Start Pickup once with `pickup daemon`');
	});

	test('the token is not told to a stranger on its port', async () => {
		const heard: string[] = [];
		const stranger = createServer((request, response) => {
			heard.push(`${request.url} ${JSON.stringify(request.headers)}`);
			response.end('0'.repeat(64));
		});
		await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
		const { port } = stranger.address() as AddressInfo;
		const state = join(folder, 'stranger');
		const token = 'c0ffee'.padEnd(64, '0');
		await mkdir(state);
		const portFile = { port, token, pid: 1, protocol: PROTOCOL_VERSION, version: '1' };
		await writeFile(join(state, 'daemon.json'), JSON.stringify(portFile));
		const blender = await blenderAt(state);
		await until('a second try', () => heard.length >= 2);
		expect(heard.join('\n')).not.toContain(token);
		await blender.kill();
		stranger.close();
	});
});

describe('The add-on agrees with the rest of Pickup on', () => {
	const python = (code: string, env: NodeJS.ProcessEnv = {}) =>
		new Promise<string>((resolve, reject) => {
			const whole = `import sys; sys.path.insert(0, ${JSON.stringify(shared)}); ${code}`;
			const child = spawn('python3', ['-B', '-c', whole], { env: { ...process.env, ...env } });
			let said = '';
			child.stdout.setEncoding('utf8').on('data', (piece) => {
				said += piece;
			});
			child.on('error', reject).on('close', () => resolve(said.trim()));
		});

	test('its version and the protocol', async () => {
		const root = join(import.meta.dirname, '../..');
		const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
		const [own, info, manifest] = await Promise.all(
			[
				join(shared, 'version.py'),
				join(addon, '__init__.py'),
				join(addon, 'blender_manifest.toml'),
			].map((path) => readFile(path, 'utf8')),
		);
		expect(own).toContain(`VERSION = "${version}"`);
		expect(info).toContain(`"version": (${version.split('.').join(', ')})`);
		expect(manifest).toContain(`\nversion = "${version}"\n`);
		const said = await python('import daemon; print(daemon.PROTOCOL, daemon.SUBPROTOCOL)');
		expect(said).toBe(`${PROTOCOL_VERSION} ${SUBPROTOCOL}`);
	});

	test('where the state folder is', async () => {
		const ask = 'import daemon; print(daemon.state_folder())';
		const home = { PICKUP_STATE: '', XDG_DATA_HOME: '' };
		expect(await python(ask, home)).toBe(stateFolder(undefined));
		expect(await python(ask, { PICKUP_STATE: '~/x' })).toBe(stateFolder('~/x'));
		expect(await python(ask, { PICKUP_STATE: 'x/../y' })).toBe(stateFolder('x/../y'));
		const elsewhere = { PICKUP_STATE: '', XDG_DATA_HOME: '/data' };
		expect(await python(ask, elsewhere)).toBe('/data/pickup');
	});

	test('what is Python’s own and nothing else', async () => {
		const imports =
			"import ast, glob, os; print(*sorted({name.split('.')[0] for folder in " +
			`[sys.path[0], ${JSON.stringify(addon)}] for path in ` +
			"glob.glob(os.path.join(folder, '*.py')) for node in ast.walk(ast.parse(open(path).read())) " +
			'for name in ([each.name for each in node.names] if isinstance(node, ast.Import) else ' +
			'[node.module] if isinstance(node, ast.ImportFrom) and node.level == 0 else [])} ' +
			'- set(sys.stdlib_module_names)))';
		expect(await python(imports)).toBe('bpy');
	});
});

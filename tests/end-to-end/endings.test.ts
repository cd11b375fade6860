import { spawn } from 'node:child_process';
import { chmod, chown, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fcp7Xml, otio, type SimpleCut } from '../../demo/timelines.ts';
import { openTimeline } from '../../host-bridge/timeline-file/host.ts';
import type { Problem } from '../../protocol/errors.ts';
import type { Job } from '../../protocol/jobs.ts';
import { endAllDaemons, readPortFile, startDaemon, until } from '../daemon/harness.ts';
import { makeNumberedShot, NUMBERED_SIZE } from './numbered.ts';
import { type Made, openWorkbench, PICKUP, pickupAsOther, type Workbench } from './workbench.ts';

/** How commands end that are refused, interrupted or left alone by their daemon. */

const RATE = { num: 25, den: 1 };

let bench: Workbench;
let shot: string;
beforeAll(async () => {
	bench = await openWorkbench();
	shot = join(bench.folder, 'shot.mov');
	await makeNumberedShot(shot, RATE, 0, 25, { hertz: 440, level: 0.2 });
});
afterAll(async () => {
	await endAllDaemons();
	await bench.close();
});

type Wanted = { readonly gap?: number; readonly size?: SimpleCut['size']; readonly media?: string };

function cutOf({ gap = 10, size = NUMBERED_SIZE, media = shot }: Wanted = {}): SimpleCut {
	return {
		name: 'cut',
		rate: RATE,
		size,
		startFrame: 0,
		clips: [
			{ name: 'left', path: media, start: 0, frames: 25 },
			{ name: 'right', path: media, start: 25 + gap, frames: 25 },
		],
	};
}

/** A file in a folder of its own. */
async function write(folder: string, name: string, text: string): Promise<string> {
	const path = join(bench.folder, folder, name);
	await mkdir(join(bench.folder, folder), { recursive: true });
	await writeFile(path, text);
	return path;
}

/** So large that it is not finished before something can happen to it. */
const LARGE: Wanted = { gap: 1500, size: { width: 1920, height: 1080 } };

async function refusal(args: readonly string[]): Promise<Problem & { exit: number }> {
	const { code, stdout } = await bench.pickup([...args, '--json']);
	return { ...(JSON.parse(stdout) as { error: Problem }).error, exit: code };
}

async function jobs(): Promise<Job[]> {
	return (await bench.pickupJson<{ jobs: Job[] }>(['jobs'])).jobs;
}

describe('A command that is refused ends, before any work:', () => {
	test.each([
		['a file', () => shot, 'folder-not-writable'],
		['below a file', () => join(shot, 'new'), 'folder-not-writable'],
		['where nothing can be written', () => '/proc/new', 'folder-not-writable'],
		['of 256 letters', () => join(bench.folder, 'x'.repeat(256)), 'folder-not-writable'],
	])('an output folder that is %s', async (_what, output, code) => {
		const timeline = await write('folders', 'cut.xml', fcp7Xml(cutOf()));
		const before = await jobs();
		const problem = await refusal(['fill', timeline, '--gap', '1', '-o', output()]);
		expect(problem).toMatchObject({ code, fault: 'machine', exit: 5 });
		expect(await jobs()).toEqual(before);
	});

	test('a track that is locked', async () => {
		const text = fcp7Xml(cutOf()).replace(/<track>/, '<track><locked>TRUE</locked>');
		const timeline = await write('locked', 'cut.xml', text);
		const before = await jobs();
		const output = join(bench.folder, 'locked', 'new');
		for (const plan of [[], ['--plan']]) {
			const problem = await refusal(['fill', timeline, '--gap', '1', '-o', output, ...plan]);
			expect(problem).toMatchObject({ code: 'placement-conflict', exit: 3 });
			expect(problem.message).toContain('locked');
		}
		expect(await jobs()).toEqual(before);
		expect(await readdir(join(bench.folder, 'locked'))).toEqual(['cut.xml']);
	});

	test('a still that is not there', async () => {
		const timeline = await write('still', 'cut.xml', fcp7Xml(cutOf()));
		const { state } = await startDaemon();
		const output = join(bench.folder, 'still', 'new');
		const insert = ['insert', timeline, '--gap', '1', '--engine', 'fake', '-o', output];
		const args = [...insert, '--image', '/nowhere.png@0', '--json'];
		const { code, stdout } = await bench.pickup(args, { PICKUP_STATE: state });
		const { error } = JSON.parse(stdout) as { error: Problem };
		expect(error).toMatchObject({ code: 'media-offline', field: 'request.images.0.path' });
		expect(error.action).not.toContain('land');
		expect(code).toBe(4);
		expect(await readdir(join(bench.folder, 'still'))).toEqual(['cut.xml']);
	});

	test('neighbours that cannot be read, of a picture whose size nobody says', async () => {
		const broken = await write('unreadable', 'broken.mov', 'this is not a film');
		const text = otio(cutOf({ media: broken }));
		const timeline = await write('unreadable', 'cut.otio', text);
		const problem = await refusal(['fill', timeline, '--gap', '1']);
		expect(problem).toMatchObject({ code: 'media-unreadable', exit: 4 });
	});

	test('an output folder whose own files cannot be written, only those in it', async () => {
		const folder = join(bench.folder, 'half');
		const [output, state] = [join(folder, 'new'), join(folder, 'state')];
		const timeline = await write('half', 'cut.xml', fcp7Xml(cutOf()));
		await mkdir(join(output, 'media'), { recursive: true });
		await mkdir(state, { mode: 0o700 });
		await chmod(bench.folder, 0o755);
		if (process.getuid?.() === 0) {
			for (const owned of [state, join(output, 'media')]) await chown(owned, 54_321, 54_321);
		}
		await chmod(output, 0o555);
		const environment = { PICKUP_STATE: state, HOME: folder };
		const args = ['fill', timeline, '--gap', '1', '-o', output, '--json'];
		const { code, stdout } = await pickupAsOther(args, environment);
		expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'folder-not-writable' } });
		expect(code).toBe(5);
		const { stdout: listed } = await pickupAsOther(['jobs', '--json'], environment);
		expect(JSON.parse(listed)).toEqual({ jobs: [] });
		await pickupAsOther(['daemon', 'stop'], environment);
		await chmod(output, 0o755);
	});
});

test.each([240, 250, 255])('a timeline whose name has %d bytes is filled, twice', async (bytes) => {
	const name = `${'é'.repeat(100)}${'x'.repeat(bytes - 204)}.xml`;
	const timeline = await write(`${bytes}`, name, fcp7Xml(cutOf()));
	const names: string[] = [];
	for (let time = 0; time < 2; time++) {
		const made = await bench.pickupJson<Made>(['fill', timeline, '--gap', '1']);
		expect(made.placements).toMatchObject([{ verified: true }]);
		names.push(basename(made.timeline));
	}
	expect(names[0]).toBe(name);
	expect(names[1]).toMatch(/ 2\.xml$/);
	await rm(join(bench.folder, `${bytes}`), { recursive: true });
});

describe('A signal', () => {
	test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s cancels jobs', async (signal) => {
		const timeline = await write(signal, 'cut.xml', fcp7Xml(cutOf(LARGE)));
		const output = ['-o', join(bench.folder, signal, 'new')];
		const { code, stderr } = await bench.interrupted(
			['fill', timeline, '--gap', '1', '--takes', '2', ...output],
			(said) => said.includes('0 %'),
			(command) => command.kill(signal),
		);
		expect(code).toBe(130);
		expect(stderr).toContain('Interrupted');
		expect(await readdir(join(bench.folder, signal))).toEqual(['cut.xml']);
		const [last, first] = await jobs();
		expect([last?.state, first?.state]).toEqual(['cancelled', 'cancelled']);
	});

	test('is heard while nobody answers', async () => {
		const timeline = await write('deaf', 'cut.xml', fcp7Xml(cutOf()));
		const state = join(bench.folder, 'deaf', 'state');
		await mkdir(state);
		const server = createServer();
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		const { port } = server.address() as AddressInfo;
		const content = { port, pid: process.pid, token: 'a'.repeat(64), protocol: 1, version: '1' };
		await writeFile(join(state, 'daemon.json'), JSON.stringify(content));
		const connected = new Promise((resolve) => server.once('connection', resolve));
		const command = spawn(process.execPath, [PICKUP, 'fill', timeline, '--gap', '1'], {
			env: { ...process.env, PICKUP_STATE: state },
		});
		const ended = new Promise((resolve) => command.on('exit', (_code, by) => resolve(by)));
		await connected;
		command.kill('SIGTERM');
		expect(await ended).toBe('SIGTERM');
		server.close();
	});
});

describe('A job whose command is gone', () => {
	test('goes on, and its clip can be landed', async () => {
		const text = fcp7Xml(cutOf());
		const timeline = await write('orphan', 'cut.xml', text);
		const output = join(bench.folder, 'orphan', 'new');
		await bench.interrupted(
			['fill', timeline, '--gap', '1', '-o', output],
			(said) => said.includes('0 %'),
			(command) => command.kill('SIGKILL'),
		);
		const job = await until('the job to be done', async () => {
			const [newest] = await jobs();
			return newest?.state === 'done' && newest;
		});
		const land = ['jobs', 'land', job.id.slice(0, 8)];
		const made = await bench.pickupJson<Made>([...land, timeline, '-o', output]);
		expect(made.placements).toMatchObject([{ verified: true, videoTrack: 'V1', audioTrack: 'A1' }]);
		expect((await readdir(output)).sort()).toEqual(['cut.xml', 'media']);
		expect(await readFile(timeline, 'utf8')).toBe(text);
		// Where the gap is taken meanwhile it goes above, as another take does.
		const again = await bench.pickupJson<Made>([...land, made.timeline, '-o', output]);
		expect(again.placements).toMatchObject([{ verified: true, videoTrack: 'V2' }]);
		const { tracks } = await (await openTimeline(again.timeline)).cut();
		expect(tracks.find(({ name }) => name === 'V2')?.clips).toHaveLength(1);
		expect((await refusal(land)).code).toBe('usage');
	});

	test('is told what becomes of it when the daemon is stopped', async () => {
		const timeline = await write('stopped', 'cut.xml', fcp7Xml(cutOf(LARGE)));
		let stopping: Promise<unknown> = Promise.resolve();
		const { code, stderr } = await bench.interrupted(
			['fill', timeline, '--gap', '1'],
			(said) => said.includes('0 %'),
			() => {
				stopping = bench.pickup(['daemon', 'stop']);
			},
		);
		await stopping;
		expect(code).toBe(5);
		const [job] = await jobs();
		expect(stderr).toContain(`pickup jobs land ${job?.id.slice(0, 8)}`);
		await bench.pickup(['jobs', 'cancel', `${job?.id}`]);
	});

	test('has its command again when the daemon dies and another starts', async () => {
		const timeline = await write('crashed', 'cut.xml', fcp7Xml(cutOf({ ...LARGE, gap: 100 })));
		const { pid } = await readPortFile(bench.state);
		const { code, stdout } = await bench.interrupted(
			['fill', timeline, '--gap', '1'],
			(said) => said.includes('25 %'),
			() => process.kill(pid, 'SIGKILL'),
		);
		expect(stdout).toContain('Timeline:');
		expect(code).toBe(0);
		expect((await readPortFile(bench.state)).pid).not.toBe(pid);
		const [job] = await jobs();
		expect(job).toMatchObject({ state: 'done', attempt: 2 });
	});
});

test('Control characters in names reach no terminal', async () => {
	const cut = cutOf();
	const nasty = 'a\u001b]0;b\u0007\u009b31mc\u202ed\u061c\ne';
	const named = { ...cut, clips: cut.clips.map((clip) => ({ ...clip, name: nasty })) };
	const timeline = await write('names', 'cut.otio', otio(named));
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
	const raw = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u202a-\u202e]/;
	const table = await bench.pickup(['gaps', timeline]);
	expect(table.stdout).not.toMatch(raw);
	expect(table.stdout).toContain('a\\u001b]0;b\\u0007\\u009b31mc\\u202ed\\u061c\\ne');
	const { stdout } = await bench.pickup(['gaps', timeline, '--json']);
	expect(stdout).not.toMatch(raw);
	expect(JSON.parse(stdout)).toMatchObject({ gaps: [{ left: { name: nasty } }, {}] });
	const { stderr } = await bench.pickup(['gaps', timeline, '--sequence', nasty]);
	expect(stderr).not.toMatch(raw);
});

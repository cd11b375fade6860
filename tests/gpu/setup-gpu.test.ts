import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryFolder, until } from '../daemon/harness.ts';
import { atTerminal, type Outcome, PICKUP, run } from '../end-to-end/workbench.ts';
import { type FakeIndex, openFakeIndex } from './fake-index.ts';

const CARD = '8.9, 580.95.05, 24564, 23000, NVIDIA GeForce RTX 4090';

let folder: string;
let gpu: string;
let index: FakeIndex;
let environment: NodeJS.ProcessEnv;

beforeEach(async () => {
	folder = await temporaryFolder();
	index = await openFakeIndex();
	await mkdir(join(folder, 'programs'));
	const list = join(folder, 'libraries.json');
	gpu = join(folder, 'state/gpu');
	environment = {
		...process.env,
		PATH: `${join(folder, 'programs')}${delimiter}${process.env.PATH}`,
		PICKUP_STATE: join(folder, 'state'),
		PICKUP_GPU_LIST: list,
		PIP_INDEX_URL: index.address,
	};
	await writeFile(list, JSON.stringify(index.list));
	await driverSays(CARD);
});
afterEach(async () => {
	await index.close();
	await rm(folder, { recursive: true, force: true });
});

async function driverSays(text: string): Promise<void> {
	const program = join(folder, 'programs/nvidia-smi');
	await writeFile(program, `#!/bin/sh\necho '${text}'\n`);
	await chmod(program, 0o755);
}

function setup(...args: readonly string[]): Promise<Outcome> {
	return run(process.execPath, [PICKUP, 'setup', 'gpu', ...args], environment);
}

/** Of the wheels, not of their licences. */
function downloads(): string[] {
	return index.asked
		.filter(({ path, range }) => path.endsWith('.whl') && (range === null || range.endsWith('-')))
		.map(({ path, range }) => [path.replace('/files/', ''), ...(range ? [range] : [])].join(' '));
}

const files = () => index.wheels.map(({ file }) => file);

/** The folder with all libraries as they were sent, and nothing else in it or half-made beside it. */
async function expectLibraries(): Promise<string> {
	const names = await readdir(gpu);
	const [name = '', ...others] = names.filter((each) => each !== 'licences');
	expect(name).toMatch(/^cuda-[0-9a-f]{12}$/);
	expect(others).toEqual([]);
	const wanted = new Map(index.wheels.flatMap(({ libraries }) => [...libraries]));
	expect((await readdir(join(gpu, name))).sort()).toEqual([...wanted.keys()].sort());
	for (const [each, bytes] of wanted) {
		expect((await readFile(join(gpu, name, each))).equals(bytes), each).toBe(true);
	}
	return join(gpu, name);
}

/** The command under way, where the index has stopped to send. */
async function stoppedSetup() {
	const stopped = index.stopped();
	const child = spawn(process.execPath, [PICKUP, 'setup', 'gpu', '--yes'], { env: environment });
	let said = '';
	child.stdout.setEncoding('utf8').on('data', (text: string) => {
		said += text;
	});
	const ended = new Promise((resolve) => child.once('close', resolve));
	await stopped;
	return { child, ended, said: () => said };
}

async function finished(): Promise<string[]> {
	const names = await readdir(gpu).catch(() => []);
	return names.filter((name) => /^cuda-[0-9a-f]+$/.test(name));
}

test('the card is told of, what is to come and how much; then it is fetched, once', async () => {
	const first = await setup('--yes');
	expect(first).toMatchObject({ code: 0 });
	expect(first.stdout).toContain(
		'NVIDIA GeForce RTX 4090, 24.0 GB of memory, 22.5 GB free, driver 580.95.05, compute capability 8.9',
	);
	expect(first.stdout).toMatch(/To fetch from http:.*: 3 MB; free space needed: 3 MB/);
	expect(first.stdout).toMatch(/^nvidia-first +1\.0 +1 MB$/m);
	await expectLibraries();
	expect(downloads()).toEqual(files());

	for (const { name, licence } of index.wheels.filter((wheel) => wheel.licence !== null)) {
		const kept = (await readdir(join(gpu, 'licences'))).find((each) => each.startsWith(name))!;
		expect(await readFile(join(gpu, 'licences', kept))).toEqual(licence);
		expect(first.stdout).toContain(join(gpu, 'licences', kept));
	}

	index.asked.length = 0;
	const second = await setup('--json');
	expect(JSON.parse(second.stdout)).toMatchObject({
		outcome: 'was-there',
		cards: [{ name: 'NVIDIA GeForce RTX 4090', free: 23000 * 2 ** 20 }],
	});
	expect(index.asked).toEqual([]);
});

test('one that is killed in the middle goes on from there', async () => {
	const last = index.wheels[2]!;
	index.treated.set(last.file, { stopAfter: 150_000 });
	const { child, ended } = await stoppedSetup();
	const part = join(gpu, `${last.file}.part`);
	await until('what has come', async () => (await stat(part).catch(() => null))?.size === 150_000);
	child.kill('SIGKILL');
	await ended;
	expect(await finished()).toEqual([]);

	index.asked.length = 0;
	index.treated.clear();
	expect(await setup('--yes')).toMatchObject({ code: 0 });
	expect(downloads()).toEqual([`${last.file} bytes=150000-`]);
	await expectLibraries();
});

test('one that is interrupted says so, and goes on from there', async () => {
	const [first] = index.wheels;
	index.treated.set(first!.file, { stopAfter: 100_000 });
	const { child, ended, said } = await stoppedSetup();
	child.kill('SIGINT');
	expect(await ended).toBe(130);
	expect(said()).toContain('The next `pickup setup gpu` goes on from here');
	expect(await finished()).toEqual([]);
	index.treated.clear();
	expect(await setup('--yes')).toMatchObject({ code: 0 });
	await expectLibraries();
});

test('a connection that breaks again and again is made again for as long as bytes come', async () => {
	for (const file of files()) index.treated.set(file, { breakAfter: 130_000 });
	expect(await setup('--yes')).toMatchObject({ code: 0 });
	expect(downloads().length).toBeGreaterThan(10);
	await expectLibraries();
});

test('where a server knows no ranges, what has come is fetched again', async () => {
	const [first] = index.wheels;
	index.treated.set(first!.file, { stopAfter: 100_000 });
	const { child, ended } = await stoppedSetup();
	child.kill('SIGKILL');
	await ended;
	for (const file of files()) index.treated.set(file, { whole: true });
	expect(await setup('--yes')).toMatchObject({ code: 0 });
	await expectLibraries();
});

test('a file that is not the one that was wanted is refused, and nothing is left of it', async () => {
	const last = index.wheels[2]!;
	const instead = Buffer.from(last.zip);
	instead[1000]! ^= 1;
	index.treated.set(last.file, { instead });
	const refused = await setup('--yes');
	expect(refused.code).toBe(5);
	expect(refused.stderr).toMatch(/Expected SHA-256 [0-9a-f]{64} from http.*, got [0-9a-f]{64}/);
	expect(refused.stderr).toContain('Nothing of it was kept');
	expect(await finished()).toEqual([]);
	expect((await readdir(gpu)).filter((name) => name.startsWith('nvidia_last'))).toEqual([]);

	index.treated.set(last.file, { instead: Buffer.concat([last.zip, Buffer.from('more')]) });
	expect((await setup('--yes')).stderr).toMatch(/Expected \d+ bytes from .*, got more/);
	index.treated.clear();
	expect(await setup('--yes')).toMatchObject({ code: 0 });
	await expectLibraries();
});

test('a licence that is not the one of that version is refused before anything is fetched', async () => {
	const [list] = Object.values(index.list);
	list!.packages[0]!.licence!.sha256 = '0'.repeat(64);
	await writeFile(environment.PICKUP_GPU_LIST!, JSON.stringify(index.list));
	const { code, stderr } = await setup('--yes');
	expect(code).toBe(5);
	expect(stderr).toContain('Expected the licence of nvidia-first 1.0 with SHA-256 000');
	expect(downloads()).toEqual([]);
	expect(existsSync(gpu)).toBe(false);
});

test('without a network the address and the reason are named, and nothing is made', async () => {
	await index.close();
	const { code, stderr } = await setup('--yes');
	expect(code).toBe(5);
	expect(stderr).toContain(`Expected to fetch ${index.address}nvidia-first/, got`);
	expect(stderr).toMatch(/ECONNREFUSED/);
	expect(stderr).toContain('it goes on where it stopped');
	expect(existsSync(gpu)).toBe(false);
	index = await openFakeIndex();
});

test('an index that does not have it, or is none, is named', async () => {
	environment.PIP_INDEX_URL = index.address.replace('simple', 'other');
	expect((await setup('--yes')).stderr).toContain('got the answer 404');
	const [list] = Object.values(index.list);
	list!.packages[0]!.wheel = 'gone.whl';
	await writeFile(environment.PICKUP_GPU_LIST!, JSON.stringify(index.list));
	environment.PIP_INDEX_URL = index.address;
	expect((await setup('--yes')).stderr).toContain('got no gone.whl (1.0) in it');
});

test('where the disk is too small nothing is fetched; where it fills up meanwhile that is said', async () => {
	const limited = ['-c', `trap '' XFSZ; ulimit -f 500; exec "$@"`, 'sh', process.execPath, PICKUP];
	const full = await run('bash', [...limited, 'setup', 'gpu', '--yes'], environment);
	expect(full.code).toBe(5);
	expect(full.stderr).toMatch(/Expected room for .* in .*gpu: File too large/);
	expect(await finished()).toEqual([]);
	expect(await setup('--yes')).toMatchObject({ code: 0 });
	await expectLibraries();

	const [list] = Object.values(index.list);
	const [first] = list!.packages;
	first!.sha256 = '1'.repeat(64);
	first!.files[0]!.bytes = 9e15;
	await writeFile(environment.PICKUP_GPU_LIST!, JSON.stringify(index.list));
	index.asked.length = 0;
	const { code, stderr } = await setup('--yes');
	expect(code).toBe(5);
	expect(stderr).toMatch(/Expected 9000000\.\d GB free in .*gpu, found/);
	expect(downloads()).toEqual([]);
});

test('without anybody to accept the licences nothing is fetched', async () => {
	const { code, stderr } = await setup();
	expect(code).toBe(2);
	expect(stderr).toContain('accept NVIDIA’s licences, found none');
	expect(stderr).toContain('--yes');
	expect(downloads()).toEqual([]);
	expect(existsSync(gpu)).toBe(false);
});

function answering(answer: string): Promise<Outcome> {
	return atTerminal(['setup', 'gpu'], environment, { to: '(yes or no)', answer });
}

test('licences are shown whole and once; who refuses them gets nothing', async () => {
	const refused = await answering('no\n');
	expect(refused.code).toBe(2);
	expect(refused.stdout).toContain('NVIDIA’s licence for nvidia-first');
	expect(refused.stdout.match(/You may use it\. “As is\.”/g)).toHaveLength(40);
	expect(refused.stdout).toContain('Another one.');
	expect(refused.stdout).toContain('Nothing was fetched');
	expect(downloads()).toEqual([]);
	expect(existsSync(gpu)).toBe(false);

	index.treated.set(index.wheels[1]!.file, { instead: Buffer.alloc(1000) });
	const failed = await answering('yes\n');
	expect(failed.code).toBe(5);
	index.treated.clear();
	// They were accepted: nobody is asked again.
	const { code, stdout } = await setup();
	expect(code).toBe(0);
	expect(stdout).not.toContain('licence');
	await expectLibraries();
});

test('a library that was lost is fetched again, alone; other versions are taken away', async () => {
	await setup('--yes');
	const libraries = await expectLibraries();
	await rm(join(libraries, 'liblast.so.9'));
	await writeFile(join(libraries, 'libonnxruntime.so'), 'short');
	await mkdir(join(gpu, 'cuda-000000000000'));
	await writeFile(join(gpu, 'old.whl.part'), '');
	index.asked.length = 0;
	const { code, stdout } = await setup();
	expect(code).toBe(0);
	expect(stdout).not.toContain('nvidia-first');
	expect(downloads()).toEqual(files().slice(1));
	await expectLibraries();
});

test('wheels that were brought are taken from their folder, without a network', async () => {
	const brought = join(folder, 'brought');
	await mkdir(brought);
	for (const { file, zip } of index.wheels) await writeFile(join(brought, file), zip);
	const { code } = await setup('--yes', '--from', brought);
	expect(code).toBe(0);
	expect(index.asked).toEqual([]);
	await expectLibraries();
	expect((await readdir(brought)).sort()).toEqual([...files()].sort());
});

test('two at once do not get into each other’s way', async () => {
	const [first] = index.wheels;
	index.treated.set(first!.file, { stopAfter: 100_000 });
	const { child, ended } = await stoppedSetup();
	const { code, stderr } = await setup('--yes');
	expect(code).toBe(5);
	expect(stderr).toContain(
		`Expected to be the only one that fetches, but process ${child.pid} does`,
	);
	child.kill('SIGINT');
	await ended;
});

test.each([
	['', 0, /No NVIDIA card, or no driver for it/],
	['6.1, 580.95.05, 8192, 8000, NVIDIA GeForce GTX 1080', 5, /compute capability 7\.5 or newer/],
	['8.9, 551.23, 24564, 23000, NVIDIA GeForce RTX 4090', 5, /Update NVIDIA’s driver/],
	['[N/A], 580.95.05, [N/A], [N/A], NVIDIA GB10', 0, /NVIDIA GB10, driver 580\.95\.05$/m],
])('where the driver says “%s” it ends with %s', async (says, expected, told) => {
	await driverSays(says);
	const { code, stdout, stderr } = await setup('--yes');
	expect(code).toBe(expected);
	expect(stdout + stderr).toMatch(told);
	expect(downloads().length > 0).toBe(says.includes('GB10'));
});

import { copyFile, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Of } from '../../../files/sha256.ts';
import { checkWeights } from '../../../inference-daemon/engines/ltx2/model/check-weights.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { openPrepared } from '../../../inference-daemon/engines/ltx2/weights/prepared.ts';
import { preparedBytes } from '../../../inference-daemon/engines/ltx2/weights/prepared-layout.ts';
import { type Stored, storedAs } from '../../../inference-daemon/engines/ltx2/weights/quantise.ts';
import { readSafetensors } from '../../../inference-daemon/engines/ltx2/weights/safetensors.ts';
import { weightArrays } from '../../../inference-daemon/engines/ltx2/weights/weight-arrays.ts';
import { WeightReader } from '../../../inference-daemon/engines/ltx2/weights/weight-reader.ts';
import { temporaryFolder } from '../../daemon/harness.ts';
import { atTerminal, PICKUP, run } from '../../end-to-end/workbench.ts';
import { AGAIN, drawn, tries } from '../../tries.ts';
import { goldenPath } from './golden.ts';
import { type Entries, sparseCheckpoint, writeWeights } from './sparse.ts';

let folder: string;
let model: string;
let cache: string;
let environment: NodeJS.ProcessEnv;

beforeEach(async () => {
	folder = await temporaryFolder();
	model = join(folder, 'model');
	cache = join(folder, 'state', 'cache');
	environment = { ...process.env, PICKUP_STATE: join(folder, 'state') };
	await mkdir(model);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function pickup(...args: readonly string[]) {
	return run(process.execPath, [PICKUP, 'models', 'prepare', model, ...args], environment);
}

async function prepared(...args: readonly string[]) {
	const { code, stdout, stderr } = await pickup('--yes', '--json', ...args);
	expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
	return JSON.parse(stdout);
}

async function take(path: string): Promise<string> {
	const own = join(model, 'weights.safetensors');
	await copyFile(path, own);
	return own;
}

const NAME = 'model.diffusion_model.transformer_blocks';

/** Some 1.3 MB a block, of numbers about as weights are. */
async function writeModel(blocks: number): Promise<string> {
	const path = join(model, 'weights.safetensors');
	const shape = [320, 1000];
	const spread = Uint16Array.from({ length: 320_000 }, (_, i) => {
		const mixed = Math.imul(i + 1, 0x9e3779b1);
		return 0x3c00 + ((mixed >>> 16) & 0x3ff) + (mixed & 1 ? 0x8000 : 0);
	});
	const entries: Record<string, Entries[string]> = {};
	const data: Record<string, Uint8Array> = {};
	for (let block = 0; block < blocks; block++) {
		for (const layer of ['attn1.to_q', 'ff.net.2']) {
			const numbers = spread.map((one) => one + 16 * block);
			entries[`${NAME}.${block}.${layer}.weight`] = ['BF16', shape];
			data[`${NAME}.${block}.${layer}.weight`] = new Uint8Array(numbers.buffer);
		}
		entries[`${NAME}.${block}.scale_shift_table`] = ['F32', [6, 320]];
	}
	await writeWeights(path, entries, {}, data);
	return path;
}

/** Hashes of all files that are prepared, by their paths; none is half made. */
async function files(): Promise<ReadonlyMap<string, string>> {
	const found = new Map<string, string>();
	for (const name of await readdir(join(cache, 'prepared'))) {
		const own = join(cache, 'prepared', name);
		for (const each of await readdir(own)) {
			expect(each).toMatch(/^(block-\d\d\.safetensors|source\.json)$/);
			found.set(join(own, each), sha256Of(await readFile(join(own, each))));
		}
	}
	return found;
}

async function blockFiles(): Promise<string[]> {
	return [...(await files()).keys()].filter((path) => path.endsWith('.safetensors')).sort();
}

/** What `WeightReader` gives of a checkpoint's own matrix and of the prepared one, equal to the byte. */
async function expectSame(checkpoint: Checkpoint, names: readonly string[]): Promise<void> {
	const found = (await openPrepared(checkpoint, cache))!;
	const reader = new WeightReader(availableParallelism());
	try {
		for (const name of names) {
			const own = storedAs(checkpoint.find(name)!, name, (other) => checkpoint.find(other))!;
			const [anew, kept] = [own, found.find(name)!].map((stored) => ({
				stored,
				...weightArrays(stored as Stored, 'int8'),
			}));
			for (const { stored, ...arrays } of [anew!, kept!]) {
				await reader.read(stored, 'int8', arrays);
			}
			expect(Buffer.from(kept!.data.buffer).equals(Buffer.from(anew!.data.buffer)), name).toBe(
				true,
			);
			expect(kept!.scales, name).toEqual(anew!.scales);
		}
	} finally {
		await reader.close();
	}
}

describe('what is prepared', () => {
	it.each(['ltx-2-tiny', 'ltx-2.3-tiny'])(
		'of %s is every matrix that its blocks multiply by',
		async (name) => {
			const path = await take(`tests/golden/tiny-ltx2/${name}.safetensors`);
			const outcome = await prepared();
			const checkpoint = await Checkpoint.open(path);
			checkWeights(checkpoint);
			const matrices = [...checkpoint.changeable].filter((one) => one.startsWith(NAME));
			expect(matrices.length).toBeGreaterThan(30);
			await expectSame(checkpoint, matrices);
			const found = (await openPrepared(checkpoint, cache))!;
			const others = [...checkpoint.names()].filter((one) => !matrices.includes(one));
			expect(others.filter((one) => found.find(one) !== null)).toEqual([]);
			expect(outcome).toMatchObject({ outcome: 'prepared', bytes: preparedBytes(checkpoint) });
			expect(outcome.made).toBe(outcome.blocks);
		},
	);

	it.each(['quant-fp8', 'quant-nvfp4'])('also of %s', async (network) => {
		const checkpoint = await Checkpoint.open(await take(goldenPath(network)));
		await prepared();
		const matrices = [...checkpoint.names()].filter((name) => name.endsWith('.weight'));
		await expectSame(checkpoint, matrices);
	});

	it('lies in files that every program for safetensors reads, and that say what they are', async () => {
		await writeModel(2);
		const { bytes } = await prepared();
		let sum = 0;
		for (const path of await blockFiles()) {
			const { metadata, tensors, bytes: own } = await readSafetensors(path);
			sum += own;
			expect(metadata).toMatchObject({
				format: 'pickup int8 1',
				meaning: '(U8 - 128) * weight_scale, one scale for 32 columns',
			});
			const shapes = [...tensors.values()].map(({ type, shape }) => [type, shape]);
			const matrix = [
				['U8', [320, 32, 32]],
				['F16', [320, 32]],
			];
			expect(shapes).toEqual([...matrix, ...matrix]);
		}
		expect(sum).toBe(bytes);
	});

	it('is found whole a second time, and nothing is written', async () => {
		await writeModel(3);
		await prepared();
		const paths = await blockFiles();
		const before = await Promise.all(paths.map((path) => stat(path)));
		expect(await prepared()).toMatchObject({ outcome: 'was-there', made: 0, blocks: 3 });
		const after = await Promise.all(paths.map((path) => stat(path)));
		expect(after.map(({ ino, mtimeMs }) => [ino, mtimeMs])).toEqual(
			before.map(({ ino, mtimeMs }) => [ino, mtimeMs]),
		);
		const said = await pickup();
		expect(said.stdout).toMatch(/^Everything is there and whole: 3 blocks, 3 MB, in /);
	});
});

it.each([
	['ltx-2-19b', '19b-{dev'],
	['ltx-2.3-22b', '22b-{dev'],
	['ltx-2.5-22b', 'transformer-bf16'],
] as const)('of %s takes 19.7 GB', async (release, label) => {
	const path = await sparseCheckpoint(release, label, model);
	const bytes = preparedBytes(await Checkpoint.open(path));
	expect(bytes / 1e9).toBeCloseTo(19.7, 1);
});

describe(`what is damaged (${AGAIN})`, () => {
	it('is told, and made again as it was', async () => {
		const checkpoint = await Checkpoint.open(await writeModel(4));
		await prepared();
		const whole = await files();
		const ways: Readonly<Record<string, (bytes: Buffer, turn: number) => Buffer>> = {
			cut: (bytes) => bytes.subarray(0, bytes.length - 1),
			longer: (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]),
			empty: () => Buffer.alloc(0),
			header: (bytes, turn) => flipped(bytes, drawn([3, 20, 150, 260, 400], turn)),
			data: (bytes, turn) =>
				flipped(bytes, bytes.length - 1 - drawn([0, 7, 99_999, 600_000], turn)),
		};
		for (const [turn, [way, damage]] of Object.entries(ways).entries()) {
			const path = drawn(await blockFiles(), turn);
			await writeFile(path, damage(await readFile(path), turn));
			// Where a job opens it, not all bytes are read.
			const opened = await openPrepared(checkpoint, cache);
			expect(opened === null, way).toBe(way !== 'data');
			const { code, stderr } = await pickup('--yes');
			expect(code).toBe(0);
			expect(stderr).toContain(`Damaged, and made again: ${path}`);
			expect(await files(), way).toEqual(whole);
		}
	});

	it('or lost is made again, alone', async () => {
		await writeModel(3);
		await prepared();
		const whole = await files();
		await rm((await blockFiles())[1]!);
		expect(await prepared()).toMatchObject({ outcome: 'prepared', made: 1, damaged: 0 });
		expect(await files()).toEqual(whole);
	});
});

function flipped(bytes: Buffer, at: number): Buffer {
	const changed = Buffer.from(bytes);
	changed[at] = changed[at]! ^ 1;
	return changed;
}

describe(`one that ends early (${AGAIN})`, () => {
	const SIGNALS = ['SIGKILL', 'SIGINT'] as const;

	it.each(SIGNALS)('by %s keeps what is finished, and goes on from there', async (signal) => {
		const checkpoint = await Checkpoint.open(await writeModel(24));
		await prepared();
		const whole = await files();
		for (let turn = 0; turn < tries(4, 60); turn++) {
			await rm(join(folder, 'state'), { recursive: true });
			const quarter = drawn([0, 25, 50, 75], turn);
			const wait = drawn([0, 1, 2, 5, 10, 20, 40], turn + 1000);
			const { code, stdout } = await run(
				process.execPath,
				[PICKUP, 'models', 'prepare', model, '--yes'],
				environment,
				(said) => said.includes(`prepare: ${quarter} %`),
				(child) => void setTimeout(() => child.kill(signal), wait),
			);
			const hasEnded = code === 0;
			expect([0, signal === 'SIGINT' ? 130 : -1]).toContain(code);
			if (code === 130) expect(stdout).toContain('goes on from here');
			const own = join(cache, 'prepared', [...whole.keys()][0]!.split('/').at(-2)!);
			const left = (await readdir(own)).filter((name) => name.endsWith('.safetensors'));
			const kept = left.filter((name) => name.startsWith('block-'));
			for (const name of kept) {
				expect(sha256Of(await readFile(join(own, name)))).toBe(whole.get(join(own, name)));
			}
			const inodes = await Promise.all(kept.map(async (name) => (await stat(join(own, name))).ino));
			if (!hasEnded && kept.length < 24) expect(await openPrepared(checkpoint, cache)).toBeNull();
			expect(await prepared()).toMatchObject({ made: 24 - kept.length, damaged: 0 });
			expect(await files()).toEqual(whole);
			const after = await Promise.all(kept.map(async (name) => (await stat(join(own, name))).ino));
			expect(after).toEqual(inodes);
		}
	});

	it('because the disk takes no more, says so, keeps what is finished and leaves nothing half made', async () => {
		await writeModel(6);
		const { bytes, blocks } = await prepared();
		const whole = await files();
		for (const path of (await blockFiles()).slice(2)) await rm(path);
		const kilobytes = Math.floor(bytes / blocks / 2 / 1024);
		const command = `trap '' XFSZ; ulimit -f ${kilobytes}; exec "$0" "$@"`;
		const args = [
			'-c',
			command,
			process.execPath,
			PICKUP,
			'models',
			'prepare',
			model,
			'--yes',
			'--json',
		];
		const failed = await run('bash', args, environment);
		expect(failed.code).toBe(5);
		expect(JSON.parse(failed.stdout).error).toMatchObject({
			code: 'disk-full',
			message: expect.stringMatching(/prepared weights in .*File too large/),
		});
		expect(await blockFiles()).toHaveLength(2);
		expect(await prepared()).toMatchObject({ made: 4 });
		expect(await files()).toEqual(whole);
	});
});

const small = ['--user', '--map-root-user', '--mount'];
const canMount = (await run('unshare', [...small, 'true']).catch(() => null))?.code === 0;

it.skipIf(!canMount)('too small a disk is told before anything is written', async () => {
	await writeModel(6);
	await mkdir(join(folder, 'state'), { mode: 0o700 });
	const command =
		'mount -t tmpfs -o size=3m,mode=700 none "$PICKUP_STATE" && "$0" "$@"; code=$?; find "$PICKUP_STATE" -type f >&2; exit $code';
	const args = ['bash', '-c', command, process.execPath, PICKUP, 'models', 'prepare', model];
	const { code, stdout, stderr } = await run(
		'unshare',
		[...small, ...args, '--yes', '--json'],
		environment,
	);
	expect(JSON.parse(stdout).error).toMatchObject({
		code: 'disk-full',
		message: expect.stringMatching(/^Expected 5 MB free in .*, found \d MB$/),
	});
	expect({ code, stderr }).toEqual({ code: 5, stderr: '' });
});

describe('a source', () => {
	it('that has changed is prepared anew, and what was is deleted; other models’ stays', async () => {
		const path = await writeModel(2);
		await prepared();
		const [first] = [...(await files()).keys()];
		const other = join(folder, 'other');
		await mkdir(other);
		await copyFile(path, join(other, 'weights.safetensors'));
		await utimes(join(other, 'weights.safetensors'), 1, 1);
		model = other;
		await prepared();
		expect(await readdir(join(cache, 'prepared'))).toHaveLength(2);
		model = join(folder, 'model');
		await utimes(path, 2, 2);
		expect(await openPrepared(await Checkpoint.open(path), cache)).toBeNull();
		const { stderr } = await pickup('--yes');
		expect(stderr).toContain('they have changed since');
		expect(await openPrepared(await Checkpoint.open(path), cache)).not.toBeNull();
		expect(await readdir(join(cache, 'prepared'))).toHaveLength(2);
		expect([...(await files()).keys()]).not.toContain(first);
		expect(await prepared('--remove')).toEqual({ outcome: 'removed' });
		expect(await prepared('--remove')).toEqual({ outcome: 'nothing-to-remove' });
		model = other;
		expect(await prepared()).toMatchObject({ outcome: 'was-there' });
	});

	it('with a number that is none is refused by name', async () => {
		const path = await writeModel(3);
		const tensor = (await readSafetensors(path)).tensors.get(`${NAME}.1.ff.net.2.weight`)!;
		const bytes = await readFile(path);
		bytes.writeUInt16LE(0x7fc0, tensor.offset + 2 * 12_345);
		await writeFile(path, bytes);
		const { code, stderr } = await pickup('--yes');
		expect(code).toBe(5);
		expect(stderr).toContain(`element 12345 of ${NAME}.1.ff.net.2.weight in ${path} is NaN`);
		expect(await blockFiles()).toHaveLength(1);
	});

	it('with a hole is refused', async () => {
		const path = await writeModel(1);
		const bytes = await readFile(path);
		await writeFile(path, bytes.fill(0, bytes.length - 8000 - 640_000));
		const { code, stderr } = await pickup('--yes');
		expect(code).toBe(5);
		expect(stderr).toMatch(/got zeros from byte \d+ on/);
	});

	it('that is none is told with what to do', async () => {
		const none = await pickup('--yes');
		expect(none).toMatchObject({ code: 5 });
		expect(none.stderr).toContain(`Expected LTX-2 in ${model}, found no file with its transformer`);
		model = join(folder, 'nowhere');
		expect((await pickup()).stderr).toContain(`Expected a folder with LTX-2 at ${model}`);
	});
});

it('nobody is asked in a pipe: the size is told, and nothing written', async () => {
	await writeModel(2);
	const { code, stderr } = await pickup();
	expect(code).toBe(2);
	expect(stderr).toMatch(/^To write, once: 2 of 2 blocks, 2 MB, into .*\n.*agree to 2 MB/);
	expect(await blockFiles()).toEqual([]);
});

it('somebody at a terminal is asked once', async () => {
	await writeModel(2);
	const asked = { to: 'Write 2 MB? (y/N)' };
	const args = ['models', 'prepare', model];
	for (const answer of ['\n', 'n\n']) {
		const refused = await atTerminal(args, environment, { ...asked, answer });
		expect(refused.code).toBe(2);
		expect(refused.stdout).toContain('Nothing was written.');
		expect(await blockFiles()).toEqual([]);
	}
	const { code, stdout } = await atTerminal(args, environment, { ...asked, answer: 'y\n' });
	expect(code).toBe(0);
	expect(stdout).toContain('Prepared: 2 blocks, 2 MB');
	expect(await blockFiles()).toHaveLength(2);
});

it('two at once do not write the same', async () => {
	await writeModel(24);
	const both = await Promise.all([pickup('--yes', '--json'), pickup('--yes', '--json')]);
	const codes = both.map(({ code, stdout }) => [code, JSON.parse(stdout).error?.code]);
	// The second may come when the first has ended.
	for (const one of codes)
		expect([
			[0, undefined],
			[5, 'state-locked'],
		]).toContainEqual(one);
	expect(codes).toContainEqual([0, undefined]);
	expect(await prepared()).toMatchObject({ outcome: 'was-there' });
});

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { watch } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fcp7Xml } from '../../demo/timelines.ts';
import { tries } from '../tries.ts';
import { CUT } from './gap-cut.ts';
import { makeTakes, openAgent, ours, placing } from './timeline-agent.ts';

let base = '';
let folder = '';
let program = '';
let takes: readonly string[] = [];
beforeAll(async () => {
	base = await mkdtemp(path.join(tmpdir(), 'pickup-agent-crash-'));
	takes = await makeTakes(base, 6);
	program = path.join(base, 'edit-again.mjs');
	await build({
		entryPoints: [path.join(import.meta.dirname, 'edit-again.ts')],
		outfile: program,
		bundle: true,
		platform: 'node',
		format: 'esm',
		mainFields: ['module', 'main'],
	});
});
beforeEach(async () => {
	folder = await mkdtemp(path.join(base, 'cut-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

describe('A program that ends in the middle of an edit', () => {
	const NAME = 'cut.xml';

	/** An edit with what lies on the disk before it and after it. */
	async function edited() {
		const file = path.join(folder, NAME);
		await writeFile(file, fcp7Xml(CUT));
		const { cut, edit } = await openAgent(file);
		await edit(placing(await cut(), takes[0]!));
		const read = async () => {
			const names = [NAME, `${NAME}.pickup.json`].map((name) =>
				path.join(folder, 'cut pickup', name),
			);
			return Promise.all(names.map((name) => readFile(name)));
		};
		const before = await read();
		const operation = randomUUID();
		const steps = placing(await cut(), takes[1]!, 'above');
		await edit(steps, operation);
		const after = await read();
		const put = async (output: Buffer, ledger: Buffer) => {
			await writeFile(path.join(folder, 'cut pickup', NAME), output);
			await writeFile(path.join(folder, 'cut pickup', `${NAME}.pickup.json`), ledger);
		};
		return { file, before, after, operation, steps, put };
	}

	test('before its file was written has not done it, and does it when asked again', async () => {
		const { file, before, after, operation, steps, put } = await edited();
		await put(before[0]!, after[1]!);
		const { cut, edit } = await openAgent(file);
		expect(ours(await cut())).toHaveLength(3);
		expect(await edit(steps, operation)).toBe(false);
		expect(ours(await cut())).toHaveLength(6);
		expect(await edit(steps, operation)).toBe(true);
	});

	test('at any moment leaves each edit done once or not at all', async () => {
		const file = path.join(folder, NAME);
		await writeFile(file, fcp7Xml(CUT));
		const output = path.join(folder, 'cut pickup');
		await mkdir(output);
		const most = tries(10, 300);
		let ends = 0;
		for (; ; ends++) {
			const child = spawn(process.execPath, [program, file, ...takes], { stdio: 'inherit' });
			const ended = new Promise((resolve) =>
				child.on('exit', (code, signal) => resolve(code ?? signal)),
			);
			// An edit is seen by the files that it writes, which come and go some eight times.
			let left = ends < most ? 1 + ((ends * 5) % 17) : Number.POSITIVE_INFINITY;
			const watcher = watch(output, () => {
				left -= 1;
				if (left === 0) child.kill('SIGKILL');
			});
			const code = await ended;
			watcher.close();
			if (code !== 'SIGKILL') {
				expect(code).toBe(0);
				break;
			}
			const stands = ours(await (await openAgent(file)).cut()).map(([, , , name]) => name);
			for (const name of new Set(stands)) {
				expect(stands.filter((each) => each === name)).toHaveLength(3);
			}
		}
		expect(ends).toBeGreaterThan(0);
		const stands = ours(await (await openAgent(file)).cut()).map(([, , , name]) => name);
		const names = takes.map((take) => path.basename(take));
		expect(stands.toSorted()).toEqual([...names, ...names, ...names].toSorted());
	});

	test('before its very first file was written leaves the timeline as it was', async () => {
		const { file, put, after } = await edited();
		const ledger = JSON.parse(after[1]!.toString());
		const first = { ...ledger, operations: ledger.operations.slice(0, 1) };
		await put(Buffer.from(''), Buffer.from(JSON.stringify(first)));
		await rm(path.join(folder, 'cut pickup', NAME));
		const { cut, edit } = await openAgent(file);
		expect(ours(await cut())).toEqual([]);
		expect(await edit(placing(await cut(), takes[0]!), first.operations[0].id)).toBe(false);
		expect(ours(await cut())).toHaveLength(3);
	});
});

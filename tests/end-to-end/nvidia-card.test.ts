import { chmod, mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fcp7Xml } from '../../demo/timelines.ts';
import { filesOf, gpuList } from '../../gpu/list.ts';
import type { Plan } from '../../protocol/generation.ts';
import type { Check } from '../../protocol/rpc.ts';
import { makeModel } from '../engines/ltx2/shots.ts';
import { makeNumberedShot, NUMBERED_SIZE } from './numbered.ts';
import { type Made, openWorkbench, type Workbench } from './workbench.ts';

const CARD = 'NVIDIA GeForce RTX 4090';

let bench: Workbench;
let environment: NodeJS.ProcessEnv;
let program: string;

async function driverSays(text: string): Promise<void> {
	await writeFile(program, `#!/bin/sh\necho '${text}'\n`);
	await chmod(program, 0o755);
}

async function doctorsCard(): Promise<Check | undefined> {
	const { stdout } = await bench.pickup(['doctor', '--json'], environment);
	const { checks } = JSON.parse(stdout) as { checks: Check[] };
	return checks.find(({ name }) => name === 'NVIDIA card');
}

beforeAll(async () => {
	bench = await openWorkbench();
	const programs = join(bench.folder, 'programs');
	await mkdir(programs);
	program = join(programs, 'nvidia-smi');
	await driverSays(`8.9, 580.95.05, 24564, 20000, ${CARD}`);
	environment = {
		PATH: `${programs}${delimiter}${process.env.PATH}`,
		// No graphics card can be used by Vulkan.
		VK_ICD_FILENAMES: join(bench.folder, 'none.json'),
	};
});
afterAll(() => bench.close());

const WHY = /\(its libraries have not been fetched: libcudart\.so\.13, .* and 16 more\)/;

const REMEDY = 'Run `pickup setup gpu`';

test('a card that CUDA cannot use is told of by doctor, plan and clip, with the reason', async () => {
	const said = `This machine has ${CARD}, but CUDA does not work`;
	const card = (await doctorsCard())!;
	expect(card).toMatchObject({ status: 'warning', found: expect.stringContaining(said) });
	expect(card.found).toMatch(WHY);
	expect(card.found).toContain('the CPU computes instead');
	expect(card.action).toContain(REMEDY);

	const rate = { num: 25, den: 1 };
	const path = join(bench.folder, 'shot.mov');
	await makeNumberedShot(path, rate, 0, 25, { hertz: 440, level: 0.2 });
	const clips = [10, 45].map((start) => ({ name: 'shot', path, start, frames: 25 }));
	const timeline = join(bench.folder, 'cut.xml');
	await writeFile(
		timeline,
		fcp7Xml({ name: 'cut', rate, size: NUMBERED_SIZE, startFrame: 0, clips }),
	);
	const model = await makeModel(join(bench.folder, 'model'), 'ltx-2-tiny');
	const args = ['fill', timeline, '--gap', '2', '--engine', 'ltx2', '--model', model];
	const small = ['--pixels', '1024', '--steps', '1', '--context', '0.1', '--json'];

	const plan = await bench.pickup([...args, ...small, '--plan'], environment);
	const { plans } = JSON.parse(plan.stdout) as { plans: [Plan] };
	const told = plans[0].notes.find((note) => note.startsWith(said));
	expect(told).toMatch(WHY);
	expect(told).toContain(REMEDY);
	const cpu = await bench.pickup([...args, ...small, '--plan', '--provider', 'cpu'], environment);
	const asked = JSON.parse(cpu.stdout) as { plans: [Plan] };
	expect(asked.plans[0].notes.join()).not.toContain(CARD);

	const made = await bench.pickup(
		[...args, ...small, '-o', join(bench.folder, 'new')],
		environment,
	);
	const [clip] = (JSON.parse(made.stdout) as Made).clips;
	expect(clip?.notes).toContain(told);
});

test('libraries that are missing or cut off are named by doctor; so are those that cannot be loaded', async () => {
	const list = gpuList()!;
	const folder = join(bench.state, 'gpu', list.folder);
	await mkdir(folder, { recursive: true });
	// As long as they should be, with nothing in them.
	for (const { name, bytes } of filesOf(list)) {
		await writeFile(join(folder, name), '');
		await truncate(join(folder, name), bytes);
	}
	const broken = await doctorsCard();
	expect(broken?.found).toContain('libcudart.so.13: invalid ELF header');
	expect(broken?.action).toContain(REMEDY);
	await rm(join(folder, 'libcudnn.so.9'));
	await truncate(join(folder, 'libcublas.so.13'), 1000);
	const missing = await doctorsCard();
	expect(missing?.found).toContain(
		`missing or cut off in ${folder}: libcublas.so.13, libcudnn.so.9`,
	);
	expect(missing?.action).toContain(REMEDY);
	await rm(folder, { recursive: true });
});

test('a driver that is too old is told of before anything is fetched', async () => {
	await bench.pickup(['daemon', 'stop']);
	await driverSays(`8.9, 551.23, 24564, 20000, ${CARD}`);
	const card = await doctorsCard();
	expect(card?.found).toContain('Expected a driver of NVIDIA’s of version 580 or newer');
	expect(card?.action).toContain('update the driver');
});

test('a card whose memory the driver does not tell is told of too, and noise is no card', async () => {
	await bench.pickup(['daemon', 'stop']);
	await driverSays('12.1, 580.95.05, [N/A], [N/A], NVIDIA GB10');
	expect((await doctorsCard())?.found).toContain('This machine has NVIDIA GB10, but');
	await bench.pickup(['daemon', 'stop']);
	await driverSays('No devices were found');
	expect(await doctorsCard()).toBeUndefined();
});

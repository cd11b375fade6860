import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fcp7Xml } from '../../demo/timelines.ts';
import { readPortFile } from '../daemon/harness.ts';
import { openEditor } from '../fakes/editor.ts';
import { cutWithGap } from '../hosts/film.ts';
import { makeNumberedShot, NUMBERED_SIZE } from './numbered.ts';
import { type Outcome, openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
beforeAll(async () => {
	bench = await openWorkbench();
});
afterAll(() => bench.close());

test('A command says that its job stands and how it goes on, which another command has it do', async () => {
	const rate = { num: 25, den: 1 };
	const path = join(bench.folder, 'shot.mov');
	await makeNumberedShot(path, rate, 0, 25, { hertz: 440, level: 0.2 });
	const clips = [
		{ name: 'left', path, start: 0, frames: 25 },
		{ name: 'right', path, start: 35, frames: 25 },
	];
	const timeline = join(bench.folder, 'cut.xml');
	const cut = { name: 'cut', rate, size: NUMBERED_SIZE, startFrame: 0, clips };
	await writeFile(timeline, fcp7Xml(cut));
	expect(await bench.pickup(['daemon', 'start'])).toMatchObject({ code: 0 });
	const daemon = await readPortFile(bench.state);
	const editor = await openEditor(daemon, cutWithGap(), { program: 'Premiere' });
	await editor.change({ busy: 'exporting' });

	let listed: Promise<readonly Outcome[]> = Promise.resolve([]);
	const goOn = async (said: string): Promise<readonly Outcome[]> => {
		const [, id = ''] = /`pickup jobs continue ([0-9a-f]{8})` goes on anyway/.exec(said) ?? [];
		const before = await bench.pickup(['jobs']);
		return [before, await bench.pickup(['jobs', 'continue', id])];
	};
	let all = '';
	const made = await bench.interrupted(
		['fill', timeline, '--gap', '1', '-o', join(bench.folder, 'new')],
		(said) => {
			all = said;
			return said.includes('goes on anyway');
		},
		() => {
			listed = goOn(all);
		},
	);
	const [jobs, continued] = await listed;
	expect(jobs!.stdout).toContain('paused, Premiere is exporting');
	expect(continued!.stdout).toMatch(/is running$/m);
	expect(made.code).toBe(0);
	expect(made.stderr).toContain('Paused while Premiere is exporting.');
	expect(made.stderr).toContain('Goes on');
	await editor.quit();
});

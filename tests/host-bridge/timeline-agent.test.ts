import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fcp7Xml, kdenlive, otio } from '../../demo/timelines.ts';
import type { PickupError } from '../../protocol/errors.ts';
import type { EditStep } from '../../protocol/hosts.ts';
import { CUT } from './gap-cut.ts';
import { itemsOf, makeTakes, type Opened, openAgent, ours, placing } from './timeline-agent.ts';

let base = '';
let folder = '';
let takes: readonly string[] = [];
beforeAll(async () => {
	base = await mkdtemp(path.join(tmpdir(), 'pickup-agent-'));
	takes = await makeTakes(base, 2);
});
beforeEach(async () => {
	folder = await mkdtemp(path.join(base, 'cut-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

const FORMATS = [
	['cut.xml', fcp7Xml, ['V1', 'A1', 'A2']],
	['cut.otio', otio, ['V1', 'A1']],
	['cut.kdenlive', kdenlive, ['V1', 'A1']],
] as const;

describe.each(FORMATS)('The agent of %s', (name, write, tracks) => {
	const opened = async () => {
		const file = path.join(folder, name);
		await writeFile(file, write(CUT));
		return file;
	};
	const result = () => path.join(folder, 'cut pickup', name);

	test('lands in one new file, swaps, places above and takes out, each once', async () => {
		const file = await opened();
		const { edit, cut, agent } = await openAgent(file);
		const operation = randomUUID();
		const steps = placing(await cut(), takes[0]!);
		expect(await edit(steps, operation)).toBe(false);
		expect(await edit(steps, operation)).toBe(true);
		const landed = tracks.map((track) => [track, 50, 75, 'take 1.mov']);
		expect(ours(await cut())).toEqual(landed);
		expect(agent.who().state.project).toMatchObject({ path: file, landsIn: result() });

		await edit(placing(await cut(), takes[1]!, 'above'));
		const above = ours(await cut()).filter(([, , , media]) => media === 'take 2.mov');
		expect(above).toHaveLength(tracks.length);
		await edit(itemsOf(await cut(), takes[1]!));
		expect(ours(await cut())).toEqual(landed);

		const swaps = itemsOf(await cut(), takes[0]!).map((step): EditStep => {
			const next = { path: takes[1]!, name: 'Take 2', draft: false };
			return step.kind === 'remove' ? { kind: 'swap', item: step.item, ...next } : step;
		});
		await edit(swaps);
		expect(ours(await cut())).toEqual(tracks.map((track) => [track, 50, 75, 'take 2.mov']));
		expect(await readFile(file, 'utf8')).toBe(write(CUT));
		expect(await readdir(path.join(folder, 'cut pickup'))).toEqual([
			'cut history',
			name,
			`${name}.pickup.json`,
		]);

		const again = await openAgent(file);
		expect(ours(await again.cut())).toEqual(ours(await cut()));
		expect(await again.edit(steps, operation)).toBe(true);
	});

	test('does all steps or none', async () => {
		const { edit, cut } = await openAgent(await opened());
		const steps = placing(await cut(), takes[0]!);
		const over = placing(await cut(), takes[1]!, 'gap', { start: 125, end: 150 }).map((step) =>
			step.kind === 'place' && step.of === 'video'
				? { ...step, range: { start: 90, end: 115 } }
				: step,
		);
		const refusal = await edit([...steps, ...over]).catch((error: PickupError) => error);
		expect(refusal).toMatchObject({
			code: 'placement-conflict',
			message: expect.stringMatching(/^Expected empty time on V1 at .*:03:15, found "B" there$/),
		});
		expect(ours(await cut())).toEqual([]);
		expect(await readdir(folder)).toEqual([name]);
	});
});

describe('What a person does to the files meanwhile:', () => {
	const NAME = 'cut.xml';
	const output = (...names: string[]) => path.join(folder, 'cut pickup', ...names);

	async function landed(): Promise<Opened & { readonly file: string }> {
		const file = path.join(folder, NAME);
		await writeFile(file, fcp7Xml(CUT));
		const opened = await openAgent(file);
		await opened.edit(placing(await opened.cut(), takes[0]!));
		return { ...opened, file };
	}

	test('what is saved over the new file is gone on with, and what was there before is kept', async () => {
		const { agent, cut, edit, file } = await landed();
		const { revision } = agent.who().state;
		// A slip, a name of their own, and the sound gone: as an editor writes it.
		const ours = await readFile(output(NAME), 'utf8');
		const theirs = ours
			.replaceAll('<in>0</in>\n\t\t\t\t\t\t<out>25</out>', '<in>3</in>\n\t\t\t\t\t\t<out>28</out>')
			.replace('<name>Cut</name>', '<name>Cut, second version</name>');
		expect(theirs).not.toBe(ours);
		await writeFile(output(NAME), theirs);
		await agent.refresh();
		expect(agent.who().state.revision).toBeGreaterThan(revision);
		const swaps = itemsOf(await cut(), takes[0]!).map((step): EditStep => {
			const next = { path: takes[1]!, name: 'Take 2', draft: false };
			return step.kind === 'remove' ? { kind: 'swap', item: step.item, ...next } : step;
		});
		await edit(swaps);
		const now = await readFile(output(NAME), 'utf8');
		expect(now).toContain('<name>Cut, second version</name>');
		expect(now.match(/<in>3<\/in>/g)).toHaveLength(3);
		expect(now).not.toContain('take%201.mov');
		expect(await readFile(output('cut history', 'cut (before 2).xml'), 'utf8')).toBe(theirs);
		expect(await readFile(file, 'utf8')).toBe(fcp7Xml(CUT));
	});

	test('a timeline that is exported anew gets another new file, and the person is told', async () => {
		const { agent, cut, edit, file } = await landed();
		const first = await readFile(output(NAME), 'utf8');
		const longer = { ...CUT, clips: [...CUT.clips, { ...CUT.clips[1]!, start: 200 }] };
		await writeFile(file, fcp7Xml(longer));
		await agent.refresh();
		const { notes, tracks } = await cut();
		expect(notes?.[0]).toMatch(/^cut\.xml has changed since clips landed in “cut pickup.cut\.xml”/);
		expect(tracks[0]?.clips).toHaveLength(3);
		expect(agent.who().state.project?.landsIn).toBeNull();
		await edit(placing(await cut(), takes[0]!));
		expect(agent.who().state.project?.landsIn).toBe(output('cut 2.xml'));
		expect(await readFile(output(NAME), 'utf8')).toBe(first);
		expect((await cut()).notes).toBeUndefined();
		// The old state of the timeline is the old file’s again.
		await writeFile(file, fcp7Xml(CUT));
		await agent.refresh();
		expect(agent.who().state.project?.landsIn).toBe(output(NAME));
	});

	test('a timeline that is exported with our clips in it has them', async () => {
		const { cut, edit, file } = await landed();
		await writeFile(file, await readFile(output(NAME)));
		expect(ours(await cut()).map(([track]) => track)).toEqual(['V1', 'A1', 'A2']);
		await edit(itemsOf(await cut(), takes[0]!));
		expect(ours(await cut())).toEqual([]);
		expect(await readFile(file)).toEqual(await readFile(output(NAME)));
	});

	test('a new file that is deleted is begun anew', async () => {
		const { cut, edit } = await landed();
		await rm(output(NAME));
		expect(ours(await cut())).toEqual([]);
		await edit(placing(await cut(), takes[1]!));
		expect(await readdir(output())).toEqual([NAME, `${NAME}.pickup.json`]);
	});

	test.each([0, 0.5])('a file of which %d is saved is waited for', async (part) => {
		const { cut } = await landed();
		const whole = await readFile(output(NAME), 'utf8');
		await writeFile(output(NAME), whole.slice(0, whole.length * part));
		const reading = cut();
		await writeFile(output(NAME), whole.replaceAll('take 1<', 'My take<'));
		expect((await reading).tracks[0]?.clips[1]?.name).toBe('My take');
	});

	test('a new file that nobody can read any more is named, with what to do', async () => {
		const { file } = await landed();
		await writeFile(output(NAME), 'gone');
		const refusal = await openAgent(file).catch((error: PickupError) => error);
		expect(refusal).toMatchObject({
			code: 'timeline-unsupported',
			message: expect.stringContaining(output(NAME)),
		});
		expect((refusal as PickupError).toProblem().action).toContain('“cut history”');
	});

	test('the original that is gone is no harm to the new file', async () => {
		const { cut, edit, file } = await landed();
		await rm(file);
		expect(ours(await cut())).toHaveLength(3);
		await edit(itemsOf(await cut(), takes[0]!));
		expect(ours(await cut())).toEqual([]);
	});

	test('its last twenty states are kept', async () => {
		const { cut, edit } = await landed();
		for (let time = 0; time < 12; time++) {
			await edit(itemsOf(await cut(), takes[0]!));
			await edit(placing(await cut(), takes[0]!));
		}
		const kept = await readdir(output('cut history'));
		expect(kept).toHaveLength(20);
		expect(kept).toContain('cut (before 25).xml');
		expect(kept).not.toContain('cut (before 5).xml');
	});
});

test('A timeline that names its media by their place beside it gets its new file beside it', async () => {
	const file = path.join(folder, 'cut.otio');
	await writeFile(file, otio(CUT).replaceAll('file:///media/', 'media/'));
	const { agent, cut, edit } = await openAgent(file);
	expect(agent.who().state.project?.mediaFolder).toBe(path.join(folder, 'media'));
	await edit(placing(await cut(), takes[0]!));
	expect(agent.who().state.project?.landsIn).toBe(path.join(folder, 'cut 2.otio'));
	expect(await readFile(file, 'utf8')).toContain('media/a.mov');
	await edit(placing(await cut(), takes[1]!, 'above'));
	expect(await readdir(folder)).toEqual([
		'cut 2 history',
		'cut 2.otio',
		'cut 2.otio.pickup.json',
		'cut.otio',
	]);
});

test('Of several sequences the one that is meant is changed, and each has a file of its own', async () => {
	const file = path.join(folder, 'cut.xml');
	const [start, end] = ['\t<sequence id="sequence-1">', '</sequence>'];
	const text = fcp7Xml(CUT);
	const one = text.slice(text.indexOf(start), text.indexOf(end) + end.length);
	const two = one.replaceAll('sequence-1', 'sequence-2').replaceAll(/(id="[\w-]+)"/g, '$1-b"');
	await writeFile(file, text.replace(one, `${one}\n${two.replace('<name>Cut<', '<name>Second<')}`));
	const first = await openAgent(file);
	expect((await first.cut()).notes?.[0]).toContain('This is the first sequence of the file, “Cut”');
	const second = await openAgent(file, 'Second');
	expect(second.agent.who().state.sequence).toMatchObject({ name: 'Second' });
	expect(second.agent.who().state.sequence?.id).not.toBe(first.agent.who().state.sequence?.id);
	await second.edit(placing(await second.cut(), takes[0]!));
	await first.edit(placing(await first.cut(), takes[1]!));
	expect(ours(await second.cut()).map(([, , , name]) => name)).toEqual(Array(3).fill('take 1.mov'));
	expect(ours(await first.cut()).map(([, , , name]) => name)).toEqual(Array(3).fill('take 2.mov'));
	expect(first.agent.who().state.project?.landsIn).toMatch(/cut 2\.xml$/);
	const again = await openAgent(file, 'Second');
	expect(ours(await again.cut())).toEqual(ours(await second.cut()));
});

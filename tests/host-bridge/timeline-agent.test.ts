import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fcp7Xml, kdenlive, otio, type SimpleCut } from '../../demo/timelines.ts';
import { planPlacement } from '../../host-bridge/placement.ts';
import { TimelineAgent } from '../../host-bridge/timeline-file/agent.ts';
import { TimelineProject } from '../../host-bridge/timeline-file/project.ts';
import type { PickupError } from '../../protocol/errors.ts';
import type { EditStep } from '../../protocol/hosts.ts';
import type { FrameRange } from '../../protocol/time.ts';
import type { Cut } from '../../protocol/timeline.ts';
import { placementOf } from './cuts.ts';

const CUT: SimpleCut = {
	name: 'Cut',
	rate: { num: 25, den: 1 },
	size: { width: 640, height: 360 },
	startFrame: 90_000,
	clips: [
		{ name: 'A', path: '/media/a.mov', start: 0, frames: 50 },
		{ name: 'B', path: '/media/b.mov', start: 75, frames: 50 },
	],
};
const GAP = { start: 50, end: 75 };

let base = '';
let folder = '';
const takes: string[] = [];
beforeAll(async () => {
	base = await mkdtemp(path.join(tmpdir(), 'pickup-agent-'));
	for (const name of ['take 1.mov', 'take 2.mov']) {
		takes.push(path.join(base, name));
		await writeFile(path.join(base, name), '');
	}
});
beforeEach(async () => {
	folder = await mkdtemp(path.join(base, 'cut-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

type Opened = {
	readonly agent: TimelineAgent;
	readonly cut: () => Promise<Cut>;
	readonly edit: (steps: readonly EditStep[], operation?: string) => Promise<boolean>;
};

async function openAgent(file: string): Promise<Opened> {
	const project = await TimelineProject.open(file);
	const agent = new TimelineAgent(project, {
		id: randomUUID(),
		version: '1',
		look: async () => ({ size: { width: 640, height: 360 }, sound: true }),
	});
	const { state } = agent.who();
	const where = { project: state.project!.id, sequence: state.sequence!.id };
	return {
		agent,
		cut: async () => (await agent.answers['agent.cut'](where)).cut,
		edit: async (steps, operation = randomUUID()) => {
			const asked = { ...where, operation, label: 'Fill', steps: [...steps] };
			return (await agent.answers['agent.edit'](asked)).again;
		},
	};
}

/** What a plan says, step by step. */
function placing(
	cut: Cut,
	take: number,
	where: 'gap' | 'above' = 'gap',
	range: FrameRange = GAP,
): readonly EditStep[] {
	const placement = placementOf(range, { where, clip: { path: takes[take]! } });
	const { video, audio, audioRight } = planPlacement(cut, placement);
	const added: EditStep[] = [];
	const steps = ([video, audio, audioRight] as const).flatMap((choice, at): EditStep[] => {
		if (!choice) return [];
		const of = at === 0 ? ('video' as const) : ('audio' as const);
		const track = choice.kind === 'new' ? `new ${choice.name}` : choice.name;
		if (choice.kind === 'new') added.push({ kind: 'add-track', of, as: track });
		const file = { path: takes[take]!, name: `Take ${take + 1}` };
		return [{ kind: 'place', of, track, range, ...file, enabled: where === 'gap', draft: true }];
	});
	return [...added, ...steps];
}

/** What stands in the cut of our takes: track, frames, file. */
function ours({ tracks }: Cut): readonly (readonly [string, number, number, string])[] {
	return tracks.flatMap((track) =>
		track.clips.flatMap(({ source, range }) =>
			source.kind === 'file'
				? [[track.name, range.start, range.end, path.basename(source.path)] as const]
				: [],
		),
	);
}

function itemsOf(cut: Cut, take: number): readonly EditStep[] {
	return ours(cut)
		.filter(([, , , name]) => name === path.basename(takes[take]!))
		.map(([track, start, end]) => ({
			kind: 'remove',
			item: { track, range: { start, end }, path: takes[take]! },
		}));
}

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
		const steps = placing(await cut(), 0);
		expect(await edit(steps, operation)).toBe(false);
		expect(await edit(steps, operation)).toBe(true);
		const landed = tracks.map((track) => [track, 50, 75, 'take 1.mov']);
		expect(ours(await cut())).toEqual(landed);
		expect(agent.who().state.project).toMatchObject({ path: file, landsIn: result() });

		await edit(placing(await cut(), 1, 'above'));
		const above = ours(await cut()).filter(([, , , media]) => media === 'take 2.mov');
		expect(above).toHaveLength(tracks.length);
		await edit(itemsOf(await cut(), 1));
		expect(ours(await cut())).toEqual(landed);

		const swaps = itemsOf(await cut(), 0).map((step): EditStep => {
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
		const steps = placing(await cut(), 0);
		const over = placing(await cut(), 1, 'gap', { start: 125, end: 150 }).map((step) =>
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

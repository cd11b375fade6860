import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { planPlacement } from '../../host-bridge/placement.ts';
import { TimelineAgent } from '../../host-bridge/timeline-file/agent.ts';
import { TimelineProject } from '../../host-bridge/timeline-file/project.ts';
import type { EditStep } from '../../protocol/hosts.ts';
import type { FrameRange } from '../../protocol/time.ts';
import type { Cut } from '../../protocol/timeline.ts';
import { placementOf } from './cuts.ts';
import { GAP } from './gap-cut.ts';

/** Files that stand for clips; nobody looks into them. */
export async function makeTakes(folder: string, count: number): Promise<readonly string[]> {
	const takes = Array.from({ length: count }, (_, at) => path.join(folder, `take ${at + 1}.mov`));
	for (const take of takes) await writeFile(take, '');
	return takes;
}

export type Opened = {
	readonly agent: TimelineAgent;
	readonly cut: () => Promise<Cut>;
	readonly edit: (steps: readonly EditStep[], operation?: string) => Promise<boolean>;
};

export async function openAgent(file: string, sequence?: string): Promise<Opened> {
	const project = await TimelineProject.open(file, sequence);
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
			const { revision } = await agent.answers['agent.cut'](where);
			const asked = { ...where, operation, revision, label: 'Fill', steps: [...steps] };
			return (await agent.answers['agent.edit'](asked)).again === true;
		},
	};
}

/** What a plan says, step by step. */
export function placing(
	cut: Cut,
	take: string,
	where: 'gap' | 'above' = 'gap',
	range: FrameRange = GAP,
): readonly EditStep[] {
	const placement = placementOf(range, { where, clip: { path: take } });
	const { video, audio, audioRight } = planPlacement(cut, placement);
	return ([video, audio, audioRight] as const).flatMap((choice, at): EditStep[] => {
		if (!choice) return [];
		const of = at === 0 ? ('video' as const) : ('audio' as const);
		const track = choice.kind === 'new' ? `new ${choice.name}` : choice.name;
		const file = { path: take, name: path.parse(take).name };
		return [
			...(choice.kind === 'new' ? [{ kind: 'add-track', of, as: track } as const] : []),
			{ kind: 'place', of, track, range, ...file, enabled: where === 'gap', draft: true },
		];
	});
}

/** What stands in the cut of our takes: track, frames, file. */
export function ours({ tracks }: Cut): readonly (readonly [string, number, number, string])[] {
	return tracks.flatMap((track) =>
		track.clips.flatMap(({ source, range }) =>
			source.kind === 'file'
				? [[track.name, range.start, range.end, path.basename(source.path)] as const]
				: [],
		),
	);
}

export function itemsOf(cut: Cut, take: string): readonly EditStep[] {
	return ours(cut)
		.filter(([, , , name]) => name === path.basename(take))
		.map(([track, start, end]) => ({
			kind: 'remove',
			item: { track, range: { start, end }, path: take },
		}));
}

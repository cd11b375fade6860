import { randomUUID } from 'node:crypto';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EditStep } from '../../protocol/hosts.ts';
import { until } from '../daemon/harness.ts';
import { type AgentDaemon, openAgentDaemon } from '../fakes/agent-daemon.ts';
import { lookAt, TICKS } from '../fakes/premiere/media.ts';
import { clipOf, Project, trackOf } from '../fakes/premiere/model.ts';
import { makeShot } from '../host-bridge/mlt-render.ts';
import { forgetPremiere, type OpenPremiere, SCRIPTS, UXP } from './premiere-interfaces.ts';

/** Edits as the daemon asks for them, one step after the other. */

const FRAME = TICKS / 25n;

let daemon: AgentDaemon;
let shot: string;
let other: string;
let plugin: OpenPremiere;
let project: Project;

beforeAll(async () => {
	daemon = await openAgentDaemon();
	shot = join(daemon.state, '..', 'shot.mov');
	other = join(daemon.state, '..', 'other.mov');
	await makeShot(shot, 'red', 440, 50, '25');
	await copyFile(shot, other);
});
afterEach(() => plugin.unload());
afterAll(async () => {
	await daemon.close();
	await forgetPremiere();
});

async function edit(steps: EditStep[], operation = randomUUID()) {
	const where = await daemon.where();
	const { revision } = await daemon.ask('agent.cut', where);
	return daemon.ask('agent.edit', { ...where, operation, revision, label: 'Pickup', steps });
}

const range = { start: 20, end: 40 };
const swap = (track: string): EditStep => ({
	kind: 'swap',
	item: { track, range, path: shot },
	path: other,
	name: 'finished',
	draft: false,
});
const place = (of: 'video' | 'audio', track: string): EditStep => ({
	kind: 'place',
	of,
	path: other,
	name: 'made',
	track,
	range: { start: 60, end: 110 },
	enabled: true,
	draft: true,
});

function standing(): readonly string[] {
	return project.sequence(project.active!).tracks.flatMap(({ clips }, index) =>
		clips.map(({ item, start, end, in: from }) => {
			const name = project.item(item).media?.path.split('/').at(-1);
			return `${index} ${name} ${start / FRAME}–${end / FRAME} from ${from / FRAME}`;
		}),
	);
}

describe.each([UXP, SCRIPTS])('By $name', (by) => {
	/** V1 and A1 with the shot at 20 to 40, from its tenth frame on; V2 and A2 empty. */
	async function open() {
		project = new Project('Film', '/films/Film.prproj');
		const sequence = project.addSequence({
			name: 'Reel 1',
			ticksPerFrame: FRAME,
			size: { width: 160, height: 90 },
		});
		const { id } = project.addItem({ kind: 'media', name: 'shot', media: lookAt(shot) });
		const at = { start: 20n * FRAME, end: 40n * FRAME, in: 10n * FRAME, out: 30n * FRAME };
		const clip = (kind: 'video' | 'audio') =>
			clipOf({ kind, item: id, name: 'shot', link: 'a', ...at });
		sequence.tracks = [
			trackOf('video', { clips: [clip('video')] }),
			trackOf('video'),
			trackOf('audio', { clips: [clip('audio')] }),
			trackOf('audio'),
		];
		plugin = await by.open(daemon, project);
		await until('the project', () => daemon.host()?.state.project?.id === project.id);
		return sequence;
	}

	it('a clip gets other media with its trims, and one undo brings the old one back', async () => {
		await open();
		await edit([swap('V1'), swap('A1')]);
		expect(standing()).toEqual(['0 other.mov 20–40 from 10', '2 other.mov 20–40 from 10']);
		// The next who places the item finds no points on it.
		const item = project.data.items.find(({ media }) => media?.path === other)!;
		expect(item).toMatchObject({ name: 'finished', marks: null });
		expect(project.item(item.parent!).name).toBe('Pickup');
		// Of scripts every call is a step, and what was done is noted after it.
		while (!by.hasTransactions && project.undoSteps.at(-1)?.label !== 'Overwrite') project.undo();
		project.undo();
		expect(standing()).toEqual(['0 shot.mov 20–40 from 10', '2 shot.mov 20–40 from 10']);
	});

	it.each([
		[
			'an effect',
			{ effects: [{ matchName: 'AE.ADBE Lumetri', displayName: 'Lumetri-Farbe' }] },
			/has Lumetri-Farbe/,
		],
		['another speed', { speed: 2, out: 50n * FRAME }, /has a changed speed/],
		['been switched off', { isDisabled: true }, /has been switched off/],
	] as const)('a clip that has %s keeps it, and its media', async (_, change, says) => {
		const { tracks } = await open();
		Object.assign(tracks[0]!.clips[0]!, change);
		const before = standing();
		await expect(edit([swap('V1'), swap('A1')])).rejects.toThrow(says);
		expect(standing()).toEqual(before);
	});

	it('a clip with a transition keeps it', async () => {
		const { tracks } = await open();
		tracks[0]!.transitions.push({ name: 'Blende', start: 38n * FRAME, end: 40n * FRAME });
		await expect(edit([swap('V1')])).rejects.toThrow(/has a transition/);
		expect(tracks[0]!.transitions).toHaveLength(1);
	});

	it('of a clip with sound the picture alone is placed, and the sound alone', async () => {
		await open();
		const before = standing();
		await edit([place('video', 'V2')]);
		expect(standing()).toEqual([before[0], '1 other.mov 60–110 from 0', before[1]]);
		await edit([place('audio', 'A2')]);
		expect(standing()).toEqual([
			before[0],
			'1 other.mov 60–110 from 0',
			before[1],
			'3 other.mov 60–110 from 0',
		]);
	});

	it('drafts have their colour, and nothing is put over anything', async () => {
		await open();
		await edit([place('video', 'V1'), place('audio', 'A2')]);
		const item = project.data.items.find(({ media }) => media?.path === other)!;
		expect(item).toMatchObject({ name: 'made', label: 6 });
		const again = place('video', 'V1');
		await expect(edit([again])).rejects.toThrow('Expected empty time on V1, found "made" there');
	});

	it('what is done is known by the project, and memory keeps it', async () => {
		await open();
		const operation = randomUUID();
		await edit([place('video', 'V1'), place('audio', 'A1')], operation);
		expect(await edit([place('video', 'V1')], operation)).toMatchObject({ again: true });
		// Another run of the agent has the project alone to go by.
		plugin.unload();
		const before = daemon.registered();
		plugin = await by.open(daemon, project);
		await until('the other run', () => daemon.registered() > before && daemon.host() !== null);
		expect(await edit([place('video', 'V1')], operation)).toMatchObject({ again: true });
		if (!by.hasTransactions) return;
		// An edit that is undone is forgotten with it.
		expect(project.sequence(project.active!).properties['pickup.operations']).toBe(operation);
		project.undo();
		expect(project.sequence(project.active!).properties['pickup.operations']).toBeUndefined();
		expect(standing()).toHaveLength(2);
	});

	it('where a take goes wrong, the one that it takes the place of is put back', async () => {
		await open();
		await edit([swap('V1'), swap('A1')]);
		const before = standing();
		const longer = 'a clip comes out a frame longer';
		project.faults.add(longer);
		const { remove } = project;
		// Right again once something is taken out.
		project.remove = (...given) => {
			project.faults.delete(longer);
			remove.apply(project, given);
		};
		const back = (track: string): EditStep => ({
			kind: 'swap',
			item: { track, range, path: other },
			path: shot,
			name: 'first',
			draft: false,
		});
		await expect(edit([back('V1'), back('A1')])).rejects.toThrow('21 frames instead of 20');
		expect(standing()).toEqual(before);
		project.remove = remove;
		project.faults.add(longer);
		await expect(edit([back('V1'), back('A1')])).rejects.toThrow(
			/21 frames instead of 20. What stood there did not come back: “\w+” on V1, “\w+” on A1/,
		);
		expect(standing()).toEqual([]);
	});

	it('a clip is taken out, and its linked sound stays where that was not asked for', async () => {
		await open();
		await edit([{ kind: 'remove', item: { track: 'V1', range, path: shot } }]);
		expect(standing()).toEqual(['2 shot.mov 20–40 from 10']);
		await expect(
			edit([{ kind: 'remove', item: { track: 'A1', range: { start: 20, end: 41 }, path: shot } }]),
		).rejects.toThrow(/it is not there/);
	});

	it('a file that Premiere has put elsewhere than into the bin is moved there', async () => {
		await open();
		project.faults.add('an import lands in the root');
		await edit([place('video', 'V1'), place('audio', 'A1')]);
		const item = project.data.items.find(({ media }) => media?.path === other)!;
		expect(project.item(item.parent!).name).toBe('Pickup');
	});

	it('points that the person has set in the bin do not trim what is placed', async () => {
		await open();
		await edit([{ kind: 'bin', path: other, name: 'kept' }]);
		const item = project.data.items.find(({ media }) => media?.path === other)!;
		item.marks = { in: 5n * FRAME, out: 9n * FRAME };
		await edit([place('video', 'V1'), place('audio', 'A1')]);
		expect(standing()).toContain('0 other.mov 60–110 from 0');
	});
});

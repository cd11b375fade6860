import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cut } from '../../protocol/timeline.ts';
import { until } from '../daemon/harness.ts';
import { type AgentDaemon, openAgentDaemon } from '../fakes/agent-daemon.ts';
import type { Fault } from '../fakes/premiere/faults.ts';
import { lookAt, TICKS } from '../fakes/premiere/media.ts';
import { type Clip, clipOf, Project, type Sequence, trackOf } from '../fakes/premiere/model.ts';
import { makeShot } from '../host-bridge/mlt-render.ts';
import {
	forgetPremiere,
	type OpenPremiere,
	type PremiereInterface,
	SCRIPTS,
	UXP,
} from './premiere-interfaces.ts';

/** How the plugin reads a sequence, grabs a frame, and what it does where Premiere helps little. */

const FRAME = TICKS / 25n;

let daemon: AgentDaemon;
let shot: string;
const plugins: OpenPremiere[] = [];
beforeAll(async () => {
	daemon = await openAgentDaemon();
	shot = join(daemon.state, '..', 'shot.mov');
	await makeShot(shot, 'red', 440, 100, '25');
});
afterAll(async () => {
	for (const plugin of plugins) plugin.unload();
	await daemon.close();
	await forgetPremiere();
});

/** One project after the other is open in one Premiere. */
async function open(by: PremiereInterface, parts: Partial<Sequence>, ...faults: readonly Fault[]) {
	for (const plugin of plugins.splice(0)) plugin.unload();
	const project = new Project('Film', '/films/Film.prproj');
	project.addSequence({
		name: 'Reel 1',
		ticksPerFrame: FRAME,
		size: { width: 160, height: 90 },
		...parts,
	});
	for (const fault of faults) project.faults.add(fault);
	plugins.push(await by.open(daemon, project));
	await until('the project', () => daemon.host()?.state.project?.id === project.id);
	return { project, sequence: project.sequence(project.active!), where: await daemon.where() };
}

async function cutOf(by: PremiereInterface, parts: Partial<Sequence>): Promise<Cut> {
	const { where } = await open(by, parts);
	return (await daemon.ask('agent.cut', where)).cut;
}

describe.each([UXP, SCRIPTS])('By $name', (by) => {
	describe('A sequence', () => {
		it.each([
			['23.976', 10_594_584_000n, 103, 24_000, 1001, false],
			['24', 10_584_000_000n, 100, 24, 1, false],
			['29.97, drop-frame', 8_475_667_200n, 102, 30_000, 1001, true],
			['29.97, non-drop', 8_475_667_200n, 103, 30_000, 1001, false],
			['59.94, drop-frame', 4_237_833_600n, 106, 60_000, 1001, true],
			['119.88', 2_118_916_800n, 109, 120_000, 1001, false],
		])(
			'of %s frames a second has that rate exactly',
			async (_, ticksPerFrame, format, num, den, drop) => {
				const { sequence } = await cutOf(by, { ticksPerFrame, displayFormat: format });
				expect(sequence.rate).toEqual({ num, den });
				expect(sequence.dropFrame).toBe(drop);
			},
		);

		it('that starts later than a double can count in ticks is read to the frame', async () => {
			// 23:59:59:24 and clips at the end of a day.
			const zeroPoint = (24n * 3600n * 25n - 1n) * FRAME;
			const { sequence } = await cutOf(by, { zeroPoint });
			expect(sequence.startFrame).toBe(24 * 3600 * 25 - 1);
			expect(Number.MAX_SAFE_INTEGER).toBeLessThan(Number(zeroPoint));
		});

		it.each([
			['1:1', 1, 1],
			['Square Pixels (1.0)', 1, 1],
			['1094:1000', 547, 500],
			// The name has a shape of its own in it, that of the picture.
			['DV PAL Widescreen 16:9 (1.4587)', 512, 351],
		])('with pixels of the shape %s', async (pixelAspect, num, den) => {
			expect((await cutOf(by, { pixelAspect })).sequence.pixelAspect).toEqual({ num, den });
		});

		it('whose pixels have a shape that nobody knows is taken for square, and that is said', async () => {
			const cut = await cutOf(by, { pixelAspect: 'Quadratisch' });
			expect(cut.sequence.pixelAspect).toEqual({ num: 1, den: 1 });
			expect(cut.notes).toEqual([expect.stringContaining('“Quadratisch”')]);
		});
	});

	describe('A clip', () => {
		async function read(parts: Partial<Clip>, kind: 'video' | 'audio' = 'video', offline = false) {
			const { project, sequence, where } = await open(by, {});
			const item = project.addItem({ kind: 'media', name: 'shot', media: lookAt(shot) });
			item.isOffline = offline;
			const at = { start: 10n * FRAME, end: 30n * FRAME };
			const clip = clipOf({ kind, item: item.id, name: 'shot', ...at, ...parts });
			sequence.tracks = [trackOf('video'), trackOf('audio')];
			sequence.tracks.find((track) => track.kind === kind)!.clips.push(clip);
			const { cut } = await daemon.ask('agent.cut', where);
			return cut.tracks.find((track) => track.kind === kind)!;
		}

		it('plays its file from a moment on', async () => {
			const { clips } = await read({ in: 5n * FRAME, out: 25n * FRAME });
			expect(clips).toEqual([
				{
					name: 'shot',
					track: 'V1',
					range: { start: 10, end: 30 },
					source: { kind: 'file', path: shot },
					sourceIn: { num: 1, den: 5 },
					speed: { num: 1, den: 1 },
					enabled: true,
				},
			]);
		});

		it('that is twice as fast, and one that runs backwards', async () => {
			const fast = await read({ speed: 2, in: 0n, out: 40n * FRAME });
			expect(fast.clips[0]).toMatchObject({
				speed: { num: 2, den: 1 },
				sourceIn: { num: 0, den: 1 },
			});
			const back = await read({ isReversed: true, in: 0n, out: 20n * FRAME });
			// In the middle of the last frame before the out point.
			expect(back.clips[0]).toMatchObject({
				speed: { num: -1, den: 1 },
				sourceIn: { num: 39, den: 50 },
			});
		});

		it('whose points do not fit its speed has curves, and is no one file’s', async () => {
			const { clips } = await read({ speed: 2, in: 0n, out: 70n * FRAME });
			expect(clips[0]?.source).toEqual({ kind: 'synthetic', what: 'clip of a varying speed' });
		});

		it('that is offline, and one that is switched off, say so', async () => {
			expect((await read({}, 'video', true)).clips[0]?.source).toEqual({
				kind: 'offline',
				path: shot,
				reason: 'Premiere has it offline',
			});
			expect((await read({ isDisabled: true })).clips[0]?.enabled).toBe(false);
		});

		it('with an effect names it as the person reads it; what every clip has is none', async () => {
			const lumetri = { matchName: 'AE.ADBE Lumetri', displayName: 'Lumetri-Farbe' };
			const motion = { matchName: 'AE.ADBE Motion', displayName: 'Bewegung' };
			expect((await read({ effects: [motion, lumetri] })).clips[0]?.effects).toEqual([
				'Lumetri-Farbe',
			]);
			expect((await read({ effects: [motion] })).clips[0]?.effects).toBeUndefined();
		});

		it('of sound that starts between two frames takes both', async () => {
			const half = FRAME / 2n + 1n;
			const track = await read({ start: 10n * FRAME + half, end: 30n * FRAME }, 'audio');
			expect(track.clips[0]?.range).toEqual({ start: 11, end: 30 });
			expect(track.taken).toEqual([{ start: 10, end: 30 }]);
		});
	});

	describe('A frame', () => {
		const folder = () => join(daemon.state, '..', 'frames');
		it.each<readonly Fault[]>([
			[],
			['a frame with one extension'],
			['a frame comes late'],
			['a frame comes in pieces'],
		])('is whole and at its path: %s', async (...faults) => {
			const { where } = await open(by, {}, ...faults);
			await mkdir(folder(), { recursive: true });
			const path = join(folder(), `${faults[0] ?? 'as it should'}.png`);
			const { size } = await daemon.ask('agent.frame', { ...where, frame: 7, path });
			expect(size).toEqual({ width: 160, height: 90 });
			expect((await readdir(folder())).filter((name) => name.includes('part'))).toEqual([]);
			expect(await readdir(folder())).toContain(`${faults[0] ?? 'as it should'}.png`);
		});

		it.each<readonly [Fault, RegExp]>([
			['a frame is of another size', /^Expected a picture of 160 × 90, Premiere wrote 80 × 45$/],
			['a frame is never written', /^Premiere wrote no picture of that frame$/],
		])('that is not as it should be is refused: %s', async (fault, says) => {
			const { where } = await open(by, {}, fault);
			await mkdir(folder(), { recursive: true });
			const before = await readdir(folder());
			const path = join(folder(), 'wrong.png');
			await expect(daemon.ask('agent.frame', { ...where, frame: 7, path })).rejects.toThrow(says);
			expect(await readdir(folder())).toEqual(before);
		});
	});
});

describe.each([UXP, SCRIPTS])('Where Premiere throws what $name ask of an item', (by) => {
	/** A clip with sound at 10 to 30, a transition at its end, and another sound on A2. */
	async function read(fault: Fault) {
		const { project, sequence, where } = await open(by, {}, fault);
		const { id } = project.addItem({ kind: 'media', name: 'shot', media: lookAt(shot) });
		const at = { start: 10n * FRAME, end: 30n * FRAME, in: 0n, out: 20n * FRAME };
		const clip = (kind: 'video' | 'audio') => clipOf({ kind, item: id, name: 'shot', ...at });
		const fade = { name: 'Blende', start: 28n * FRAME, end: 30n * FRAME };
		sequence.tracks = [
			trackOf('video', { clips: [clip('video')], transitions: [fade] }),
			trackOf('audio', { clips: [clip('audio')] }),
			trackOf('audio', { clips: [{ ...clip('audio'), isSelected: true }] }),
		];
		const { cut } = await daemon.ask('agent.cut', where);
		const [v1, a1, a2] = cut.tracks;
		return { cut, v1: v1!, a1: a1!, a2: a2! };
	}
	const anywhere = [{ start: 0, end: 1 << 24 }];

	it('one that does not say what it shows is of no file and keeps its time; the rest is read', async () => {
		const { v1, a1, a2 } = await read('a clip does not say what it shows');
		expect(v1.clips).toMatchObject([
			{
				range: { start: 10, end: 30 },
				source: { kind: 'synthetic', what: 'item that Premiere does not describe' },
			},
		]);
		for (const { clips } of [a1, a2])
			expect(clips[0]?.source).toEqual({ kind: 'file', path: shot });
	});

	it('one that does not say where it stands keeps its track from being used, and that is said', async () => {
		const { cut, v1, a1, a2 } = await read('a sound does not say where it stands');
		expect(a1).toMatchObject({ clips: [], taken: anywhere });
		for (const track of [v1, a2]) {
			expect(track.clips).toHaveLength(1);
			expect(track.taken).toBeUndefined();
		}
		expect(cut.notes).toEqual([
			'A1 has an item that Premiere does not place: nothing is placed on it.',
		]);
	});

	it('a transition that does not say where it stands may be at any clip of its track', async () => {
		const { cut, v1, a1 } = await read('transitions do not say where they stand');
		expect(v1).toMatchObject({ transitions: [], taken: anywhere });
		expect(v1.clips[0]?.effects).toEqual(['a transition that Premiere does not place']);
		expect(a1.clips[0]?.effects).toBeUndefined();
		expect(cut.notes).toEqual([
			'V1 has a transition that Premiere does not place: nothing is placed on it.',
		]);
	});

	it('a selected one without times is passed over', async () => {
		await read('something without times is selected');
		await until('the selection', async () => {
			const { selection } = (await daemon.ask('agent.who', {})).state;
			return selection?.start === 10 && selection.end === 30;
		});
	});
});

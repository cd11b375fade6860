import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { findGaps } from '../../../host-bridge/gap.ts';
import type { ClipSpan, Cut } from '../../../protocol/timeline.ts';
import { endAllDaemons } from '../../daemon/harness.ts';
import {
	addComp,
	addFootage,
	type LayerModel,
	layerModel,
} from '../../fakes/after-effects/model.ts';
import { type Running, startAfterEffects } from './stage.ts';

let running: Running;

beforeEach(async () => {
	running = await startAfterEffects();
});
afterEach(() => running.close());
afterAll(endAllDaemons);

type Given = Partial<LayerModel> & Pick<LayerModel, 'inPoint' | 'outPoint'>;

/** A composition of 25 frames a second with these layers, top first, and its cut. */
async function cutOf(
	layers: readonly Given[],
	given: Parameters<typeof addComp>[1] = {},
): Promise<Cut> {
	const { program, port } = running;
	const { model } = program;
	const film = addFootage(model, { name: 'film.mov', file: '/films/film.mov' });
	const comp = addComp(model, given);
	comp.layers = layers.map((layer) => layerModel(model, { source: film.id, ...layer }));
	model.activeItem = comp.id;
	const { project, sequence } = await port.state();
	return port.cut({ project: project!.id, sequence: sequence!.id });
}

const tracksOf = ({ tracks }: Cut) =>
	tracks.map(({ name, clips }) => [
		name,
		...clips.map((clip) => `${clip.name} ${clip.range.start}–${clip.range.end}`),
	]);

const pictureOf = (cut: Cut): ClipSpan => cut.tracks[0]!.clips[0]!;

test('shots that follow each other are on one track with their gap, what lies over them is above', async () => {
	const cut = await cutOf([
		{ name: 'c', inPoint: 3, outPoint: 5 },
		{ name: 'over b', inPoint: 1, outPoint: 1.4 },
		{ name: 'b', inPoint: 1, outPoint: 2 },
		{ name: 'a', inPoint: 0, outPoint: 1 },
	]);
	expect(tracksOf(cut)).toEqual([
		['V1', 'a 0–25', 'b 25–50', 'c 75–125'],
		['V2', 'over b 25–35'],
		['A1', 'a 0–25', 'b 25–50', 'c 75–125'],
		['A2', 'over b 25–35'],
	]);
	expect(findGaps(cut).find(({ kind }) => kind === 'gap')).toMatchObject({
		track: 'V1',
		start: 50,
		end: 75,
	});
});

test('what is switched off leaves the gap open that it lies in', async () => {
	const cut = await cutOf([
		{ name: 'off', inPoint: 0, outPoint: 5, enabled: false, audioEnabled: false },
		{ name: 'b', inPoint: 3, outPoint: 5 },
		{ name: 'a', inPoint: 0, outPoint: 2 },
	]);
	expect(tracksOf(cut).slice(0, 2)).toEqual([
		['V1', 'a 0–50', 'b 75–125'],
		['V2', 'off 0–125'],
	]);
	expect(cut.tracks[1]!.clips[0]!.enabled).toBe(false);
});

test('graphics, nulls, guides, mattes and cameras are no clips; what lies over a clip is said of it', async () => {
	const cut = await cutOf([
		{ name: 'eye', type: 'camera', source: null, inPoint: 0, outPoint: 5 },
		{ name: 'title', type: 'text', source: null, inPoint: 0, outPoint: 5 },
		{ name: 'grade', adjustment: true, inPoint: 0, outPoint: 0.4 },
		{ name: 'box', type: 'shape', source: null, inPoint: 4, outPoint: 5 },
		{ name: 'handle', isNull: true, inPoint: 0, outPoint: 5, audioEnabled: false },
		{ name: 'rule', guide: true, inPoint: 0, outPoint: 5 },
		{ name: 'matte', matte: 'is', inPoint: 0, outPoint: 5, enabled: false },
		{
			name: 'a',
			inPoint: 0,
			outPoint: 2,
			effects: [{ name: 'Weichzeichner', enabled: true }],
			matte: 'has',
		},
	]);
	expect(tracksOf(cut)[0]).toEqual(['V1', 'a 0–50']);
	expect(cut.tracks.filter(({ kind }) => kind === 'video')).toHaveLength(1);
	expect(pictureOf(cut).effects).toEqual([
		'Weichzeichner',
		'track matte',
		'grade above it',
		'title above it',
	]);
});

test.each([
	{ throws: ['source'] },
	{ throws: ['adjustmentLayer'] },
	{ throws: ['comment'] },
	{ throws: ['matchName', 'name'] },
])('a layer that throws its $throws keeps its time; the others are read', async ({ throws }) => {
	const cut = await cutOf([
		{ name: 'odd', inPoint: 2, outPoint: 3, throws },
		{ name: 'a', inPoint: 0, outPoint: 2 },
	]);
	const [a, odd] = cut.tracks[0]!.clips;
	expect(a).toMatchObject({ name: 'a', source: { kind: 'file' }, range: { start: 0, end: 50 } });
	expect(odd).toMatchObject({
		name: throws.includes('name') ? 'Layer 1' : 'odd',
		range: { start: 50, end: 75 },
		source: { kind: 'synthetic', what: 'layer that After Effects does not describe' },
	});
});

test('a layer that throws when it is there may be so all the time', async () => {
	const cut = await cutOf([
		{ name: 'odd', inPoint: 2, outPoint: 3, throws: ['outPoint'], selected: true },
		{ name: 'b', inPoint: 3, outPoint: 5 },
		{ name: 'a', inPoint: 0, outPoint: 2, selected: true },
	]);
	expect(tracksOf(cut).slice(0, 2)).toEqual([
		['V1', 'a 0–50', 'b 75–125'],
		['V2', 'odd 0–250'],
	]);
	expect((await running.port.state()).selection).toEqual({ start: 0, end: 50 });
});

test('a layer that throws its looks or its levels plays its file, and that is said of it', async () => {
	const cut = await cutOf([
		{ name: 'a', inPoint: 0, outPoint: 2, throws: ['property', 'blendingMode'] },
	]);
	expect(pictureOf(cut)).toMatchObject({
		source: { kind: 'file' },
		effects: ['looks that After Effects does not tell'],
	});
	const sound = cut.tracks.find(({ kind }) => kind === 'audio')!.clips[0];
	expect(sound).toMatchObject({ effects: ['audio levels that change'] });
});

test('a solo layer alone is seen and heard', async () => {
	const cut = await cutOf([
		{ name: 'b', inPoint: 3, outPoint: 5, solo: true },
		{ name: 'a', inPoint: 0, outPoint: 2 },
	]);
	const on = cut.tracks.flatMap(({ clips }) => clips.filter(({ enabled }) => enabled));
	expect(on.map(({ name }) => name)).toEqual(['b', 'b']);
});

test.each([
	['23.976', { num: 24_000, den: 1001 }],
	['29.97', { num: 30_000, den: 1001 }],
	['59.94', { num: 60_000, den: 1001 }],
	['119.88', { num: 120_000, den: 1001 }],
	['24', { num: 24, den: 1 }],
	['25', { num: 25, den: 1 }],
	['12.5', { num: 25, den: 2 }],
] as const)('%s frames a second are exact, and so are times in them', async (_name, rate) => {
	const frame = rate.den / rate.num;
	const cut = await cutOf(
		[{ name: 'a', startTime: 10 * frame, inPoint: 17 * frame, outPoint: 90_000 * frame }],
		{ rate, duration: 100_000 * frame, displayStartTime: 86_400 * frame },
	);
	expect(cut.sequence).toMatchObject({ rate, duration: 100_000, startFrame: 86_400 });
	expect(pictureOf(cut)).toMatchObject({
		range: { start: 17, end: 90_000 },
		sourceIn: {
			num: (7 * rate.den) / gcd(7 * rate.den, rate.num),
			den: rate.num / gcd(7 * rate.den, rate.num),
		},
		speed: { num: 1, den: 1 },
	});
});

test('drop-frame is told where there is such a thing', async () => {
	const rate = { num: 30_000, den: 1001 };
	expect((await cutOf([], { rate, dropFrame: true })).sequence.dropFrame).toBe(true);
	expect((await cutOf([], { dropFrame: true })).sequence.dropFrame).toBe(false);
});

test.each([[false], [true]])(
	'stretched and reversed layers show the frames that they show (ends swapped: %s)',
	async (swapped) => {
		running.program.faults.reversedEndsSwapped = swapped;
		const cut = await cutOf([
			{ name: 'slow', startTime: 0, stretch: 200, inPoint: 0.4, outPoint: 2 },
			{ name: 'back', startTime: 4, stretch: -100, inPoint: 2, outPoint: 4 },
			{ name: 'third', startTime: 5, stretch: 100 / 3, inPoint: 5, outPoint: 6 },
		]);
		const clips = cut.tracks[0]!.clips;
		expect(
			clips.map(({ name, range, sourceIn, speed }) => ({ name, range, sourceIn, speed })),
		).toEqual([
			{
				name: 'slow',
				range: { start: 10, end: 50 },
				sourceIn: { num: 1, den: 5 },
				speed: { num: 1, den: 2 },
			},
			// The last of 50 frames is at 49/25 s.
			{
				name: 'back',
				range: { start: 50, end: 100 },
				sourceIn: { num: 49, den: 25 },
				speed: { num: -1, den: 1 },
			},
			{
				name: 'third',
				range: { start: 125, end: 150 },
				sourceIn: { num: 0, den: 1 },
				speed: { num: 3, den: 1 },
			},
		]);
	},
);

test('what no one file shows is synthetic, what is missing offline', async () => {
	const { model } = running.program;
	const inner = addComp(model, { name: 'inner' });
	const solid = addFootage(model, { source: 'solid', file: null, duration: 0, hasAudio: false });
	const lost = addFootage(model, { file: '/films/lost.mov', missing: true });
	const frames = addFootage(model, { file: '/films/shot.0001.exr', hasAudio: false });
	const still = addFootage(model, { file: '/films/still.png', duration: 0, hasAudio: false });
	const cut = await cutOf([
		{ name: 'still', source: still.id, inPoint: 6, outPoint: 7 },
		{ name: 'frames', source: frames.id, inPoint: 5, outPoint: 6 },
		{ name: 'lost', source: lost.id, inPoint: 4, outPoint: 5 },
		{ name: 'warped', timeRemap: true, inPoint: 3, outPoint: 4 },
		{ name: 'white', source: solid.id, inPoint: 2, outPoint: 3 },
		{ name: 'nested', source: inner.id, inPoint: 1, outPoint: 2 },
	]);
	expect(cut.tracks[0]!.clips.map(({ source }) => source)).toEqual([
		{ kind: 'synthetic', what: 'composition nested' },
		{ kind: 'synthetic', what: 'solid' },
		{ kind: 'synthetic', what: 'footage with time remapping' },
		{ kind: 'offline', path: '/films/lost.mov', reason: 'Its footage is missing in After Effects' },
		{ kind: 'synthetic', what: 'a sequence of stills' },
		{ kind: 'file', path: '/films/still.png' },
	]);
	expect(cut.tracks[0]!.clips.at(-1)!.speed).toEqual({ num: 0, den: 1 });
});

test('footage that is played at another rate than its own is that much faster, its sound is not', async () => {
	const { model } = running.program;
	const film = addFootage(model, { file: '/films/hfr.mov', frameRate: 50, conformRate: 25 });
	const cut = await cutOf([{ source: film.id, inPoint: 0, outPoint: 2 }]);
	const [video, audio] = cut.tracks.map(({ clips }) => clips[0]!);
	expect([video!.speed, audio!.speed]).toEqual([
		{ num: 1, den: 2 },
		{ num: 1, den: 1 },
	]);
});

test('how loud a layer is, is told', async () => {
	const cut = await cutOf([{ inPoint: 0, outPoint: 2, levels: [-20, -20] }]);
	expect(cut.tracks.at(-1)!.clips[0]!.sound).toEqual({ level: [{ frame: 0, gain: 0.1 }] });
});

test('playhead, selection and work area are told in frames, and the composition stays in front', async () => {
	const { program, port } = running;
	await cutOf(
		[
			{ name: 'b', inPoint: 3, outPoint: 5, selected: true },
			{ name: 'a', inPoint: 0, outPoint: 2, selected: true },
		],
		{ name: 'Main', time: 2.2, duration: 10, workAreaDuration: 10 },
	);
	expect(await port.state()).toMatchObject({
		sequence: { name: 'Main' },
		playhead: 55,
		selection: { start: 0, end: 125 },
		busy: null,
	});
	program.change('Deselect', (model) => {
		const comp = model.items.find(({ type }) => type === 'comp') as ReturnType<typeof addComp>;
		for (const layer of comp.layers) layer.selected = false;
		comp.workAreaStart = 1;
		comp.workAreaDuration = 2;
		model.activeItem = model.items[0]!.id;
	});
	expect(await port.state()).toMatchObject({
		sequence: { name: 'Main' },
		selection: { start: 25, end: 75 },
	});
});

function gcd(a: number, b: number): number {
	return b === 0 ? a : gcd(b, a % b);
}

import { readFile, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Report } from '../../../inference-daemon/engines/engine.ts';
import { liveSessions } from '../../../inference-daemon/engines/ltx2/runtime/live.ts';
import { TransformerRunner } from '../../../inference-daemon/engines/ltx2/runtime/transformer.ts';
import {
	type Network,
	OpenNetworks,
} from '../../../inference-daemon/engines/ltx2/vae/open-networks.ts';
import { readFrames } from '../../../inference-daemon/media/frames.ts';
import { countClip } from '../../../inference-daemon/media/verify.ts';
import { PickupError } from '../../../protocol/errors.ts';
import type { GenerationRequest } from '../../../protocol/generation.ts';
import { ffmpeg } from '../../media/media-files.ts';
import {
	type Cut,
	GAP,
	make,
	makeCut,
	makeModel,
	openStudio,
	requestFor,
	type Sequence,
	SMALL,
	type Studio,
} from './shots.ts';
import { tinyCheckpoint } from './tiny.ts';

/** Large enough for tiles. */
const WIDE: Sequence = { num: 24, den: 1, width: 256, height: 128 };

let studio: Studio;
let cut: Cut;
let wide: Cut;
let dev = '';
beforeAll(async () => {
	studio = await openStudio();
	const upsampler = await tinyCheckpoint('ltx-2-tiny-spatial-upscaler-x2');
	await symlink(upsampler, join(studio.model, 'up.safetensors'));
	dev = await makeModel(join(studio.folder, 'dev model'), 'ltx-2-tiny');
	await rename(join(dev, 'weights.safetensors'), join(dev, 'ltx-2-19b-dev.safetensors'));
	cut = await makeCut(studio, SMALL);
	wide = await makeCut(studio, WIDE);
});
afterAll(() => studio.close());
afterEach(() => {
	vi.restoreAllMocks();
	expect(liveSessions()).toEqual([]);
});

const settings = (more: GenerationRequest['settings'] = {}) => ({
	model: studio.model,
	provider: 'cpu',
	context: 0.1,
	steps: 3,
	...more,
});

const noMemory = () => new PickupError('out-of-memory', 'Expected a block to run: std::bad_alloc');

/** Fails the transformer's runs of these numbers, from 0, when all of their work is done. */
function failRuns(...failing: readonly number[]): readonly string[][] {
	const { velocities } = TransformerRunner.prototype;
	const began: string[][] = [];
	vi.spyOn(TransformerRunner.prototype, 'velocities').mockImplementation(async function (
		this: TransformerRunner,
		...given
	) {
		const run = began.push([...liveSessions()]) - 1;
		const made = await velocities.apply(this, given);
		if (failing.includes(run)) throw noMemory();
		return made;
	});
	return began;
}

type Sizes = { readonly [network: string]: number };

/** A machine with room for networks of no more than so many cells of a latent, or pixels of a picture. */
function limitNetworks(most: Sizes): readonly string[] {
	const refused: string[] = [];
	const check = ({ name, inputs }: Network) => {
		const [, , ...size] = Object.values(inputs)[0]!;
		if (size.reduce((product, n) => product * n, 1) <= (most[name] ?? Number.POSITIVE_INFINITY))
			return;
		refused.push(`${name} ${size.join('×')}`);
		throw noMemory();
	};
	const { open, once } = OpenNetworks.prototype;
	vi.spyOn(OpenNetworks.prototype, 'open').mockImplementation(async function (
		this: OpenNetworks,
		network,
		signal,
	) {
		check(network);
		return open.call(this, network, signal);
	});
	vi.spyOn(OpenNetworks.prototype, 'once').mockImplementation(async function (
		this: OpenNetworks,
		network,
		...rest
	) {
		check(network);
		return once.call(this, network, ...rest);
	});
	return refused;
}

const IN_BLOCKS =
	'Memory ran out while making the shot, so it went on in less: one of 3 blocks at a time; 32-bit weights.';
const IN_TILES = 'Memory ran out while drawing the picture, so it went on in smaller tiles.';
const LOOKED_IN_TILES =
	'Memory ran out while looking at the neighbours, so it went on in smaller tiles.';

function expectHonest(outputs: readonly Report[], ...notes: readonly string[]): void {
	const told = outputs.flatMap((output) => (output.kind === 'progress' ? [output] : []));
	const shares = told.map(({ progress }) => progress);
	expect(shares).toEqual([...shares].sort((a, b) => a - b));
	expect(shares.at(-1)).toBe(1);
	const phases = new Set(told.map(({ phase }) => phase));
	for (const note of notes) expect(phases).toContain(note);
}

describe('The transformer goes on from where memory ran out, to the same numbers', () => {
	it.each([
		['euler', {}, [1], 3 + 1],
		['euler in its first step', {}, [0], 3 + 1],
		['ancestral', { sampler: 'ancestral' }, [2], 3 + 1],
		['res_2s in the middle of a step', { sampler: 'res_2s' }, [3], 7 + 1],
		['guided', { model: 'dev' }, [1], 3 + 1],
		['the second of two stages', { stages: 2, pixels: 128 * 128 }, [4], 3 + 3 + 1],
	] as const)('%s', async (name, more, failing, runs) => {
		const wanted = { ...more, ...('model' in more ? { model: dev } : {}) };
		const request = requestFor('fill', cut, { settings: settings(wanted) });
		const whole = await make(request, studio, `${name} whole`);
		const began = failRuns(...failing);
		const { clip, outputs } = await make(request, studio, name);
		expect((await readFile(clip.path)).equals(await readFile(whole.clip.path))).toBe(true);
		expect(began).toHaveLength(runs);
		// Everything was closed before it went on.
		expect(began[failing[0] + 1]).toEqual([]);
		expect(whole.clip.notes).toBeUndefined();
		expect(clip.notes).toEqual([IN_BLOCKS]);
		expectHonest(outputs, IN_BLOCKS);
		const previews = (all: readonly Report[]) => all.filter(({ kind }) => kind === 'preview');
		expect(previews(outputs)).toHaveLength(previews(whole.outputs).length);
	});

	it('and says so where the least is too much', async () => {
		const began = failRuns(...Array.from({ length: 30 }, (_, i) => i + 1));
		const failure = await make(
			requestFor('fill', cut, { settings: settings() }),
			studio,
			'too much',
		).catch((error: unknown) => error);
		expect(failure).toBeInstanceOf(PickupError);
		expect((failure as PickupError).toProblem()).toMatchObject({
			code: 'out-of-memory',
			message: expect.stringMatching(/^Expected enough memory for making the shot, .*bad_alloc/),
			action: expect.stringMatching(/smaller size.*shorter range.*close other programs/),
		});
		// 32-bit weights a block at a time, 8-bit ones, and those with smaller chunks of attention.
		expect(began.length).toBeGreaterThanOrEqual(4);
	});
});

describe('Where a network has no room', () => {
	it('the picture is drawn in smaller tiles, and the shot is not made again', async () => {
		const request = requestFor('fill', wide, { settings: settings() });
		const began = failRuns();
		const refused = limitNetworks({ 'video decoder': 80 });
		const { clip, outputs } = await make(request, studio, 'in tiles');
		expect(began).toHaveLength(3);
		expect(refused).toEqual(['video decoder 5×4×8']);
		expect(await countClip(clip.path)).toEqual({ frames: GAP, samples: 20_000 });
		expect(clip.notes).toEqual([IN_TILES]);
		expectHonest(outputs, IN_TILES);
	});

	it('the neighbours are looked at in smaller tiles', async () => {
		const request = requestFor('fill', wide, { settings: settings() });
		const refused = limitNetworks({ 'video encoder': 33 * 128 * 200 });
		const { clip, outputs } = await make(request, studio, 'looked at');
		expect(refused).toEqual(['video encoder 33×128×256']);
		expect(await countClip(clip.path)).toEqual({ frames: GAP, samples: 20_000 });
		expect(clip.notes).toEqual([LOOKED_IN_TILES]);
		expectHonest(outputs, LOOKED_IN_TILES);
	});

	it.each([
		['drawing the picture', 'video decoder', {}, 2],
		['looking at the neighbours', 'video encoder', {}, 2],
		['enlarging the picture', 'upsampler', { stages: 2, pixels: 128 * 128 }, 1],
		['making the sound', 'vocoder', {}, 1],
	] as const)('even for the least, it is %s that is named', async (doing, network, more, tries) => {
		const request = requestFor('fill', cut, { settings: settings({ steps: 1, ...more }) });
		const refused = limitNetworks({ [network]: 1 });
		await expect(make(request, studio, doing)).rejects.toMatchObject({
			code: 'out-of-memory',
			message: expect.stringContaining(`Expected enough memory for ${doing}, got less than`),
		});
		expect(refused).toHaveLength(tries);
	});

	it('the frames that are drawn stay, and the others follow in smaller tiles', async () => {
		const gap = 97;
		const long = await makeCut(studio, SMALL, { gap });
		const request = requestFor('insert', long, { settings: settings({ steps: 1 }) });
		limitNetworks({ 'video decoder': 50 });
		const whole = await make(request, studio, 'drawn');
		const { run } = OpenNetworks.prototype;
		let tiles = 0;
		vi.spyOn(OpenNetworks.prototype, 'run').mockImplementation(async function (
			this: OpenNetworks,
			...rest
		) {
			tiles += 1;
			if (tiles === 2) throw noMemory();
			return run.call(this, ...rest);
		});
		const { clip } = await make(request, studio, 'drawn on');
		expect(await countClip(clip.path)).toMatchObject({ frames: gap });
		expect(clip.notes).toEqual([IN_TILES]);
		const [one, other] = await Promise.all(
			[whole, { clip }].map((made) => frames(made.clip.path, gap)),
		);
		const same = one!.findIndex((frame, i) => !frame.equals(other![i]!));
		// The first of four tiles in time is six cells long; the second begins with its third.
		expect(same).toBe(16);
	});
});

async function frames(path: string, count: number): Promise<readonly Buffer[]> {
	const at = Array.from({ length: count }, (_, i) => ({ num: i, den: SMALL.num }));
	const wanted = { path, at, size: SMALL, pixelAspect: { num: 1, den: 1 } };
	const read = await readFrames(ffmpeg, { ...wanted, format: 'rgb24' });
	return read.map(({ data }) => Buffer.from(data));
}

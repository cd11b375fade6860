import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countClip } from '../../inference-daemon/media/verify.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import { samplesForFrames } from '../../protocol/time.ts';
import {
	type Cut,
	GAP,
	type Look,
	makeCut,
	makeShot,
	PLAIN,
	requestFor,
	type Sequence,
	SHOT,
	spanOf,
} from '../engines/ltx2/shots.ts';
import { openScene, type Scene } from './ltx2-scene.ts';

let scene: Scene;
let plain: Cut;
beforeAll(async () => {
	scene = await openScene();
	plain = await makeCut(scene.studio);
});
afterAll(() => scene.close());

const fill = (cut: Cut, extra: Readonly<Record<string, unknown>> = {}): GenerationRequest => {
	const settings = { model: scene.studio.model, provider: 'cpu', context: 0.1, pixels: 64 * 64 };
	return requestFor('fill', cut, { settings: { ...settings, steps: 2 }, ...extra });
};

/** The gap between two shots, one of them not there. */
function without(side: 'left' | 'right'): GenerationRequest {
	const request = fill(plain);
	return { ...request, context: { ...request.context, [side]: null } } as GenerationRequest;
}

const black: Look = { picture: 'color=black', sound: 'anullsrc' };

/** A cut at `sequence` with shots that are `small`. */
async function thinCut(sequence: Sequence, small: Sequence): Promise<Cut> {
	const { folder } = scene.studio;
	const path = await makeShot(join(folder, `thin ${sequence.width}.mov`), small);
	return {
		studio: scene.studio,
		sequence,
		gap: GAP,
		left: spanOf(path, 0),
		right: spanOf(path, SHOT + GAP),
	};
}

const THIN: Sequence = { ...PLAIN, width: 8, height: 64 };

const CASES: Readonly<Record<string, () => GenerationRequest | Promise<GenerationRequest>>> = {
	'a gap of one frame': async () => fill(await makeCut(scene.studio, PLAIN, { gap: 1 })),
	'black and silent neighbours': async () =>
		fill(await makeCut(scene.studio, PLAIN, { left: black, right: black })),
	'neighbours of one and of two frames': async () =>
		fill(await makeCut(scene.studio, PLAIN, { left: { frames: 1 }, right: { frames: 2 } })),
	'neighbours of three frames and of one, at a gap of one': async () =>
		fill(await makeCut(scene.studio, PLAIN, { gap: 1, left: { frames: 3 }, right: { frames: 1 } })),
	'a sequence 8 pixels wide': async () => fill(await thinCut(THIN, THIN)),
	'a sequence 8 pixels high': async () => {
		const flat = { ...PLAIN, width: 64, height: 8 };
		return fill(await thinCut(flat, flat));
	},
	'neighbours 8 pixels wide in a larger sequence': async () => fill(await thinCut(PLAIN, THIN)),
	'an odd size': async () => {
		const odd = { ...PLAIN, width: 97, height: 63 };
		return fill(await thinCut(odd, odd));
	},
	'nothing on the left': () => without('left'),
	'nothing on the right': () => without('right'),
	'an empty prompt': () => fill(plain, { prompt: '' }),
};

test.each(Object.entries(CASES))('%s simply works', async (_, request) => {
	const asked = await request();
	const { clip } = await scene.make(asked);
	const { range, sequence } = asked.context;
	const frames = range.end - range.start;
	const samples = samplesForFrames(frames, sequence.rate);
	const even = (side: number) => side + (side % 2);
	const size = { width: even(sequence.size.width), height: even(sequence.size.height) };
	expect(clip).toMatchObject({ frames, samples, size });
	expect(await countClip(clip!.path)).toEqual({ frames, samples });
});

test('a neighbour that is offline leaves the other to go by, and the plan says so', async () => {
	const source = { kind: 'offline', path: '/gone/away.mov', reason: 'not found' };
	const { context, ...request } = fill(plain);
	const right = { ...context.right!, source };
	const asked = { ...request, context: { ...context, right, sound: [context.left!] } };
	const { plan, clip } = await scene.make(asked as GenerationRequest);
	expect(plan.context.right).toBe(0);
	expect(plan.context.left).toBeGreaterThan(0);
	expect(plan.notes.join(' ')).toMatch(
		/“shot” is offline \(\/gone\/away\.mov: not found\).*other side alone/,
	);
	expect(clip).toMatchObject({ frames: GAP });
});

test('the same request under another id makes the same file to the byte, another seed another', async () => {
	const files = [];
	for (const seed of [7, 7, 8]) {
		const { clip } = await scene.make(fill(plain, { seed }));
		files.push(await readFile(clip!.path));
	}
	expect(files[0]!.length).toBeGreaterThan(1000);
	expect(files[0]!.equals(files[1]!)).toBe(true);
	expect(files[0]!.equals(files[2]!)).toBe(false);
});

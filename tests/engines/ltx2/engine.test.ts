import { mkdtemp, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ltx2 } from '../../../inference-daemon/engines/ltx2/engine.ts';
import { countClip } from '../../../inference-daemon/media/verify.ts';
import type { GenerationRequest } from '../../../protocol/generation.ts';
import { ffmpeg } from '../../media/media-files.ts';
import {
	type Cut,
	GAP,
	KINDS,
	make,
	makeCut,
	openStudio,
	requestFor,
	SHOT,
	type Studio,
} from './shots.ts';
import { TINY_GEMMA } from './tiny.ts';

let studio: Studio;
let cut: Cut;
beforeAll(async () => {
	studio = await openStudio();
	cut = await makeCut(studio);
});
afterAll(() => studio.close());

describe.each(KINDS)('%s', (kind) => {
	it('tells how far it is, never backwards, and ends with the clip that was planned', async () => {
		const { clip, plan, outputs } = await make(requestFor(kind, cut), studio, kind);
		expect(plan).toMatchObject({ kind, frames: GAP, samples: 20_000, passes: 1, steps: 3 });
		expect(clip).toMatchObject({ frames: GAP, samples: 20_000, draft: false, engine: 'ltx2' });
		expect(await countClip(clip.path)).toEqual({ frames: GAP, samples: 20_000 });
		const shares = outputs.flatMap((output) => (output.kind === 'progress' ? output.progress : []));
		expect(shares.length).toBeGreaterThan(5);
		expect(shares).toEqual([...shares].sort((a, b) => a - b));
		expect(shares.at(-1)).toBe(1);
	});
});

describe('is refused or told before it runs', () => {
	it('a gap beyond what the model was trained for, with the limit', async () => {
		const request = requestFor('fill', cut);
		const range = { start: SHOT, end: SHOT + 2400 };
		const context = { ...request.context, range, right: null };
		await expect(ltx2.plan({ ...request, context } as GenerationRequest)).rejects.toMatchObject({
			code: 'too-long',
			message: expect.stringMatching(/at most 1[5-9]\d\d frames at 24 .* got 2400/),
		});
	});

	it('half a checkpoint, by what it lacks', async () => {
		const half = await mkdtemp(join(studio.folder, 'half '));
		await symlink(TINY_GEMMA, join(half, 'gemma'));
		const request = requestFor('fill', cut, { settings: { model: half } });
		await expect(ltx2.plan(request)).rejects.toMatchObject({
			code: 'engine-unavailable',
			message: expect.stringContaining('transformer'),
		});
	});

	it('a negative prompt that has no effect on a distilled model', async () => {
		const request = requestFor('fill', cut, { negativePrompt: 'rain' });
		expect((await ltx2.plan(request)).notes.join(' ')).toContain('negative prompt has no effect');
	});
});

it('a plan says how the model lies in memory, where the device is known', async () => {
	const place = { cache: studio.folder, ffmpeg };
	const { notes } = await ltx2.plan(requestFor('fill', cut), place);
	expect(notes.at(-1)).toMatch(/, [\d.]+ GB: all \d blocks stay; 32-bit weights\.$/);
});

it('stops when told to and leaves nothing', async () => {
	const settings = { model: studio.model, provider: 'cpu', context: 0.3, pixels: 96 * 64 };
	const request = requestFor('fill', cut, { settings: { ...settings, steps: 200 } });
	const before = await readdir(studio.folder);
	for (const wait of [30, 700, 1500]) {
		const signal = AbortSignal.timeout(wait);
		const failure = await make(request, studio, 'stopped', signal).catch((error: unknown) => error);
		expect(failure).toBe(signal.reason);
	}
	const kept = [...before, 'cache'];
	expect((await readdir(studio.folder)).filter((name) => !kept.includes(name))).toEqual([]);
});

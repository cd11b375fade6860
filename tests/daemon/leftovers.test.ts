import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobRecord } from '../../inference-daemon/jobs/job-table.ts';
import { adoptClip } from '../../inference-daemon/jobs/leftovers.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { Plan } from '../../protocol/generation.ts';

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup-leftovers-'));
	await mkdir(join(folder, '.pickup-1-1.part'));
	await writeFile(join(folder, '.pickup-1-1.part', 'clip.mov'), 'as good as any film');
});
afterAll(() => rm(folder, { recursive: true }));

const record = (name: string, plan: Partial<Plan> = {}) =>
	({
		clipPath: join(folder, name),
		mark: null,
		job: {
			id: '1',
			attempt: 1,
			plan: { frames: 24, samples: 48_000, draft: true, engine: 'inbetween', ...plan },
		},
		request: {
			seed: 1,
			output: { codec: 'h264-intra' },
			context: { sequence: { rate: { num: 24, den: 1 }, size: { width: 2, height: 2 } } },
		},
	}) as unknown as JobRecord;

test('a clip with its final name is adopted when it has the frames and samples of the plan', async () => {
	const exact = await adoptClip(record('clip.mov'), async () => ({ frames: 24, samples: 48_000 }));
	expect(exact?.clip).toMatchObject({ frames: 24, samples: 48_000, engine: 'inbetween' });
	const short = await adoptClip(record('clip.mov'), async () => ({ frames: 23, samples: 48_000 }));
	expect(short).toBeNull();
	expect(
		await adoptClip(record('elsewhere/none.mov'), async () => ({ frames: 24, samples: 48_000 })),
	).toBeNull();
});

test('it is adopted too while there is no ffmpeg to count it with, but not when it cannot be read', async () => {
	const fail = (error: Error) => async () => Promise.reject(error);
	const missing = new PickupError('ffmpeg-missing', 'Expected ffmpeg, found none');
	expect(await adoptClip(record('clip.mov'), fail(missing))).not.toBeNull();
	const unreadable = new PickupError('media-unreadable', 'Expected a film');
	expect(await adoptClip(record('clip.mov'), fail(unreadable))).toBeNull();
});

test('of an open length every clip is right that is no longer and has the sound of its frames', async () => {
	const open = record('clip.mov', { openLength: true });
	const adopted = async (frames: number, samples: number) =>
		(await adoptClip(open, async () => ({ frames, samples })))?.clip.frames ?? null;
	expect(await adopted(24, 48_000)).toBe(24);
	expect(await adopted(9, 18_000)).toBe(9);
	expect(await adopted(1, 2000)).toBe(1);
	expect(await adopted(9, 48_000)).toBeNull();
	expect(await adopted(25, 50_000)).toBeNull();
	expect(await adopted(0, 0)).toBeNull();
});

test('of an open length nobody can say without ffmpeg what it is', async () => {
	const missing = new PickupError('ffmpeg-missing', 'Expected ffmpeg, found none');
	const count = async () => Promise.reject(missing);
	expect(await adoptClip(record('clip.mov', { openLength: true }), count)).toBeNull();
});

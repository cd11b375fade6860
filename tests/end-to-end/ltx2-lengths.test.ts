import { afterAll, beforeAll, expect, test } from 'vitest';
import { countClip } from '../../inference-daemon/media/verify.ts';
import { samplesForFrames } from '../../protocol/time.ts';
import { KINDS, makeCut, requestFor, type Sequence } from '../engines/ltx2/shots.ts';
import { ffprobe } from '../media/media-files.ts';
import { tries } from '../tries.ts';
import { leftBy, openScene, type Scene } from './ltx2-scene.ts';

const RATES = [
	[24, 1],
	[24_000, 1001],
	[30_000, 1001],
	[60_000, 1001],
] as const;
const SHAPES = [
	[96, 64],
	[64, 96],
] as const;

/** Of no grid: neither the model's 8 frames nor its 25 sounds a second. */
const GAP = 3;

/** One in so many: of every kind one lying and one standing, and some at every rate. */
const EVERY = tries(4, 1);

let scene: Scene;
beforeAll(async () => {
	scene = await openScene();
});
afterAll(() => scene.close());

test('each kind at each rate, lying and standing, is made to the frame and to the sample', {
	timeout: 1_800_000,
}, async () => {
	const { studio } = scene;
	const sequences = RATES.flatMap(([num, den]) =>
		SHAPES.map(([width, height]): Sequence => ({ num, den, width, height })),
	);
	const jobs = [];
	for (const [at, sequence] of sequences.entries()) {
		const cut = await makeCut(studio, sequence, { gap: GAP });
		const settings = {
			model: studio.model,
			provider: 'cpu',
			context: 0.05,
			pixels: 64 * 96,
			steps: 2,
		};
		for (const [k, kind] of KINDS.entries()) {
			const [rate, shape] = [Math.floor(at / SHAPES.length), at % SHAPES.length];
			if ((k + rate + 2 * shape) % EVERY !== 0) continue;
			const id = await scene.submit(requestFor(kind, cut, { settings }));
			jobs.push({ id, kind, sequence });
		}
	}
	const made = [];
	for (const { id, kind, sequence } of jobs) {
		const { state, problem, clip } = await scene.ended(id);
		expect({ kind, sequence, state, problem }).toMatchObject({ state: 'done', problem: null });
		const { num, den, width, height } = sequence;
		const samples = samplesForFrames(GAP, sequence);
		const told = { frames: GAP, samples, rate: { num, den }, size: { width, height } };
		expect(clip).toMatchObject({ ...told, engine: 'ltx2', draft: false });
		expect(await countClip(clip!.path)).toEqual({ frames: GAP, samples });
		if (kind === 'fill') await expectSeenFromOutside(clip!.path, sequence, samples);
		made.push(clip!.path);
	}
	expect(made.map((path) => path.slice(studio.clips.length + 1)).sort()).toEqual(
		(await leftBy(scene)).filter((name) => name.endsWith('.mov')),
	);
	expect((await leftBy(scene)).filter((name) => name.endsWith('.part'))).toEqual([]);
});

/** ffprobe decodes and counts what is in the file. */
async function expectSeenFromOutside(
	path: string,
	{ num, den, width, height }: Sequence,
	samples: number,
): Promise<void> {
	const { streams } = (await ffprobe(['-show_streams', '-count_frames'], path)) as {
		streams: Readonly<Record<string, unknown>>[];
	};
	const [picture, sound] = ['video', 'audio'].map((type) =>
		streams.find((stream) => stream.codec_type === type),
	);
	expect(streams).toHaveLength(2);
	expect(picture).toMatchObject({
		width,
		height,
		nb_read_frames: String(GAP),
		r_frame_rate: `${num}/${den}`,
	});
	expect(sound).toMatchObject({ channels: 2, sample_rate: '48000', duration_ts: samples });
}

import { randomUUID } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Report } from '../../../inference-daemon/engines/engine.ts';
import { OPEN_GATE } from '../../../inference-daemon/engines/gate.ts';
import { ltx2 } from '../../../inference-daemon/engines/ltx2/engine.ts';
import { openModel } from '../../../inference-daemon/engines/ltx2/model/open-model.ts';
import { promptContext } from '../../../inference-daemon/engines/ltx2/prompt/context.ts';
import { predictFrames } from '../../../inference-daemon/engines/ltx2/prompt/duration.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import type { Ffmpeg } from '../../../inference-daemon/media/types.ts';
import { countClip } from '../../../inference-daemon/media/verify.ts';
import type { GenerationRequest } from '../../../protocol/generation.ts';
import { samplesForFrames } from '../../../protocol/time.ts';
import { ffmpeg, run } from '../../media/media-files.ts';
import { type Cut, GAP, make, makeCut, openStudio, requestFor, type Studio } from './shots.ts';
import { makeTiny25 } from './tiny.ts';

let studio: Studio;
let cut: Cut;
let still = '';
let older = '';
beforeAll(async () => {
	studio = await openStudio();
	older = studio.model;
	studio = { ...studio, model: await makeTiny25(join(studio.folder, '2.5')) };
	cut = await makeCut(studio);
	still = join(studio.folder, 'still.png');
	const source = ['-f', 'lavfi', '-i', 'testsrc=s=96x64'];
	await run(ffmpeg.path, ['-loglevel', 'error', ...source, '-frames:v', '1', still]);
});
afterAll(() => studio.close());
afterEach(() => void vi.restoreAllMocks());

const settings = (more: GenerationRequest['settings'] = {}) => ({
	model: studio.model,
	provider: 'cpu',
	context: 0.3,
	pixels: 96 * 64,
	steps: 3,
	...more,
});

it('is opened from the files of its release and described as what it is', async () => {
	const model = await openModel(studio.model);
	expect(model).toMatchObject({ distilled: true, durationHead: true });
	expect(model.checkpoint.version).toBe('2.5.0');
	expect(model.description).toMatchObject({ families: ['LTX-2.5 22B'], missing: [], problems: [] });
	expect(await ltx2.describe(ffmpeg, { model: studio.model })).toMatchObject({
		ready: true,
		takes: { openLength: true },
		model: { title: 'LTX-2.5 22B distilled', guided: false, stages: 1 },
	});
});

it('makes a shot into a gap', async () => {
	const { clip } = await make(requestFor('fill', cut, { settings: settings() }), studio, 'fill');
	expect(await countClip(clip.path)).toEqual({ frames: GAP, samples: 20_000 });
});

/** A take without sound, which takes the least time. */
const pictureOf = async (more: GenerationRequest['settings'], name: string) => {
	const request = requestFor('retake', cut, { settings: settings(more), replace: 'picture' });
	return readFile((await make(request, studio, name)).clip.path);
};

it('draws fresh noise in every step unless told otherwise', async () => {
	const auto = await pictureOf({}, 'auto');
	expect(auto.equals(await pictureOf({ sampler: 'ancestral' }, 'ancestral'))).toBe(true);
	expect(auto.equals(await pictureOf({ sampler: 'euler' }, 'euler'))).toBe(false);
});

describe('the first cell is marked as a frame of its own', () => {
	it('and no still is that is shown later', async () => {
		const marks: NdArray[] = [];
		const { run } = Session.prototype;
		vi.spyOn(Session.prototype, 'run').mockImplementation(function (
			this: Session,
			inputs,
			options,
		) {
			const given = inputs['video.keyframes'] as NdArray | undefined;
			if (given) marks.push(given);
			return run.call(this, inputs, options ?? {}) as Promise<Record<string, NdArray>>;
		});
		const images = [{ path: still, frame: 5, strength: 1 }];
		await untilDrawn(requestFor('insert', cut, { settings: settings(), images }), ffmpeg);
		// 10 frames are held by 17, three cells in time; the still is one more.
		const [cells, tokens] = [3 * 2, 4 * 3 * 2];
		expect(marks.length).toBeGreaterThan(0);
		for (const { data, shape } of marks) {
			expect(shape).toEqual([tokens, 1]);
			expect(Array.from(data as Float32Array)).toEqual(
				Array.from({ length: tokens }, (_, token) => (token < cells ? 1 : 0)),
			);
		}
	});

	it('by an embedding that changes what is made', async () => {
		const model = await makeTiny25(join(studio.folder, 'unmarked'), { marked: false });
		const auto = await readFile(join(studio.folder, 'auto.mov'));
		expect(auto.equals(await pictureOf({ model }, 'without'))).toBe(false);
	});
});

/** As far as the first preview. */
async function untilDrawn(request: GenerationRequest, program: Ffmpeg): Promise<void> {
	const { folder } = studio;
	const cache = join(folder, 'cache');
	const unfinished = join(cache, 'given up');
	const clipPath = join(folder, 'given up.mov');
	const workplace = { ffmpeg: program, folder, cache, unfinished, clipPath };
	const drawn = new AbortController();
	const seen = new Error('There is a preview');
	const report = ({ kind }: Report) => kind === 'preview' && drawn.abort(seen);
	const made = ltx2.generate(request, workplace, { report, signal: drawn.signal, gate: OPEN_GATE });
	await expect(made).rejects.toBe(seen);
}

describe('an open length', () => {
	const wanted = async (prompt: string, most: number) => {
		const { checkpoint, encoder } = await openModel(studio.model);
		const context = await promptContext(prompt, encoder, checkpoint);
		return predictFrames(context, checkpoint, { rate: cut.sequence, most });
	};
	const asked = (prompt: string, most: number, images: readonly object[] = []) => {
		const request = requestFor('insert', cut, {
			settings: settings({ steps: 1 }),
			prompt,
			images,
			length: 'model',
		});
		const range = { ...request.context.range, end: request.context.range.start + most };
		return { ...request, context: { ...request.context, range } } as GenerationRequest;
	};

	it('is the model’s', async () => {
		const prompt = 'a red kite over a bay';
		const frames = await wanted(prompt, 240);
		expect(frames).toBeGreaterThan(GAP);
		expect(frames).toBeLessThan(240);
		const { clip, plan } = await make(asked(prompt, 240), studio, 'open');
		expect(plan).toMatchObject({ openLength: true, frames: 240 });
		const samples = samplesForFrames(frames, cut.sequence);
		expect(clip).toMatchObject({ frames, samples });
		expect(await countClip(clip.path)).toEqual({ frames, samples });
	});

	it('has room for every still', async () => {
		const images = [{ path: still, frame: 49, strength: 1 }];
		const { clip } = await make(asked('rain', 240, images), studio, 'with a still');
		expect(clip.frames).toBe(50);
	});

	it('is at most the range', async () => {
		const { clip } = await make(asked('rain', GAP), studio, 'short');
		expect(await countClip(clip.path)).toEqual({ frames: GAP, samples: 20_000 });
	});
});

it('compresses stills less than older models do', async () => {
	const factors = async (model: string) => {
		const log = join(studio.folder, `${randomUUID()}.log`);
		const path = join(studio.folder, 'ffmpeg that tells');
		await writeFile(path, `#!/bin/sh\necho "$@" >> "${log}"\nexec "${ffmpeg.path}" "$@"\n`);
		await chmod(path, 0o755);
		const images = [{ path: still, frame: 0, strength: 1 }];
		const request = requestFor('insert', cut, { settings: settings({ model }), images });
		await untilDrawn(request, { ...ffmpeg, path });
		const lines = (await readFile(log, 'utf8')).split('\n');
		const stills = lines.filter((line) => line.includes('-f h264 pipe:1'));
		return stills.map((line) => /-crf (\d+)/.exec(line)?.[1]);
	};
	expect(await factors(studio.model)).toEqual(['18']);
	expect(await factors(older)).toEqual(['33']);
});

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
	readPictures,
	readWindowSound,
} from '../../../inference-daemon/engines/ltx2/condition/read-window.ts';
import { joined, readJoins } from '../../../inference-daemon/engines/ltx2/decode/clip-sound.ts';
import { workFor } from '../../../inference-daemon/engines/ltx2/plan/plan.ts';
import { settingsIn } from '../../../inference-daemon/engines/ltx2/plan/settings.ts';
import { readStills } from '../../../inference-daemon/engines/ltx2/prompt/read-prompt.ts';
import type { Job } from '../../../inference-daemon/engines/ltx2/run.ts';
import { readFrames } from '../../../inference-daemon/media/frames.ts';
import { readSound } from '../../../inference-daemon/media/sound.ts';
import { countClip } from '../../../inference-daemon/media/verify.ts';
import type { GenerationRequest, RequestKind } from '../../../protocol/generation.ts';
import { samplesForFrames } from '../../../protocol/time.ts';
import { ffmpeg, ffprobe, run } from '../../media/media-files.ts';
import {
	make,
	makeCut,
	makeShot,
	openStudio,
	requestFor,
	type Sequence,
	SMALL,
	type Studio,
	spanOf,
} from './shots.ts';

const ONE = { num: 1, den: 1 };

let studio: Studio;
beforeAll(async () => {
	studio = await openStudio();
});
afterAll(() => studio.close());

const settings = (more: GenerationRequest['settings'] = {}) => ({
	model: studio.model,
	provider: 'cpu',
	context: 0.1,
	pixels: 64 * 64,
	steps: 1,
	...more,
});

async function made(request: GenerationRequest) {
	const { range, sequence } = request.context;
	const found = await make(request, studio, randomUUID());
	const frames = range.end - range.start;
	const hasSound = !(request.kind === 'retake' && request.replace === 'picture');
	const samples = hasSound ? samplesForFrames(frames, sequence.rate) : 0;
	expect(await countClip(found.clip.path)).toEqual({ frames, samples });
	return found;
}

async function pictures(path: string, { num, den }: Sequence, count: number) {
	const at = Array.from({ length: count }, (_, i) => ({ num: i * den, den: num }));
	const size = { width: 64, height: 64 };
	const frames = await readFrames(ffmpeg, { path, at, size, pixelAspect: ONE, format: 'rgb24' });
	return frames.map(({ data }) => data);
}

it('a shot of one frame that is all of its clip is made at a rate that has no sound for it', async () => {
	const cut = await makeCut(studio, { ...SMALL, num: 60_000, den: 1001 }, { gap: 1 });
	const path = cut.left.source.kind === 'file' ? cut.left.source.path : '';
	for (const kind of ['insert', 'retake', 'soundtrack'] as const) {
		const request = requestFor(kind, cut, { settings: settings() });
		const { start } = request.context.range;
		await made('clip' in request ? { ...request, clip: spanOf(path, start, 1) } : request);
	}
});

/** 17 frames are all that the model holds at this rate. */
const SLOW: Sequence = { num: 1, den: 1, width: 64, height: 64 };
const LONG = 18;

describe('over several passes', () => {
	it('a picture for a sound needs no picture beside the sound', async () => {
		const path = join(studio.folder, 'sound alone.wav');
		const tone = ['-f', 'lavfi', '-i', `sine=frequency=300:r=48000:d=${LONG + 8}`];
		await run(ffmpeg.path, ['-y', '-loglevel', 'error', ...tone, '-ac', '2', path]);
		const { clip, plan } = await made(await long('animate', { clip: spanOf(path, 0, LONG + 8) }));
		expect(plan).toMatchObject({ passes: 2, context: { left: 0, right: 0 } });
		const from = { num: 0, den: 1 };
		const samples = LONG * 48_000;
		const wanted = { from, samples, speed: ONE };
		const [got, given] = await Promise.all(
			[clip.path, path].map((file) => readSound(ffmpeg, { path: file, ...wanted })),
		);
		expect(got).toEqual(given);
	});

	it('sound for a picture goes on from what was made, not from what that has', async () => {
		const path = await makeShot(join(studio.folder, 'loud.mov'), SLOW, { frames: LONG + 8 });
		const request = await long('soundtrack', { clip: spanOf(path, 0, LONG + 8) });
		const work = workFor(request, settingsIn(request), { stages: 1, referenceScale: 1 });
		const pass = work.passes[1]!;
		const seconds = pass.range.start;
		const made = Float32Array.from({ length: seconds * 48_000 }, (_, i) => Math.sin(i));
		const { left } = await readWindowSound({
			ffmpeg,
			request,
			work,
			pass,
			signal: new AbortController().signal,
			previous: { frames: [], sound: { left: made, right: made } },
		});
		const before = pass.window.left * 48_000;
		expect(left).toHaveLength(pass.window.frames * 48_000);
		expect(left.slice(0, before)).toEqual(made.slice(-before));
		expect(left.subarray(before).every((value) => value === 0)).toBe(true);
	});
});

/** As long as two passes at a rate of one frame a second. */
async function long(kind: RequestKind, extra: object = {}): Promise<GenerationRequest> {
	const cut = await makeCut(studio, SLOW, { gap: LONG, left: { frames: LONG + 8 } });
	const request = requestFor(kind, cut, { settings: settings({ context: 1 }), ...extra });
	const range = { start: 0, end: LONG };
	return { ...request, context: { ...request.context, range } };
}

it('a retake of strength 0 changes next to nothing', async () => {
	const cut = await makeCut(studio, SMALL);
	const takes = [];
	for (const seed of [1, 2]) {
		const { clip } = await made(
			requestFor('retake', cut, { strength: 0, seed, settings: settings() }),
		);
		takes.push(await pictures(clip.path, SMALL, clip.frames));
	}
	expect(apart(takes[0]!, takes[1]!)).toBeLessThan(2);
});

it('the sound of a new shot lasts to its last frame', async () => {
	const gap = 9;
	const cut = await makeCut(studio, SMALL, { gap });
	const request = requestFor('insert', cut, { settings: settings() });
	const { clip } = await made({ ...request, context: { ...request.context, sound: [] } });
	const samples = samplesForFrames(gap, SMALL);
	const wanted = { path: clip.path, from: { num: 0, den: 1 }, samples, speed: ONE };
	const { left } = await readSound(ffmpeg, wanted);
	const loudness = (part: Float32Array) =>
		Math.sqrt(part.reduce((sum, value) => sum + value * value, 0) / part.length);
	// All but the 5 ms that lead over to what follows.
	expect(loudness(left.subarray(-960, -240))).toBeGreaterThan(0.2 * loudness(left));
});

it('sound meets what ends beside the gap, not what goes on into it', async () => {
	const cut = await makeCut(studio, SMALL, { left: { sound: 'anullsrc' } });
	const tone = cut.right;
	for (const [start, end, from] of [
		[0, 58, -1],
		[0, 30, -1],
		[30, 58, 1],
	] as const) {
		const music = { ...tone, range: { start, end }, sourceIn: { num: from, den: 7 } };
		const { context, ...rest } = requestFor('fill', cut, { settings: settings() });
		const request = { ...rest, context: { ...context, sound: [cut.left, music] } };
		const work = workFor(request as GenerationRequest, settingsIn(rest as GenerationRequest), {
			stages: 1,
			referenceScale: 1,
		});
		const made = new Float32Array(samplesForFrames(10, SMALL)).fill(0.5);
		const source = {
			ffmpeg,
			request: request as GenerationRequest,
			work,
			pass: work.passes[0]!,
			previous: null,
			signal: new AbortController().signal,
		};
		const { left } = joined(source, { left: made, right: made }, await readJoins(source));
		expect([left[0], left.at(-1)], `${start} to ${end}`).toEqual([0, 0]);
	}
});

it('a given picture stands on where its clip ends before the grid does', async () => {
	const path = await makeShot(join(studio.folder, 'ends.mov'), SMALL, { frames: 12 });
	const cut = await makeCut(studio, SMALL, { gap: 12, left: { frames: 40 } });
	for (const kind of ['soundtrack', 'retake'] as const) {
		const own = { ...spanOf(path, 22, 12), range: { start: 22, end: 34 } };
		const request = requestFor(kind, cut, { settings: settings({ context: 0 }), clip: own });
		expect(request.context.range).toEqual(own.range);
		const work = workFor(request, settingsIn(request), { stages: 1, referenceScale: 1 });
		const pass = work.passes[0]!;
		expect(pass.window).toMatchObject({ left: 0, right: 0, spare: 5 });
		const { pixels } = await readPictures(
			{ ffmpeg, request, work, pass, previous: null, signal: new AbortController().signal },
			work.sizes[0]!,
		);
		const frame = (index: number) => {
			const { data } = pixels;
			return [0, 1, 2].flatMap((c) => [
				...data.slice((c * 17 + index) * 4096, (c * 17 + index + 1) * 4096),
			]);
		};
		expect(frame(16)).toEqual(frame(11));
		expect(frame(12)).toEqual(frame(11));
		expect(frame(11)).not.toEqual(frame(10));
	}
});

it('a clip between shots in HLG is in HLG, and what its picture was is said', async () => {
	const cut = await makeCut(studio, SMALL);
	const path = join(studio.folder, 'hlg.mov');
	const tags = 'color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc';
	await run(ffmpeg.path, [
		...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=24:d=1,format=yuva444p10le'],
		...['-c:v', 'prores_ks', '-profile:v', '4444', '-vf', `setparams=range=tv:${tags}`, path],
	]);
	const source = { kind: 'file', path } as const;
	const [left, right] = [cut.left, cut.right].map((one) => ({ ...one, name: 'hlg.mov', source }));
	const request = requestFor(
		'fill',
		{ ...cut, left: left!, right: right! },
		{ settings: settings() },
	);
	const { clip } = await made(request);
	expect(clip.notes).toEqual([
		'The clip is in BT.2020 HLG, as it is beside it.',
		expect.stringMatching(/^H\.264/),
		expect.stringMatching(/^“hlg\.mov” has an alpha channel/),
	]);
	const entries = ['-select_streams', 'v', '-show_entries', 'stream=color_transfer,color_space'];
	expect(await ffprobe(entries, clip.path)).toMatchObject({
		streams: [{ color_transfer: 'arib-std-b67', color_space: 'bt2020nc' }],
	});
});

it('a still keeps its shape where the sequence’s pixels are not square', async () => {
	const path = join(studio.folder, 'still.png');
	const source = ['-f', 'lavfi', '-i', 'testsrc2=s=128x64', '-frames:v', '1'];
	await run(ffmpeg.path, ['-y', '-loglevel', 'error', ...source, path]);
	const cut = await makeCut(studio, SMALL);
	const request = requestFor('insert', cut, { images: [{ path, frame: 0, strength: 1 }] });
	const sequence = { ...request.context.sequence, pixelAspect: { num: 2, den: 1 } };
	const job = {
		request: { ...request, context: { ...request.context, sequence } },
		model: { checkpoint: { version: null } },
		workplace: { ffmpeg },
		signal: new AbortController().signal,
	};
	const [still] = await readStills(job as unknown as Job);
	expect(still!.picture).toMatchObject({ width: 128, height: 64 });
});

function apart(one: readonly Uint8Array[], other: readonly Uint8Array[]): number {
	let sum = 0;
	for (const [i, frame] of one.entries()) {
		for (let at = 0; at < frame.length; at++) sum += Math.abs(frame[at]! - other[i]![at]!);
	}
	return sum / one.length / one[0]!.length;
}

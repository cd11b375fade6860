import {
	mkdir,
	mkdtemp,
	readdir,
	readFile,
	rm,
	symlink,
	utimes,
	writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeptLatents } from '../../../inference-daemon/engines/ltx2/denoise/kept-latents.ts';
import { TransformerRunner } from '../../../inference-daemon/engines/ltx2/runtime/transformer.ts';
import { Vae } from '../../../inference-daemon/engines/ltx2/vae/vae.ts';
import type { GenerationRequest } from '../../../protocol/generation.ts';
import {
	type Cut,
	make,
	makeCut,
	openStudio,
	requestFor,
	type Sequence,
	SMALL,
	type Studio,
} from './shots.ts';
import { tinyCheckpoint } from './tiny.ts';

/** 17 frames are all that the model holds at this rate. */
const SLOW: Sequence = { num: 1, den: 1, width: 64, height: 64 };

let studio: Studio;
let cut: Cut;
beforeAll(async () => {
	studio = await openStudio();
	const upsampler = await tinyCheckpoint('ltx-2-tiny-spatial-upscaler-x2');
	await symlink(upsampler, join(studio.model, 'up.safetensors'));
	cut = await makeCut(studio, SMALL);
});
afterAll(() => studio.close());
afterEach(() => void vi.restoreAllMocks());

const settings = (more: GenerationRequest['settings'] = {}) => ({
	model: studio.model,
	provider: 'cpu',
	context: 0.1,
	steps: 2,
	...more,
});

const folderOf = ({ id }: GenerationRequest) => join(studio.folder, 'cache', 'unfinished', id);

/** An attempt that comes to its end as soon as it tells a phase. */
async function attemptUntil(request: GenerationRequest, phase: string): Promise<void> {
	const stop = new AbortController();
	const stopped = new Error(`Stopped at ${phase}`);
	const hear = (output: { readonly kind: string; readonly phase?: string }) => {
		if (output.phase === phase) stop.abort(stopped);
	};
	await expect(make(request, studio, 'stopped', stop.signal, hear)).rejects.toBe(stopped);
}

/** Another attempt, and how often it ran the transformer and looked at pictures. */
async function nextAttempt(request: GenerationRequest) {
	const runs = vi.spyOn(TransformerRunner.prototype, 'velocities');
	const looks = vi.spyOn(Vae.prototype, 'encodePicture');
	const { clip, outputs } = await make(request, studio, 'next');
	const [ran, looked] = [runs.mock.calls.length, looks.mock.calls.length];
	vi.restoreAllMocks();
	const told = outputs.flatMap((output) => (output.kind === 'progress' ? [output] : []));
	const shares = told.map(({ progress }) => progress);
	expect(shares).toEqual([...shares].sort((a, b) => a - b));
	expect(shares.at(-1)).toBe(1);
	const phases = [...new Set(told.map(({ phase }) => phase))];
	return { bytes: await readFile(clip.path), phases, ran, looked };
}

async function uninterrupted(request: GenerationRequest): Promise<Buffer> {
	return readFile((await make(request, studio, 'whole')).clip.path);
}

function expectSame(one: Buffer, other: Buffer): void {
	expect(one.equals(other)).toBe(true);
}

describe('A later attempt at a job', () => {
	it('draws what an earlier one has made, and makes nothing again', async () => {
		const request = requestFor('fill', cut, { settings: settings() });
		const whole = await uninterrupted(request);
		await attemptUntil(request, 'Drawing the picture');
		const { bytes, phases, ran, looked } = await nextAttempt(request);
		expect({ ran, looked }).toEqual({ ran: 0, looked: 0 });
		expect(phases).toEqual(['Reading the prompt', 'Drawing the picture', 'Done']);
		expectSame(bytes, whole);
	});

	it('goes on from the first of two stages', async () => {
		const request = requestFor('fill', cut, {
			settings: settings({ stages: 2, pixels: 128 * 128 }),
		});
		const whole = await uninterrupted(request);
		await attemptUntil(request, 'Finishing the shot');
		const { bytes, phases, ran } = await nextAttempt(request);
		expect(ran).toBe(3);
		expect(phases).toEqual([
			'Reading the prompt',
			'Looking at the neighbours',
			'Finishing the shot',
			'Drawing the picture',
			'Done',
		]);
		expectSame(bytes, whole);
	});

	it('goes on in the pass in which it was', async () => {
		const slow = await makeCut(studio, SLOW, { gap: 18, left: { frames: 26 } });
		const request = requestFor('fill', slow, { settings: settings({ context: 1 }) });
		const whole = await uninterrupted(request);
		for (const [phase, left] of [
			['Making the shot (part 2 of 2)', 2],
			['Drawing the picture (part 2 of 2)', 0],
		] as const) {
			await attemptUntil(request, phase);
			const { bytes, ran } = await nextAttempt(request);
			expect(ran).toBe(left);
			expectSame(bytes, whole);
		}
	});
});

describe('What was kept is made again', () => {
	let request: GenerationRequest;
	let whole: Buffer;
	beforeAll(async () => {
		request = requestFor('fill', cut, { settings: settings({ steps: 1 }) });
		whole = await uninterrupted(request);
	});

	it('where it is damaged', async () => {
		await attemptUntil(request, 'Drawing the picture');
		const [name] = await readdir(folderOf(request));
		const path = join(folderOf(request), name!);
		await writeFile(path, flipped(await readFile(path), -2));
		const { bytes, ran } = await nextAttempt(request);
		expect(ran).toBe(1);
		expectSame(bytes, whole);
	});

	it('where a file that it was made from is another one since, or the request', async () => {
		const { source } = cut.left;
		const path = source.kind === 'file' ? source.path : '';
		await attemptUntil(request, 'Drawing the picture');
		await utimes(path, new Date(), new Date());
		expect((await nextAttempt(request)).ran).toBe(1);
		await attemptUntil(request, 'Drawing the picture');
		expect((await nextAttempt({ ...request, seed: 8 })).ran).toBe(1);
	});

	it('where it could not be kept', async () => {
		await mkdir(dirname(folderOf(request)), { recursive: true });
		await rm(folderOf(request), { recursive: true, force: true });
		await writeFile(folderOf(request), 'a file where the folder should be');
		await attemptUntil(request, 'Drawing the picture');
		const { bytes, ran } = await nextAttempt(request);
		expect(ran).toBe(1);
		expectSame(bytes, whole);
		await rm(folderOf(request), { force: true });
	});
});

describe('Kept numbers are all that were kept, or none', () => {
	const KEY = 'what they belong to';
	const what = (folder: string) => ({ folder, key: KEY, passes: 2, stages: 2 });
	const video = Float32Array.of(1, Number.MIN_VALUE, -0, 3e38);
	const kept = { stages: 1, latents: { video, audio: Float32Array.of(0.5) } };
	let folder: string;
	beforeEach(async () => {
		folder = await mkdtemp(join(studio.folder, 'numbers '));
		await (await KeptLatents.open(what(folder))).keep(1, kept);
	});

	it('by pass, and by what they belong to', async () => {
		const opened = await KeptLatents.open(what(folder));
		expect([opened.of(0).stages, opened.of(1)]).toEqual([0, kept]);
		const other = await KeptLatents.open({ ...what(folder), key: 'something else' });
		expect(other.of(1)).toEqual({ stages: 0, latents: {} });
	});

	it('of the last stage that is whole', async () => {
		const later = { stages: 2, latents: { video: video.map((x) => -x) } };
		await (await KeptLatents.open(what(folder))).keep(1, later);
		expect((await KeptLatents.open(what(folder))).of(1)).toEqual(later);
		const path = join(folder, 'pass 2 stage 2.safetensors');
		await writeFile(path, flipped(await readFile(path), -2));
		expect((await KeptLatents.open(what(folder))).of(1)).toEqual(kept);
	});

	it.each<[string, (bytes: Buffer) => Buffer]>([
		['a bit of the last number is another one', (bytes) => flipped(bytes, -2)],
		['a bit of the header is', (bytes) => flipped(bytes, 9)],
		['a bit of its length is', (bytes) => flipped(bytes, 0)],
		['it was cut short', (bytes) => bytes.subarray(0, bytes.length - 1)],
		['it goes on', (bytes) => Buffer.concat([bytes, Buffer.alloc(4)])],
		['it is empty', () => Buffer.alloc(0)],
		['names have changed', (bytes) => replaced(bytes, '"video":', '"vide0":')],
		['shapes have', (bytes) => replaced(bytes, '"shape":[4]', '"shape":[9]')],
		['types have', (bytes) => replaced(bytes, '"F32"', '"I32"')],
		['it says less memory than it has', (bytes) => replaced(bytes, '[0,16]', '[0,12]')],
	])('and none where %s', async (_, damage) => {
		const path = join(folder, 'pass 2 stage 1.safetensors');
		await writeFile(path, damage(await readFile(path)));
		expect((await KeptLatents.open(what(folder))).of(1)).toEqual({ stages: 0, latents: {} });
	});
});

function flipped(bytes: Buffer, index: number): Buffer {
	const at = index < 0 ? bytes.length + index : index;
	bytes[at]! ^= 1;
	return bytes;
}

/** `by` is as long as `what`, so that all else stays in its place. */
function replaced(bytes: Buffer, what: string, by: string): Buffer {
	const text = bytes.toString('latin1');
	const changed = text.replace(what, by);
	expect(changed).not.toBe(text);
	return Buffer.from(changed, 'latin1');
}

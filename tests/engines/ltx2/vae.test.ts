import { execFile } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { normalNoise } from '../../../inference-daemon/engines/ltx2/diffusion/noise.ts';
import { liveSessions } from '../../../inference-daemon/engines/ltx2/runtime/live.ts';
import { Session } from '../../../inference-daemon/engines/ltx2/runtime/session.ts';
import type { NdArray } from '../../../inference-daemon/engines/ltx2/runtime/values.ts';
import { type DecodedFrame, Vae } from '../../../inference-daemon/engines/ltx2/vae/vae.ts';
import { Checkpoint } from '../../../inference-daemon/engines/ltx2/weights/checkpoint.ts';
import { closedGate } from './gate.ts';
import { errorOf, goldenPath } from './golden.ts';
import { readRun } from './run-case.ts';
import { tinyCheckpoint } from './tiny.ts';

const EXACT = 2e-5;
/** Enough for everything in one piece. */
const PLENTY = { memory: 1e12 };
/** How many latents the tiny decoders and encoders look to each side: 7.4, summed over their convolutions. */
const REACH = 8;

const TINY = ['ltx-2-tiny', 'ltx-2.3-tiny'];

async function openTiny(name = 'ltx-2-tiny'): Promise<Checkpoint> {
	return Checkpoint.open(await tinyCheckpoint(name));
}

function random(shape: readonly number[], draw = 0): Picture {
	const length = shape.reduce((product, n) => product * n, 1);
	return { data: normalNoise({ seed: 7, stream: 'video', draw }, length), shape };
}

type Picture = NdArray & { readonly data: Float32Array };

async function all(frames: AsyncIterable<DecodedFrame>): Promise<DecodedFrame[]> {
	const found: DecodedFrame[] = [];
	for await (const frame of frames) found.push(frame);
	return found;
}

/** As [1, 3, frames, height, width]. */
function joined(
	frames: readonly DecodedFrame[],
	[, , , height, width]: readonly number[],
): Picture {
	const plane = height! * width!;
	const data = new Float32Array(3 * frames.length * plane);
	for (const [t, { index, planes }] of frames.entries()) {
		expect(index).toBe(t);
		expect(planes.map(({ length }) => length)).toEqual([plane, plane, plane]);
		for (const [c, values] of planes.entries()) data.set(values, (c * frames.length + t) * plane);
	}
	return { data, shape: [1, 3, frames.length, height!, width!] };
}

/** Elements `from` to `to` along an axis. */
function part({ data, shape }: NdArray, axis: number, from: number, to: number): Picture {
	const inner = shape.slice(axis + 1).reduce((product, n) => product * n, 1);
	const length = shape[axis]! * inner;
	const outer = data.length / length;
	const cut = new Float32Array(outer * (to - from) * inner);
	for (let i = 0; i < outer; i++) {
		const row = (data as Float32Array).subarray(i * length + from * inner, i * length + to * inner);
		cut.set(row, i * row.length);
	}
	return { data: cut, shape: shape.map((n, i) => (i === axis ? to - from : n)) };
}

/** a · (1 − share) + b · share. */
function mixed(a: Picture, b: Picture, share: number): Picture {
	return { ...a, data: a.data.map((value, i) => value * (1 - share) + b.data[i]! * share) };
}

/** Of two neighbours that share some of an axis, each where it is alone and both where they fade. */
function expectFaded(
	found: Picture,
	axis: number,
	[a, b]: readonly [Picture, Picture],
	start: number,
): void {
	const end = a.shape[axis]!;
	const to = start + b.shape[axis]!;
	expect(errorOf(part(found, axis, 0, start), part(a, axis, 0, start))).toBeLessThan(EXACT);
	for (let x = start; x < end; x++) {
		const share = (x - start + 1) / (end - start + 1);
		const [left, right] = [part(a, axis, x, x + 1), part(b, axis, x - start, x - start + 1)];
		const expected = mixed(left, right, share);
		expect(errorOf(part(found, axis, x, x + 1), expected), `at ${x}`).toBeLessThan(EXACT);
	}
	const rest = part(b, axis, end - start, to - start);
	expect(errorOf(part(found, axis, end, to), rest)).toBeLessThan(EXACT);
}

describe('where the memory is enough', () => {
	it.each(['t2v_distilled', 'v23_t2v'])('%s comes in frames as it comes whole', async (name) => {
		const { run, tensors } = await readRun(name);
		const { data, shape } = tensors['s1.video.final']!;
		const vae = new Vae(await openTiny(run.checkpoint.replace('.safetensors', '')));
		const latent = { data: data as Float32Array, shape };
		// These releases' decoders take none.
		const noise = vi.fn();
		const whole = await vae.decodePicture(latent, noise);
		const frames = await all(vae.decodeFrames(latent, { noise }));
		const found = joined(frames, whole.shape);
		expect(found.shape).toEqual(whole.shape);
		expect(found.data).toEqual(whole.data);
		expect(liveSessions()).toEqual([]);
		expect(noise).not.toHaveBeenCalled();
		const buffers = frames.flatMap(({ planes }) => planes.map(({ buffer }) => buffer));
		expect(new Set(buffers).size, 'pieces of memory').toBe(1);
	});

	it('float16 stays near float32', async () => {
		const checkpoint = await openTiny();
		const latent = random([1, 6, 2, 2, 3]);
		const half = await new Vae(checkpoint, { precision: 'float16' }).decodePicture(latent);
		const error = errorOf(half, await new Vae(checkpoint).decodePicture(latent));
		expect(error).toBeGreaterThan(0);
		expect(error).toBeLessThan(2e-2);
	});
});

describe.each(TINY)('%s in tiles', (name) => {
	it('two tiles beside each other are the whole, away from the seam, and fade at it', async () => {
		const checkpoint = await openTiny(name);
		const latent = random([1, 6, 3, 3, 34]);
		const plenty = new Vae(checkpoint, PLENTY);
		const whole = await plenty.decodePicture(latent);
		const vae = new Vae(checkpoint, { memory: 65e6 });
		const found = joined(await all(vae.decodeFrames(latent)), whole.shape);
		const decode = async (from: number, to: number) =>
			(await plenty.decodePicture(part(latent, 4, from, to))) as Picture;
		expectFaded(found, 4, [await decode(0, 18), await decode(16, 34)], 16 * 32);
		for (const [from, to] of [
			[0, 18 - REACH],
			[16 + REACH, 34],
		]) {
			const [found1, whole1] = [found, whole].map((x) => part(x, 4, from! * 32, to! * 32));
			expect(errorOf(found1!, whole1!)).toBeLessThan(EXACT);
		}
		const middle = [found, whole].map((x) => part(x, 4, 16 * 32, 18 * 32));
		expect(errorOf(middle[0]!, middle[1]!)).toBeGreaterThan(EXACT);
	});

	it('tiles are as small as a driver’s limit of time asks, with memory for the whole', async () => {
		const checkpoint = await openTiny(name);
		const latent = random([1, 6, 3, 3, 34]);
		const decoded = async (options: object) => {
			const vae = new Vae(checkpoint, options);
			return joined(await all(vae.decodeFrames(latent)), [1, 3, 17, 96, 1088]);
		};
		const timed = await decoded({ ...PLENTY, dispatch: 8e8 });
		expect(errorOf(timed, await decoded({ memory: 65e6 }))).toBe(0);
		expect(errorOf(timed, await decoded(PLENTY))).toBeGreaterThan(EXACT);
	});

	it('runs of time are the whole at its ends and fade into each other', async () => {
		const checkpoint = await openTiny(name);
		const latent = random([1, 6, 15, 2, 3]);
		const plenty = new Vae(checkpoint, PLENTY);
		const whole = await plenty.decodePicture(latent);
		const vae = new Vae(checkpoint, { memory: 27e6 });
		const found = joined(await all(vae.decodeFrames(latent)), whole.shape);
		const first = (await plenty.decodePicture(part(latent, 2, 0, 10))) as Picture;
		// The first frame of a later run knows nothing of what was before, and counts nothing.
		const second = (await plenty.decodePicture(part(latent, 2, 5, 15))) as Picture;
		expectFaded(found, 2, [first, part(second, 2, 1, 73)], 5 * 8 + 1);
		const end = (10 - REACH) * 8 - 7;
		const pair = [found, whole].map((x) => part(x, 2, 0, end));
		expect(errorOf(pair[0]!, pair[1]!)).toBeLessThan(EXACT);
	});

	it('a picture is encoded to the whole’s latent away from the seam, and latents fade', async () => {
		const checkpoint = await openTiny(name);
		const pixels = random([1, 3, 9, 64, 34 * 32]);
		const plenty = new Vae(checkpoint, PLENTY);
		const whole = await plenty.encodePicture(pixels);
		const found = (await new Vae(checkpoint, { memory: 20e6 }).encodePicture(pixels)) as Picture;
		expect(found.shape).toEqual(whole.shape);
		const encode = async (from: number, to: number) =>
			(await plenty.encodePicture(part(pixels, 4, from * 32, to * 32))) as Picture;
		expectFaded(found, 4, [await encode(0, 18), await encode(16, 34)], 16);
		for (const [from, to] of [
			[0, 18 - REACH],
			[16 + REACH, 34],
		]) {
			const pair = [found, whole].map((x) => part(x, 4, from!, to!));
			expect(errorOf(pair[0]!, pair[1]!)).toBeLessThan(EXACT);
		}
	});

	it('a clip is encoded in runs of time of which only the past is known', async () => {
		const checkpoint = await openTiny(name);
		const pixels = random([1, 3, 113, 64, 64]);
		const plenty = new Vae(checkpoint, PLENTY);
		const whole = await plenty.encodePicture(pixels);
		const found = (await new Vae(checkpoint, { memory: 15e6 }).encodePicture(pixels)) as Picture;
		expect(found.shape).toEqual(whole.shape);
		const first = (await plenty.encodePicture(part(pixels, 2, 0, 73))) as Picture;
		const second = (await plenty.encodePicture(part(pixels, 2, 40, 113))) as Picture;
		expectFaded(found, 2, [first, part(second, 2, 1, 10)], 6);
		const pair = [found, whole].map((x) => part(x, 2, 0, 6));
		expect(errorOf(pair[0]!, pair[1]!)).toBeLessThan(EXACT);
	});
});

it.each([PLENTY, { memory: 15e6 }])(
	'16 bits are encoded as the floats that they stand for, within %o',
	async (options) => {
		const vae = new Vae(await openTiny(), options);
		const { data, shape } = random([1, 3, 113, 64, 64]);
		const clipped = data.map((value) => Math.max(-1, Math.min(1, value)));
		const levels = Uint16Array.from(clipped, (value) => (value + 1) * 32_767.5);
		const floats = Float32Array.from(levels, (level) => level / 32_767.5 - 1);
		const found = await vae.encodePicture({ data: levels, shape });
		expect(errorOf(found, await vae.encodePicture({ data: floats, shape }))).toBeLessThan(EXACT);
	},
);

it('a timestep-conditioned decoder takes each tile’s own noise', async () => {
	const checkpoint = await Checkpoint.open(goldenPath('video-vae-2.0-timestep'));
	const latent = random([1, 2, 2, 3, 34]);
	const noise = (length: number) => random([length], 1).data;
	const whole = await new Vae(checkpoint, PLENTY).decodePicture(latent, noise);
	const vae = new Vae(checkpoint, { memory: 35e6 });
	const found = joined(await all(vae.decodeFrames(latent, { noise })), whole.shape);
	for (const [from, to] of [
		[0, 18 - REACH],
		[16 + REACH, 34],
	]) {
		const pair = [found, whole].map((x) => part(x, 4, from! * 32, to! * 32));
		expect(errorOf(pair[0]!, pair[1]!)).toBeLessThan(EXACT);
	}
	await expect(vae.decodeFrames(latent).next()).rejects.toThrow(
		'Expected noise for a timestep-conditioned decoder',
	);
	const small = () => new Float32Array(396);
	await expect(vae.decodeFrames(latent, { noise: small }).next()).rejects.toThrow(
		"Expected noise of the latent's 408 values, got 396",
	);
});

it('refuses what is no latent', async () => {
	const vae = new Vae(await openTiny());
	for (const shape of [[6, 2, 2, 3], [1, 6, 0, 2, 2], []]) {
		const latent = { data: new Float32Array(72), shape };
		await expect(vae.decodeFrames(latent).next()).rejects.toThrow(
			`Expected a latent [1, channels, frames, height, width], got [${shape}]`,
		);
	}
	const other = random([1, 5, 2, 2, 3]);
	await expect(vae.decodeFrames(other).next()).rejects.toThrow(
		'vae: expected a latent [1, 6, frames, height ≥ 2, width ≥ 2], got [1,5,2,2,3]',
	);
	await expect(vae.encodePicture(random([1, 3, 8, 64, 64]))).rejects.toThrow(
		'vae: expected pixels [1, 3, 8 · k + 1, 32 · h, 32 · w]; crop or pad them, got [1,3,8,64,64]',
	);
});

describe('frames while later ones are still to be decoded', () => {
	/** Three runs of ten cells: frames 0…73, 40…113 and 80…153. */
	const LATENT = random([1, 6, 20, 2, 3]);
	const THREE_RUNS = { memory: 30e6 };

	afterEach(() => {
		vi.restoreAllMocks();
		expect(liveSessions()).toEqual([]);
	});

	it('come as soon as their tiles are done, and the decoder is gone before the last', async () => {
		const { run } = Session.prototype;
		const mayEnd = [closedGate(), closedGate(), closedGate()];
		let begun = 0;
		vi.spyOn(Session.prototype, 'run').mockImplementation(async function (
			this: Session,
			inputs,
			options,
		) {
			const gate = mayEnd[begun++]!;
			const made = await run.call(this, inputs, options ?? {});
			await gate.opened;
			return made as Record<string, NdArray>;
		});
		const opened = vi.spyOn(Session, 'open');
		const vae = new Vae(await openTiny(), THREE_RUNS);
		mayEnd[0]!.open();
		let seen = 0;
		for await (const { index } of vae.decodeFrames(LATENT)) {
			expect(index).toBe(seen++);
			if (index < 80) expect(liveSessions()).toEqual(['video decoder']);
			else expect(liveSessions()).toEqual([]);
			// The next tile is at work, and cannot have ended.
			if (index < 80) expect(begun).toBe(index < 40 ? 2 : 3);
			if (index === 39) mayEnd[1]!.open();
			if (index === 79) mayEnd[2]!.open();
		}
		expect(seen).toBe(153);
		expect(opened).toHaveBeenCalledTimes(1);
	});

	it.each([
		[0, 40, 1],
		[0, 41, 1],
		[0, 42, 2],
		[100, 110, 2],
		[113, 153, 1],
		[152, 153, 1],
	])('%i…%i are those of all frames and take %i tiles', async (from, to, count) => {
		const runs = vi.spyOn(Session.prototype, 'run');
		const vae = new Vae(await openTiny(), THREE_RUNS);
		const found = await all(vae.decodeFrames(LATENT, { frames: [from, to] }));
		expect(found.map(({ index }) => index)).toEqual(
			[...Array(to - from).keys()].map((i) => from + i),
		);
		expect(runs).toHaveBeenCalledTimes(count);
		if (from !== 100) return;
		expect((await all(vae.decodeFrames(LATENT))).slice(from, to)).toEqual(found);
	});

	it.each([
		[-1, 3],
		[3, 3],
		[0, 154],
		[0.5, 3],
		[Number.NaN, 3],
	])('%f…%f are refused', async (from, to) => {
		const vae = new Vae(await openTiny(), THREE_RUNS);
		await expect(vae.decodeFrames(LATENT, { frames: [from, to] }).next()).rejects.toThrow(
			`Expected frames among the 153 of the latent, got ${from}…${to}`,
		);
	});

	it('leave nothing open when the loop is left', async () => {
		const runs = vi.spyOn(Session.prototype, 'run');
		const vae = new Vae(await openTiny(), THREE_RUNS);
		for await (const { index } of vae.decodeFrames(LATENT)) if (index === 3) break;
		expect(liveSessions()).toEqual([]);
		const failing = async () => {
			for await (const _ of vae.decodeFrames(LATENT)) throw new Error('no room on the disk');
		};
		await expect(failing()).rejects.toThrow('no room on the disk');
		const { length } = runs.mock.calls;
		for (let i = 0; i < 50; i++) await turn();
		expect(runs).toHaveBeenCalledTimes(length);
		expect(liveSessions()).toEqual([]);
	});

	it('end with the reason of an abort, before a further tile', async () => {
		const { run } = Session.prototype;
		const second = closedGate();
		const runs = vi.spyOn(Session.prototype, 'run').mockImplementation(async function (
			this: Session,
			...told
		) {
			if (runs.mock.calls.length === 2) await second.opened;
			return run.apply(this, told);
		});
		const vae = new Vae(await openTiny(), THREE_RUNS);
		const stop = new AbortController();
		const frames = vae.decodeFrames(LATENT, { signal: stop.signal });
		for (let i = 0; i < 40; i++) await frames.next();
		setImmediate(() => {
			stop.abort(new Error('changed my mind'));
			second.open();
		});
		await expect(frames.next()).rejects.toThrow('changed my mind');
		expect(runs).toHaveBeenCalledTimes(2);
		expect(await frames.next()).toEqual({ done: true, value: undefined });
	});

	it('end when the VAE is released, and nothing runs any more', async () => {
		const vae = new Vae(await openTiny(), THREE_RUNS);
		const frames = vae.decodeFrames(LATENT);
		await frames.next();
		expect(liveSessions()).toEqual(['video decoder']);
		await vae.release();
		expect(liveSessions()).toEqual([]);
		const rest = async () => {
			for await (const _ of frames);
		};
		await expect(rest()).rejects.toThrow('Expected open VAEs, got a call after release()');
		await expect(vae.decodePicture(LATENT)).rejects.toThrow('got a call after release()');
		await vae.release();
	});

	it('an aborted signal stops every other call too', async () => {
		const vae = new Vae(await openTiny(), THREE_RUNS);
		const signal = AbortSignal.abort(new Error('changed my mind'));
		const mel = random([1, 2, 5, 16]);
		for (const call of [
			() => vae.encodePicture(random([1, 3, 1, 64, 64]), signal),
			() => vae.decodePicture(random([1, 6, 1, 2, 2]), null, signal),
			() => vae.encodeSound(mel, signal),
			() => vae.decodeSound(random([1, 2, 2, 4]), signal),
			() => vae.vocode(mel, signal),
		]) {
			await expect(call()).rejects.toThrow('changed my mind');
		}
	});
});

it('refuses a memory of nothing', async () => {
	const checkpoint = await openTiny();
	for (const memory of [0, -1, Number.NaN]) {
		expect(() => new Vae(checkpoint, { memory })).toThrow(
			`Expected some bytes of memory, got ${memory}`,
		);
	}
});

/**
 * Whole, 1920 × 1088 × 25 take 1.3 GB with the tiny decoder. Of 400 MB, eight frames that wait for
 * their tiles take the half; what is no longer needed stays until garbage is collected.
 */
it('1080p is decoded in the memory that was given', async () => {
	const program = fileURLToPath(new URL('../../../dist/test-decode-frames.mjs', import.meta.url));
	await build({
		entryPoints: [fileURLToPath(new URL('decode-frames.ts', import.meta.url))],
		outfile: program,
		bundle: true,
		platform: 'node',
		format: 'esm',
		packages: 'external',
	});
	const given = [await tinyCheckpoint('ltx-2-tiny'), '400e6', '9', '17'];
	const { stdout } = await promisify(execFile)(process.execPath, [program, ...given]);
	const { frames, grown } = JSON.parse(stdout) as { frames: number; grown: number };
	expect(frames).toBe(8);
	expect(grown).toBeGreaterThan(200e6);
	expect(grown).toBeLessThan(700e6);
});

import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ELSEWHERE, type Engine, type Reporting } from '../../inference-daemon/engines/engine.ts';
import { encodeClip, pixelFormatFor } from '../../inference-daemon/media/encode.ts';
import { readFrames } from '../../inference-daemon/media/frames.ts';
import { frameBytes } from '../../inference-daemon/media/pixels.ts';
import { pngOf } from '../../inference-daemon/media/png.ts';
import { readSound } from '../../inference-daemon/media/sound.ts';
import type { Ffmpeg, Frame, PixelFormat } from '../../inference-daemon/media/types.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { GenerationRequest } from '../../protocol/generation.ts';
import type { Clip } from '../../protocol/jobs.ts';
import type { Size } from '../../protocol/schemas.ts';
import { framesToSeconds, ONE, rangeLength, samplesForFrames, ZERO } from '../../protocol/time.ts';

/**
 * A small engine that makes real clips: one grey after the other, silent. A request's settings ask
 * for its ways to behave:
 *   `delay`    ms before each frame
 *   `ending`   'clip' (as it should), or 'throw', 'no-space', 'exit', 'kill', 'deaf' (does not heed
 *              the signal), 'stuck' (neither heeds it nor lets anything else run), 'none', 'short',
 *              'child' (leaves a child running and waits), 'wild' (progress goes all ways),
 *              'elsewhere' (wants a process in which no job has run yet)
 *   `film`     a file whose picture and sound it gives instead, from their beginning
 *   `failing`  a file with the seed that it fails for, once that is there
 *   `awaits`   a file that has to be there before it makes the first frame
 *   `finished` what it makes is no draft, so that a press has one made before it
 *   `log`      a file that gets a line when a job starts and one when its clip stands
 * Where the environment has PICKUP_FAKE_IDLE, every job fails before it writes anything. Where it
 * has PICKUP_FAKE_TAKES, the engine takes whatever a request may bring, and makes one frame less
 * than it could where the length is open.
 */
export const engine: Engine = {
	name: 'fake',

	async describe() {
		return {
			name: 'fake',
			title: 'Fake',
			summary: 'Grey frames and silence.',
			draft: true,
			kinds: ['fill', 'extend', 'insert', 'retake', 'soundtrack', 'animate'],
			sound: true,
			frameGrid: { step: 1, offset: 0 },
			sizeGrid: 2,
			maxFrames: 1000,
			rates: null,
			takes: { loras: TAKES, reference: TAKES, openLength: TAKES },
			model: null,
			ready: true,
			needs: [],
			settings: [
				{
					kind: 'number',
					name: 'delay',
					help: 'milliseconds between frames',
					least: 0,
					most: 1e6,
					whole: false,
					default: 0,
				},
			],
		};
	},

	async plan(request) {
		const { range, sequence } = request.context;
		const frames = rangeLength(range);
		if (frames > 1000) {
			throw new PickupError('too-long', `Expected at most 1000 frames, got ${frames}`, {
				field: 'context.range',
			});
		}
		return {
			engine: 'fake',
			kind: request.kind,
			frames,
			openLength: request.kind === 'insert' && request.length === 'model',
			samples: samplesForFrames(frames, sequence.rate),
			workSize: sequence.size,
			workFrames: frames,
			workRate: sequence.rate,
			passes: 1,
			stages: 1,
			steps: 0,
			context: { left: 0, right: 0 },
			draft: !request.settings.finished,
			notes: [],
		};
	},

	async generate(request, workplace, { report, signal, gate }) {
		const { rate, size, pixelAspect } = request.context.sequence;
		const { ending = 'clip', film, log } = request.settings;
		const note = (what: string) => {
			if (typeof log === 'string') appendFileSync(log, `${what} ${request.id}\n`);
		};
		const isFresh = !hasRun;
		hasRun = true;
		if (ending === 'elsewhere' && !isFresh) {
			throw Object.assign(new Error('another job was here'), { name: ELSEWHERE });
		}
		if (process.env.PICKUP_FAKE_IDLE) throw new PickupError('engine-failed', 'It is idle');
		note('started');
		const tell = (progress: number) => report({ kind: 'progress', progress, phase: 'drawing' });
		tell(0);
		report({ kind: 'preview', png: pngOf({ width: 1, height: 1, data: Uint8Array.of(9, 9, 9) }) });
		await writeFile(join(workplace.folder, 'notes.txt'), request.prompt);
		if (ending === 'child') spawn('sleep', ['600'], { stdio: 'ignore' });
		for (const progress of ending === 'wild' ? [0.5, 0.2, Number.NaN, 7, -1] : []) {
			tell(progress);
			await pause(210);
		}
		while (typeof request.settings.awaits === 'string' && !existsSync(request.settings.awaits)) {
			await gate.open(signal);
			await pause(20);
		}
		const { failing } = request.settings;
		if (typeof failing === 'string' && existsSync(failing)) {
			if (readFileSync(failing, 'utf8') === `${request.seed}`) throw new Error('It is to fail');
		}
		await misbehave(String(ending), signal);
		const isOpen = request.kind === 'insert' && request.length === 'model';
		const planned = rangeLength(request.context.range);
		const frameCount = ending === 'short' || isOpen ? planned - 1 : planned;
		const samples = samplesForFrames(frameCount, rate);
		const tellDrawn = (drawn: number) => tell(drawn / frameCount);
		const source = typeof film === 'string' ? { path: film, ffmpeg: workplace.ffmpeg } : null;
		const clip = await encodeClip(
			workplace.ffmpeg,
			{
				path: workplace.clipPath,
				size,
				pixelAspect,
				rate,
				codec: request.output.codec,
				frameCount,
				frames: source
					? framesOf(source, request, frameCount, signal)
					: greys(request, frameCount, { signal, gate }, tellDrawn),
				sound: source
					? readSound(source.ffmpeg, { path: source.path, from: ZERO, samples, speed: ONE }, signal)
					: { left: new Float32Array(samples), right: new Float32Array(samples) },
				tags: {},
			},
			signal,
		);
		note('finished');
		if (ending === 'none') return undefined as unknown as Clip;
		const draft = !request.settings.finished;
		return { ...clip, draft, engine: 'fake', seed: request.seed };
	},
};

/** Whether a job has run in this process. */
let hasRun = false;

const TAKES = Boolean(process.env.PICKUP_FAKE_TAKES);

async function misbehave(ending: string, signal: AbortSignal): Promise<void> {
	switch (ending) {
		case 'throw':
			throw new Error('the fake engine was asked to fail');
		case 'no-space':
			return writeFile('/dev/full', 'x');
		case 'exit':
			process.stderr.write('these are the last words\n');
			process.exit(7);
			break;
		case 'kill':
			process.kill(process.pid, 'SIGKILL');
			return pause(60_000);
		case 'deaf':
			return pause(60_000);
		case 'stuck':
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
			return;
		case 'child':
			for (let i = 0; i < 600 && !signal.aborted; i++) await pause(100);
			return;
		default:
	}
}

async function* framesOf(
	{ path, ffmpeg }: { readonly path: string; readonly ffmpeg: Ffmpeg },
	request: GenerationRequest,
	count: number,
	signal: AbortSignal,
): AsyncGenerator<Frame> {
	const { rate, size, pixelAspect } = request.context.sequence;
	const at = Array.from({ length: count }, (_, frame) => framesToSeconds(frame, rate));
	const format = pixelFormatFor(request.output.codec);
	yield* await readFrames(ffmpeg, { path, at, size, pixelAspect, format }, signal);
}

async function* greys(
	request: GenerationRequest,
	count: number,
	{ signal, gate }: Pick<Reporting, 'signal' | 'gate'>,
	onFrame: (drawn: number) => void,
): AsyncGenerator<Frame> {
	const { size } = request.context.sequence;
	const format = pixelFormatFor(request.output.codec);
	const delay = Number(request.settings.delay ?? 0);
	for (let frame = 0; frame < count; frame++) {
		if (delay > 0) await pause(delay);
		await gate.open(signal);
		onFrame(frame);
		yield { ...size, format, data: evenly(format, size, frame % 256) };
	}
}

/** One value, 0–255, for all samples: green to black, in 8 bits as in 10. */
function evenly(format: PixelFormat, size: Size, value: number): Uint8Array {
	const bytes = frameBytes(format, size);
	if (!format.endsWith('10le')) return new Uint8Array(bytes).fill(value);
	return new Uint8Array(new Uint16Array(bytes / 2).fill(value << 2).buffer);
}

function pause(milliseconds: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

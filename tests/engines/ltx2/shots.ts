import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../../../inference-daemon/engines/engine.ts';
import { type Gate, OPEN_GATE } from '../../../inference-daemon/engines/gate.ts';
import { ltx2 } from '../../../inference-daemon/engines/ltx2/engine.ts';
import {
	type GenerationRequest,
	generationRequestSchema,
	type RequestKind,
} from '../../../protocol/generation.ts';
import type { FrameRate } from '../../../protocol/time.ts';
import type { ClipSpan } from '../../../protocol/timeline.ts';
import { ffmpeg, run } from '../../media/media-files.ts';
import { TINY_GEMMA, tinyCheckpoint } from './tiny.ts';

/** Frames of each shot of a cut, and of what is asked for. */
export const SHOT = 24;
export const GAP = 10;

export const KINDS = ['fill', 'extend', 'insert', 'retake', 'soundtrack', 'animate'] as const;

/** How a cut runs. */
export type Sequence = FrameRate & { readonly width: number; readonly height: number };

export const PLAIN: Sequence = { num: 24, den: 1, width: 96, height: 64 };
export const SMALL: Sequence = { num: 24, den: 1, width: 64, height: 64 };

/** A folder with shots to cut and a tiny model to make more with. */
export type Studio = {
	readonly folder: string;
	/** The folder with the weights. */
	readonly model: string;
	/** An empty folder for clips. */
	readonly clips: string;
	close(): Promise<void>;
};

export async function openStudio(checkpoint = 'ltx-2-tiny'): Promise<Studio> {
	const folder = await mkdtemp(join(tmpdir(), 'pickup-ltx2-'));
	const clips = join(folder, 'clips');
	await mkdir(clips);
	const model = await makeModel(join(folder, 'model'), checkpoint);
	return { folder, model, clips, close: () => rm(folder, { recursive: true, force: true }) };
}

/** A model's folder as an editor would have it. */
export async function makeModel(folder: string, checkpoint: string): Promise<string> {
	await mkdir(folder);
	await symlink(await tinyCheckpoint(checkpoint), join(folder, 'weights.safetensors'));
	await symlink(TINY_GEMMA, join(folder, 'gemma'));
	return folder;
}

/** What a shot shows, as ffmpeg's sources say it. */
export type Look = { readonly picture?: string; readonly sound?: string; readonly frames?: number };

/** A shot as a file: moving bars with a tone, unless told otherwise. */
export async function makeShot(
	path: string,
	{ num, den, width, height }: Sequence,
	{ picture = 'testsrc2', sound = 'sine=frequency=300', frames = SHOT }: Look = {},
): Promise<string> {
	const withOptions = (source: string) => `${source}${source.includes('=') ? ':' : '='}`;
	const seconds = (frames * den) / num;
	await run(ffmpeg.path, [
		...['-y', '-loglevel', 'error', '-f', 'lavfi'],
		...['-i', `${withOptions(picture)}s=${width}x${height}:r=${num}/${den}`],
		...[
			'-f',
			'lavfi',
			'-i',
			`${withOptions(sound)}r=48000:d=${seconds}`,
			'-frames:v',
			String(frames),
		],
		...['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '12', '-pix_fmt', 'yuv444p'],
		...['-c:a', 'pcm_s16le', '-ac', '2', path],
	]);
	return path;
}

const ONE = { num: 1, den: 1 };

/** A clip on the cut from frame `start` on. */
export function spanOf(path: string, start: number, frames = SHOT): ClipSpan {
	return {
		name: 'shot',
		track: 'V1',
		range: { start, end: start + frames },
		source: { kind: 'file', path },
		sourceIn: { num: 0, den: 1 },
		speed: ONE,
		enabled: true,
	};
}

/** Two shots with a gap between them. */
export type Cut = {
	readonly studio: Studio;
	readonly sequence: Sequence;
	readonly gap: number;
	readonly left: ClipSpan;
	readonly right: ClipSpan;
};

export async function makeCut(
	studio: Studio,
	sequence: Sequence = PLAIN,
	{ gap = GAP, left = {}, right = OTHER }: { gap?: number; left?: Look; right?: Look } = {},
): Promise<Cut> {
	const name = randomUUID();
	const [first, second] = await Promise.all([
		makeShot(join(studio.folder, `${name} left.mov`), sequence, left),
		makeShot(join(studio.folder, `${name} right.mov`), sequence, right),
	]);
	const start = left.frames ?? SHOT;
	return {
		studio,
		sequence,
		gap,
		left: spanOf(first, 0, start),
		right: spanOf(second, start + gap, right.frames ?? SHOT),
	};
}

const OTHER: Look = { picture: 'smptebars', sound: 'sine=frequency=480' };

/** What an editor would ask for at the cut: for its gap, or for a part of its left shot. */
export function requestFor(
	kind: RequestKind,
	{ studio, sequence, gap, left, right }: Cut,
	extra: Readonly<Record<string, unknown>> = {},
): GenerationRequest {
	const isOwn = kind === 'retake' || kind === 'soundtrack' || kind === 'animate';
	const start = isOwn ? left.range.end - gap - 6 : left.range.end;
	const { num, den, width, height } = sequence;
	return generationRequestSchema.parse({
		kind,
		id: randomUUID(),
		engine: 'ltx2',
		prompt: 'a red kite over a bay',
		seed: 7,
		context: {
			sequence: {
				name: 'cut',
				rate: { num, den },
				size: { width, height },
				pixelAspect: ONE,
				duration: right.range.end,
				startFrame: 0,
				dropFrame: false,
				sampleRate: 48_000,
			},
			track: 'V1',
			range: { start, end: start + gap },
			left: isOwn ? null : left,
			right: isOwn ? null : right,
			sound: [left, right],
		},
		output: { folder: studio.clips, name: 'shot', codec: 'h264-intra' },
		settings: { model: studio.model, provider: 'cpu', context: 0.3, pixels: 96 * 64, steps: 3 },
		...OWN_PART[kind](left),
		...extra,
	});
}

const OWN_PART: Readonly<Record<RequestKind, (clip: ClipSpan) => Record<string, unknown>>> = {
	fill: () => ({}),
	extend: () => ({ side: 'tail' }),
	insert: () => ({ images: [] }),
	retake: (clip) => ({ clip, replace: 'both' }),
	soundtrack: (clip) => ({ clip }),
	animate: (clip) => ({ clip }),
};

/** Does a request in this process, as a daemon has it done; the clip stands under `name` in the studio. */
export async function make(
	request: GenerationRequest,
	{ folder }: Studio,
	name: string,
	signal: AbortSignal = new AbortController().signal,
	hear: (output: Report) => void = () => {},
	gate: Gate = OPEN_GATE,
) {
	const plan = await ltx2.plan(request);
	const clipPath = join(folder, `${name}.mov`);
	const cache = join(folder, 'cache');
	const unfinished = join(cache, 'unfinished', request.id);
	const workplace = { ffmpeg, folder, cache, unfinished, clipPath };
	const outputs: Report[] = [];
	const report = (output: Report) => {
		outputs.push(output);
		hear(output);
	};
	const clip = await ltx2.generate(request, workplace, { report, signal, gate });
	await rm(unfinished, { recursive: true, force: true });
	return { clip, plan, outputs };
}

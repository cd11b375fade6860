import { performance } from 'node:perf_hooks';
import { bridgeWithinBars } from '../../inference-daemon/engines/inbetween/bars.ts';
import {
	type Kernels,
	kernelModule,
	loadKernels,
} from '../../inference-daemon/engines/inbetween/kernels.ts';
import type { Ffmpeg, Frame } from '../../inference-daemon/media/types.ts';
import { median } from '../measure.ts';
import { type Hole, holesOf } from './holes.ts';
import { type Luma, msSsim, psnr } from './likeness.ts';

/** Frames of each hole that are compared with what stood there. */
const COMPARED = 8;
/** What a draft's MS-SSIM may lack of a plain dissolve's. */
const BAR = 0.005;

type Score = { readonly psnr: number; readonly msSsim: number };
type Judged = {
	readonly length: number;
	readonly hasCut: boolean;
	readonly draft: Score;
	readonly dissolve: Score;
};

/**
 * Holes in real footage: what the engine draws into them, and a plain dissolve, compared with what
 * stood there (luma, no label, not encoded). The bar counts holes inside one shot: nobody can tell
 * where in a hole a cut was.
 */
export async function measureFootage(
	ffmpeg: Ffmpeg,
	folder: string,
	widest: number,
): Promise<void> {
	const kernels = loadKernels(await kernelModule());
	const judged: Judged[] = [];
	const times: number[] = [];
	console.log('hole, size: draft PSNR MS-SSIM, dissolve PSNR MS-SSIM, difference');
	for await (const hole of holesOf(ffmpeg, folder, widest)) {
		const one = judge(kernels, hole, times);
		judged.push(one);
		const { width, height } = hole.frames[0]!;
		const difference = one.draft.msSsim - one.dissolve.msSsim;
		const remark = one.hasCut ? ' (has a cut)' : difference < -BAR ? ' WORSE' : '';
		console.log(
			`${hole.clip} ${one.length}, ${width}×${height}: ${told(one.draft)}, ${told(one.dissolve)}, ${difference.toFixed(4)}${remark}`,
		);
	}
	for (const length of [...new Set(judged.map((one) => one.length))].sort((a, b) => a - b)) {
		report(
			`${length} frames`,
			judged.filter((one) => one.length === length),
		);
	}
	report(
		'inside one shot',
		judged.filter((one) => !one.hasCut),
	);
	report('all', judged);
	console.log(`  ${median(times).toFixed(1)} ms a frame drawn`);
}

function report(name: string, judged: readonly Judged[]): void {
	const mean = (value: (one: Judged) => number) =>
		judged.reduce((sum, one) => sum + value(one), 0) / judged.length;
	const of = (kind: 'draft' | 'dissolve') =>
		told({ psnr: mean((one) => one[kind].psnr), msSsim: mean((one) => one[kind].msSsim) });
	const ahead = judged.map((one) => one.draft.msSsim - one.dissolve.msSsim);
	const better = ahead.filter((value) => value > BAR).length;
	const worse = ahead.filter((value) => value < -BAR).length;
	console.log(
		`  ${name}: ${judged.length} holes, draft ${of('draft')}, dissolve ${of('dissolve')}; better in ${better}, worse in ${worse}`,
	);
}

function told(score: Score): string {
	return `${score.psnr.toFixed(2)} ${score.msSsim.toFixed(4)}`;
}

function judge(kernels: Kernels, { frames, beside }: Hole, times: number[]): Judged {
	const length = frames.length - 2 * beside;
	const [before, after] = [frames[beside - 1]!, frames[beside + length]!];
	const distance = beside - 1;
	kernels.clear();
	const bridge = bridgeWithinBars(kernels, {
		left: { edge: before, inner: frames[0]!, distance },
		right: { edge: after, inner: frames.at(-1)!, distance },
		count: length,
		settle: 24,
	});
	const scores: { readonly draft: Score; readonly dissolve: Score }[] = [];
	const step = Math.max(1, Math.floor(length / COMPARED));
	for (let at = step >> 1; at < length; at += step) {
		const start = performance.now();
		const drawn = bridge.draw(at);
		times.push(performance.now() - start);
		const truth = lumaOf(frames[beside + at]!);
		const score = (data: Luma): Score => ({ psnr: psnr(data, truth), msSsim: msSsim(data, truth) });
		const plain = dissolved(lumaOf(before), lumaOf(after), (at + 1) / (length + 1));
		scores.push({ draft: score(lumaOf({ ...before, data: drawn })), dissolve: score(plain) });
	}
	const mean = (kind: 'draft' | 'dissolve', part: keyof Score) =>
		scores.reduce((sum, one) => sum + one[kind][part], 0) / scores.length;
	const both = (kind: 'draft' | 'dissolve'): Score => ({
		psnr: mean(kind, 'psnr'),
		msSsim: mean(kind, 'msSsim'),
	});
	const hasCut = cutIn(frames.slice(beside - 1, beside + length + 1));
	return { length, hasCut, draft: both('draft'), dissolve: both('dissolve') };
}

function lumaOf({ width, height, data }: Frame): Luma {
	return { width, height, values: Float32Array.from(data.subarray(0, width * height)) };
}

function dissolved(a: Luma, b: Luma, share: number): Luma {
	const values = a.values.map((value, i) => Math.round(value + (b.values[i]! - value) * share));
	return { ...a, values };
}

/** Levels of luma, on average, by which no frame of a shot differs from the next, however fast it moves. */
const ANOTHER = 40;

/** Whether one frame differs from the next far more than others do. */
function cutIn(frames: readonly Frame[]): boolean {
	const changes = frames.slice(1).map((frame, i) => {
		const [a, b] = [lumaOf(frames[i]!).values, lumaOf(frame).values];
		return a.reduce((sum, value, at) => sum + Math.abs(value - b[at]!), 0) / a.length;
	});
	return Math.max(...changes) > Math.max(15, Math.min(ANOTHER, 4 * median(changes)));
}

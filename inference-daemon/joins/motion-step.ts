import { buildPyramid } from '../engines/inbetween/flow.ts';
import type { Kernels } from '../engines/inbetween/kernels.ts';
import type { Motion } from '../engines/inbetween/motion.ts';
import { load } from '../engines/inbetween/planes.ts';
import { findVelocity } from '../engines/inbetween/scene.ts';
import type { Frame } from '../media/types.ts';
import { quantile } from './statistics.ts';

/** Frames on either side whose motion tells the trend. */
const TREND = 5;

/** Patches whose motion is trusted less are not counted. */
const LEAST_TRUST = 0.3;

/** One part of the picture may move alone: the change that so large a share of it does not exceed. */
const SHARE = 0.8;

/** As many patches at least must be followed, for anything to be said. */
const LEAST_PATCHES = 12;

/**
 * How far motion jumps across the join beyond how much it changes from frame to frame anyway, in
 * pixels of the frames given: a frame too many, one too few, another speed, another direction. null
 * where the two sides do not show one scene, or nothing in it can be followed. Gives way between
 * frames to whatever else waits.
 */
export async function motionStep(
	kernels: Kernels,
	before: readonly Frame[],
	after: readonly Frame[],
	signal: AbortSignal,
): Promise<number | null> {
	const left = before.slice(-TREND);
	const right = after.slice(0, TREND);
	const frames = [...left, ...right];
	const join = left.length - 1;
	const motions: (Motion | null)[] = [];
	for (let i = 0; i + 1 < frames.length; i++) {
		motions.push(motionBetween(kernels, frames[i]!, frames[i + 1]!));
		await new Promise((resolve) => setImmediate(resolve));
		signal.throwIfAborted();
	}
	if (!motions[join]) return null;
	const atJoin: number[] = [];
	const elsewhere: number[] = [];
	for (let i = 0; i + 1 < motions.length; i++) {
		const change = changeBetween(motions[i]!, motions[i + 1]!);
		if (change === null) continue;
		const isAtJoin = i === join || i + 1 === join;
		(isAtJoin ? atJoin : elsewhere).push(change);
	}
	if (atJoin.length === 0) return null;
	return Math.max(0, Math.max(...atJoin) - Math.max(0, ...elsewhere));
}

/** Motion from one frame to the next, null where they do not show the same. */
function motionBetween(kernels: Kernels, from: Frame, to: Frame): Motion | null {
	return kernels.scratch(() => {
		const [a, b] = [from, to].map(({ width, height, data }) => {
			const luma = load(kernels, data.subarray(0, width * height));
			return buildPyramid(kernels, luma, width, height, 8);
		});
		return findVelocity(kernels, a!, b!, 1);
	});
}

/** In pixels of the frames. */
function changeBetween(a: Motion | null, b: Motion | null): number | null {
	if (!a || !b) return null;
	const changes: number[] = [];
	for (let i = 0; i < a.trust.length; i++) {
		if (Math.min(a.trust[i]!, b.trust[i]!) < LEAST_TRUST) continue;
		const [x, y] = [2 * i, 2 * i + 1].map((at) => b.motion[at]! - a.motion[at]!);
		changes.push(Math.hypot(x!, y!) * a.factor);
	}
	return changes.length < LEAST_PATCHES ? null : quantile(changes, SHARE);
}

import { PickupError } from '../../../protocol/errors.ts';
import type { GenerationRequest, Plan } from '../../../protocol/generation.ts';
import { type FrameRange, rangeLength, samplesForFrames } from '../../../protocol/time.ts';
import type { ClipSpan } from '../../../protocol/timeline.ts';
import type { UsableSpan } from '../cut-picture.ts';
import { CELL } from './diffusion/latent.ts';
import { halfSize, type WorkSize, workSize } from './diffusion/window.ts';
import { type Pass, passesFor } from './passes.ts';
import type { Settings } from './settings.ts';

/** Pixels of a frame in one stage, and at the end of two, as the model's makers have them. */
const PIXELS = { 1: 768 * 512, 2: 1536 * 1024 } as const;

/** What becomes of a stream: made anew, made inside the gap alone, or given. */
export type Treatment = 'made' | 'kept outside' | 'given';

/** How a request is done: settled by the request and the model alone, so twice the same. */
export type Work = {
	/** What is made: the request's range, or its beginning where the model chose a length. */
	readonly range: FrameRange;
	readonly passes: readonly Pass[];
	/** What each stage works at; the last is what becomes the clip. */
	readonly stages: readonly WorkSize[];
	readonly picture: Treatment;
	readonly sound: Treatment;
	/** Where the pictures beside the gap, or in it, come from. */
	readonly left: UsableSpan | null;
	readonly right: UsableSpan | null;
	readonly own: UsableSpan | null;
	/** Whether the finished clip has sound of its own. */
	readonly hasSound: boolean;
	readonly notes: readonly string[];
};

/** What a plan has to go by beside the request. */
export type Means = {
	/** 2: there is what finishes a picture at twice the size. */
	readonly stages: 1 | 2;
	/** How much smaller an IC-LoRA wants its reference; 1 without one. */
	readonly referenceScale: number;
	/** The first attempt ran out of memory: half the pixels, one stage. */
	readonly isSecondAttempt?: boolean;
	/** Frames that the model wants to make; default: the range's. */
	readonly frames?: number;
};

/** Throws PickupError `too-long`, `no-neighbour`, `media-offline`, `bad-request` or `engine-cannot`. */
export function workFor(request: GenerationRequest, settings: Settings, means: Means): Work {
	const { context } = request;
	const { rate } = context.sequence;
	const { start, end } = context.range;
	const range = { start, end: Math.min(end, start + (means.frames ?? Number.POSITIVE_INFINITY)) };
	const { picture, sound, hasSound } = treatmentOf(request);
	const sides = sidesOf(request);
	const seen = picture === 'kept outside' || sound === 'kept outside';
	const passes = passesFor(range, rate, {
		context: seen ? Math.round((rate.num / rate.den) * settings.context) : 0,
		before: sides.left === null ? 0 : start - Math.max(0, sides.left.range.start),
		after: sides.right === null ? 0 : Math.max(0, sides.right.range.end - end),
	});
	return {
		...{ range, passes, stages: stagesFor(request, settings, means) },
		...{ picture, sound, hasSound, notes: sides.notes },
		...{ left: sides.left, right: sides.right, own: sides.own },
	};
}

/** The sizes to work at: of each stage, the last one first chosen. */
function stagesFor(
	{ context, reference }: GenerationRequest,
	{ pixels, stages: wanted }: Settings,
	means: Means,
): readonly WorkSize[] {
	const { pixelAspect } = context.sequence;
	const size = { ...context.sequence.size };
	size.width = Math.max(1, Math.round((size.width * pixelAspect.num) / pixelAspect.den));
	if (wanted === 2 && means.stages === 1) {
		throw new PickupError(
			'engine-cannot',
			'Expected an upsampler beside the model (and, for one that is not distilled, its distilled LoRA) for two stages, found none',
			{ field: 'settings.stages', action: 'Put them into the model’s folder, or take one stage.' },
		);
	}
	const isLarge = Math.min(size.width * size.height, pixels ?? PIXELS[2]) > 1.5 * PIXELS[1];
	const isTwice = !means.isSecondAttempt && (wanted ?? (isLarge ? means.stages : 1)) === 2;
	const count = isTwice ? 2 : 1;
	const most = (pixels ?? PIXELS[count]) / (means.isSecondAttempt ? 2 : 1);
	const grid = CELL.size * count * (reference ? means.referenceScale : 1);
	const last = workSize(size, most, grid);
	return isTwice ? [halfSize(last, size), last] : [last];
}

/** What the editor is told before it runs; `steps` of a pass, all stages together. */
export function planOf(
	request: GenerationRequest,
	work: Work,
	{ steps, distilled }: { readonly steps: number; readonly distilled: boolean },
): Plan {
	const { context, kind } = request;
	const { rate } = context.sequence;
	const { width, height } = work.stages.at(-1)!;
	const frames = rangeLength(work.range);
	const left = work.passes[0]!.window.left;
	const right = work.passes.at(-1)!.window.right;
	const workFrames = work.passes.reduce((sum, { window }) => sum + window.frames, 0);
	const openLength = request.kind === 'insert' && request.length === 'model';
	return {
		...{ engine: 'ltx2', kind, frames },
		...(openLength ? { openLength } : {}),
		samples: work.hasSound ? samplesForFrames(frames, rate) : 0,
		...{ workSize: { width, height }, workFrames, workRate: rate, context: { left, right } },
		...{ passes: work.passes.length, stages: work.stages.length, steps, draft: false },
		notes: [
			...(work.passes.length > 1
				? [
						`Too long for one go: made in ${work.passes.length} passes, each from the last one’s end.`,
					]
				: []),
			...(distilled && request.negativePrompt
				? ['A distilled model is not led: the negative prompt has no effect.']
				: []),
			...work.notes,
		],
	};
}

function treatmentOf(request: GenerationRequest): {
	picture: Treatment;
	sound: Treatment;
	hasSound: boolean;
} {
	switch (request.kind) {
		case 'fill':
		case 'extend':
			return { picture: 'kept outside', sound: 'kept outside', hasSound: true };
		case 'insert':
			return { picture: 'made', sound: 'made', hasSound: true };
		case 'retake': {
			const { replace } = request;
			return {
				picture: replace === 'sound' ? 'given' : 'kept outside',
				sound: replace === 'picture' ? 'given' : 'kept outside',
				hasSound: replace !== 'picture',
			};
		}
		case 'soundtrack':
			return { picture: 'given', sound: 'made', hasSound: true };
		case 'animate':
			return { picture: 'made', sound: 'given', hasSound: true };
	}
}

type Sides = Pick<Work, 'left' | 'right' | 'own' | 'notes'>;

function sidesOf(request: GenerationRequest): Sides {
	const { context } = request;
	const none: Sides = { left: null, right: null, own: null, notes: [] };
	switch (request.kind) {
		case 'fill': {
			const [left, right] = [usable(context.left), usable(context.right)];
			if (left.span === null && right.span === null) throw refused([left.why, right.why]);
			const without = (why: string) =>
				why === '' ? [] : [`${why}, so the other side alone is context.`];
			const notes = [...without(left.why), ...without(right.why)];
			return { ...none, left: left.span, right: right.span, notes };
		}
		case 'extend': {
			const side = usable(request.side === 'tail' ? context.left : context.right);
			if (side.span === null) throw refused([side.why]);
			return request.side === 'tail' ? { ...none, left: side.span } : { ...none, right: side.span };
		}
		case 'retake':
		case 'soundtrack':
		case 'animate': {
			const own = usable(request.clip);
			if (own.span === null) throw refused([own.why]);
			return { ...none, own: own.span, left: own.span, right: own.span };
		}
		case 'insert':
			return none;
	}
}

function usable(span: ClipSpan | null): { span: UsableSpan | null; why: string } {
	if (span === null) return { span: null, why: 'There is no clip beside the range' };
	const { source, name } = span;
	if (!span.enabled) return { span: null, why: `“${name}” is disabled` };
	if (source.kind === 'offline') {
		return { span: null, why: `“${name}” is offline (${source.path})` };
	}
	if (source.kind === 'synthetic') return { span: null, why: `“${name}” is a ${source.what}` };
	return { span: { ...span, source }, why: '' };
}

function refused(why: readonly string[]): PickupError {
	const reasons = why.join('; ');
	return /is offline/.test(reasons)
		? new PickupError('media-offline', `Expected media on disk: ${reasons}`, { field: 'context' })
		: new PickupError('no-neighbour', `Expected a clip to go by: ${reasons}`, { field: 'context' });
}

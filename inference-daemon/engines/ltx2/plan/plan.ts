import { PickupError } from '../../../../protocol/errors.ts';
import type { GenerationRequest, Plan } from '../../../../protocol/generation.ts';
import {
	type FrameRange,
	formatRate,
	rangeLength,
	samplesForFrames,
} from '../../../../protocol/time.ts';
import {
	type ClipSpan,
	type Sequence,
	type TimelineContext,
	whyOffline,
} from '../../../../protocol/timeline.ts';
import type { UsableSpan } from '../../cut-picture.ts';
import { effectNotes } from '../../neighbour-media.ts';
import { CELL } from '../diffusion/latent.ts';
import type { Model } from '../model/open-model.ts';
import { heardBeside } from '../sound/joins.ts';
import { mostContext, type Pass, passesFor } from './passes.ts';
import type { Settings } from './settings.ts';
import { halfSize, type Size, type WorkSize, workSize } from './window.ts';

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
	readonly sizes: readonly WorkSize[];
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

/** What a plan depends on beside the request. */
export type Means = {
	/** 2: there is what finishes a picture at twice the size. */
	readonly stages: 1 | 2;
	/** What to tell where two stages were asked for and there is but one. */
	readonly lacks?: readonly string[];
	/** How much smaller an IC-LoRA wants its reference; 1 without one. */
	readonly referenceScale: number;
	/** Frames that the model wants to make; default: the range's. */
	readonly frames?: number;
};

/** Throws PickupError `too-long`, `no-neighbour`, `media-offline`, `bad-request` or `engine-cannot`. */
export function workFor(request: GenerationRequest, settings: Settings, means: Means): Work {
	const { context } = request;
	const { rate } = context.sequence;
	const { start, end } = context.range;
	const range = { start, end: Math.min(end, start + (means.frames ?? Number.POSITIVE_INFINITY)) };
	const { picture, hasSound, ...treated } = treatmentOf(request);
	const sides = sidesOf(request);
	const looks = picture === 'kept outside' || treated.sound === 'kept outside';
	const wanted = looks ? Math.ceil((rate.num / rate.den) * settings.context - EXACT) : 0;
	const isAlone = looks && wanted === 0;
	const passes = passesFor(range, rate, {
		context: wanted,
		before: isAlone || !sides.left ? 0 : start - Math.max(0, sides.left.range.start),
		after: isAlone || !sides.right ? 0 : sides.right.range.end - end,
	});
	// Silence on both sides is no sound to go on from.
	const isSilent = sides.own === null && !isHeard(context, passes);
	const sound = treated.sound === 'kept outside' && isSilent ? 'made' : treated.sound;
	const most = mostContext(rate);
	const less =
		wanted > most
			? [`At ${formatRate(rate)} frames per second the model sees ${most} frames of a neighbour.`]
			: [];
	return {
		range,
		passes,
		sizes: sizesFor(request, settings, means),
		picture,
		sound,
		hasSound,
		notes: [...sides.notes, ...less],
		left: sides.left,
		right: sides.right,
		own: sides.own,
	};
}

/** What the product of a rate and seconds may be off by. */
const EXACT = 1e-9;

function isHeard({ sound, range }: TimelineContext, passes: readonly Pass[]): boolean {
	const from = range.start - passes[0]!.window.left;
	const to = range.end + passes.at(-1)!.window.right;
	const touches = ({ source, range: at }: ClipSpan) =>
		source.kind === 'file' &&
		((at.start < range.start && at.end > from) || (at.end > range.end && at.start < to));
	return heardBeside(sound, range).some(touches);
}

/** The sizes to work at: of each stage, the last one first chosen. */
function sizesFor(
	request: GenerationRequest,
	{ pixels, stages: wanted }: Settings,
	means: Means,
): readonly WorkSize[] {
	const size = squareSize(request.context.sequence);
	if (wanted === 2 && means.stages === 1) {
		throw new PickupError(
			'engine-cannot',
			[
				'Expected an upsampler beside the model (and, for one that is not distilled, its distilled LoRA) for two stages, found none.',
				...(means.lacks ?? []),
			].join(' '),
			{ field: 'settings.stages', action: 'Put them into the model’s folder, or take one stage.' },
		);
	}
	const isLarge = Math.min(size.width * size.height, pixels ?? PIXELS[2]) > 1.5 * PIXELS[1];
	const usual = isLarge && treatmentOf(request).picture !== 'given' ? means.stages : 1;
	const count = wanted ?? usual;
	const most = pixels ?? PIXELS[count];
	const grid = CELL.size * count * (request.reference ? means.referenceScale : 1);
	const last = workSize(size, most, grid);
	return count === 2 ? [halfSize(last, size), last] : [last];
}

/** What a sequence's frames are where pixels are square. */
function squareSize({ size, pixelAspect }: Sequence): Size {
	const width = Math.round((size.width * pixelAspect.num) / pixelAspect.den);
	return { width: Math.max(1, width), height: size.height };
}

/** What the editor is told before it runs; `steps` of a pass, all stages together. */
export function planOf(
	request: GenerationRequest,
	work: Work,
	{ steps, model }: { readonly steps: number; readonly model: Pick<Model, 'distilled' | 'notes'> },
): Plan {
	const { context, kind } = request;
	const { rate } = context.sequence;
	const { width, height } = work.sizes.at(-1)!;
	const frames = rangeLength(work.range);
	const left = work.passes[0]!.window.left;
	const right = work.passes.at(-1)!.window.right;
	const workFrames = work.passes.reduce((sum, { window }) => sum + window.frames, 0);
	const openLength = request.kind === 'insert' && request.length === 'model';
	return {
		engine: 'ltx2',
		kind,
		frames,
		...(openLength ? { openLength } : {}),
		samples: work.hasSound ? samplesForFrames(frames, rate) : 0,
		workSize: { width, height },
		workFrames,
		workRate: rate,
		context: { left, right },
		passes: work.passes.length,
		stages: work.sizes.length,
		steps,
		draft: false,
		notes: [
			...(work.passes.length > 1
				? [
						`Too long for one go: made in ${work.passes.length} passes, each from the last one’s end.`,
					]
				: []),
			...(model.distilled && request.negativePrompt
				? ['A distilled model works without guidance: the negative prompt has no effect.']
				: []),
			...work.notes,
			...effectNotes(
				[work.left, work.right],
				work.hasSound ? heardBeside(context.sound, work.range) : [],
			),
			...model.notes,
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
	const { context, kind } = request;
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
			const { span: own, why } = usable(request.clip);
			if (own === null) throw refused([why]);
			checkWithin(context.range, own);
			if (kind === 'animate') return { ...none, own };
			return { ...none, own, left: own, right: own };
		}
		case 'insert':
			return none;
	}
}

function checkWithin({ start, end }: FrameRange, { name, range }: UsableSpan): void {
	if (range.start <= start && end <= range.end) return;
	throw new PickupError(
		'bad-request',
		`Expected frames of “${name}”, ${range.start} to ${range.end}, got ${start} to ${end}`,
		{ field: 'context.range', action: 'Choose a part of the clip.' },
	);
}

function usable(span: ClipSpan | null): { span: UsableSpan | null; why: string } {
	if (span === null) return { span: null, why: 'There is no clip beside the range' };
	const { source, name } = span;
	if (!span.enabled) return { span: null, why: `“${name}” is disabled` };
	if (source.kind === 'offline') {
		return { span: null, why: `“${name}” is offline (${whyOffline(source)})` };
	}
	if (source.kind === 'synthetic') return { span: null, why: `“${name}” is a ${source.what}` };
	return { span: { ...span, source }, why: '' };
}

function refused(why: readonly string[]): PickupError {
	const reasons = [...new Set(why)].join('; ');
	return /is offline/.test(reasons)
		? new PickupError('media-offline', `Expected media on disk: ${reasons}`, { field: 'context' })
		: new PickupError('no-neighbour', `Expected a neighbour to work from: ${reasons}`, {
				field: 'context',
			});
}

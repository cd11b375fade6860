import { PickupError } from '../../../protocol/errors.ts';
import type { GenerationRequest, Plan } from '../../../protocol/generation.ts';
import { formatRate, rangeLength, samplesForFrames } from '../../../protocol/time.ts';
import type { ClipSpan } from '../../../protocol/timeline.ts';
import type { UsableSpan } from '../cut-picture.ts';
import { CELL } from './diffusion/latent.ts';
import { type Window, type WorkSize, windowAround, workSize } from './diffusion/window.ts';

/** Seconds that the model was trained for: beyond them places in time mean nothing to it. */
const HORIZON = 20;
const DEFAULT_PIXELS = 768 * 512;

/** What becomes of a stream: made anew, made inside the gap alone, or given. */
export type Treatment = 'made' | 'kept outside' | 'given';

/** How a request is done: settled by the request and the model alone, so twice the same. */
export type Work = {
	readonly window: Window;
	readonly size: WorkSize;
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

/** Throws PickupError `too-long`, `no-neighbour`, `media-offline` or `engine-cannot`. */
export function workFor(request: GenerationRequest): Work {
	if (request.kind === 'retake' && request.strength !== 1) {
		throw new PickupError(
			'engine-cannot',
			`Expected a retake at strength 1, got ${request.strength}: what is there is not taken up in part yet`,
			{ field: 'strength' },
		);
	}
	const { context, settings } = request;
	const { rate, size } = context.sequence;
	const gap = rangeLength(context.range);
	const perSecond = rate.num / rate.den;
	const { picture, sound, hasSound } = treatmentOf(request);
	const sides = sidesOf(request);
	const { notes } = sides;
	const wanted = Math.round(perSecond * numberOf(settings.context, 1, 0, 5));
	const seen = picture === 'kept outside' || sound === 'kept outside';
	const { start, end } = context.range;
	const window = windowAround(gap, seen ? wanted : 0, {
		before: sides.left === null ? 0 : start - Math.max(0, sides.left.range.start),
		after: sides.right === null ? 0 : sides.right.range.end - end,
	});
	const most = Math.floor(HORIZON * perSecond);
	if (window.frames > most) {
		const room = most - (window.frames - gap);
		throw new PickupError(
			'too-long',
			`Expected at most ${Math.max(0, room)} frames at ${formatRate(rate)} frames per second beside their context, got ${gap}`,
			{ field: 'context.range' },
		);
	}
	const pixels = numberOf(settings.pixels, DEFAULT_PIXELS, CELL.size ** 2, 4096 * 2304);
	return {
		...{ window, size: workSize(size, pixels, CELL.size), picture, sound, hasSound, notes },
		...{ left: sides.left, right: sides.right, own: sides.own },
	};
}

export function planOf(
	request: GenerationRequest,
	work: Work,
	{ steps, distilled }: { readonly steps: number; readonly distilled: boolean },
): Plan {
	const { context, kind } = request;
	const { rate } = context.sequence;
	const { width, height } = work.size;
	const frames = rangeLength(context.range);
	const { left, right } = work.window;
	return {
		...{ engine: 'ltx2', kind, frames },
		samples: work.hasSound ? samplesForFrames(frames, rate) : 0,
		workSize: { width, height },
		...{ workFrames: work.window.frames, workRate: rate, context: { left, right } },
		...{ passes: 1, stages: 1, steps, draft: false },
		notes: [
			`Works at ${width}×${height}, ${work.window.frames} frames, with ${left} frames of context before and ${right} after.`,
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

/** A number among the request's settings. Throws PickupError `bad-request`. */
export function numberOf(given: unknown, standard: number, low: number, high: number): number {
	if (given === undefined) return standard;
	if (typeof given === 'number' && given >= low && given <= high) return given;
	throw new PickupError('bad-request', `Expected a number from ${low} to ${high}, got ${given}`, {
		field: 'settings',
	});
}

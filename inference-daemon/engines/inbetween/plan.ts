import { PickupError } from '../../../protocol/errors.ts';
import type { GenerationRequest, Plan, RequestKind } from '../../../protocol/generation.ts';
import { formatRate, rangeLength, samplesForFrames } from '../../../protocol/time.ts';
import { type ClipSpan, whyOffline } from '../../../protocol/timeline.ts';
import type { UsableSpan } from '../cut-picture.ts';
import { effectNotes } from '../neighbour-media.ts';
import { heardIn } from './sound/mix.ts';

export const MAX_FRAMES = 1800;
export const KINDS = ['fill', 'extend', 'retake'] as const satisfies readonly RequestKind[];

type Supported = Extract<GenerationRequest, { kind: (typeof KINDS)[number] }>;

/** The clips that the picture grows from; at least one is there. */
export type Sides = {
	readonly left: UsableSpan | null;
	readonly right: UsableSpan | null;
	/** Why a side is missing, in sentences for the editor. */
	readonly notes: readonly string[];
};

/**
 * Settles what a draft will be. Throws PickupError `engine-cannot` for kinds that it does not do,
 * `too-long`, `no-neighbour`, or `media-offline` where offline files are all there is.
 */
export function planDraft(request: GenerationRequest): Plan {
	const supported = supportedRequest(request);
	const { context } = supported;
	const { rate, size } = context.sequence;
	const frames = rangeLength(context.range);
	if (frames > MAX_FRAMES) {
		throw new PickupError(
			'too-long',
			`Expected at most ${MAX_FRAMES} frames, got ${frames} at ${formatRate(rate)} frames per second`,
			{ field: 'context.range' },
		);
	}
	const { left, right, notes } = sidesOf(supported);
	const hasSound = supported.kind !== 'retake' || supported.replace !== 'picture';
	return {
		engine: 'inbetween',
		kind: supported.kind,
		frames,
		samples: hasSound ? samplesForFrames(frames, rate) : 0,
		workSize: size,
		workFrames: frames,
		workRate: rate,
		context: { left: 0, right: 0 },
		passes: 1,
		stages: 1,
		steps: 0,
		draft: true,
		notes: [
			'A draft to judge timing with: motion between the cuts, no new content.',
			...notes,
			...effectNotes([left, right], hasSound ? heardIn(context) : []),
		],
	};
}

/** The clips on both sides of what is to be made, as far as they can be used. Throws as planDraft. */
export function sidesOf(request: GenerationRequest): Sides {
	const supported = supportedRequest(request);
	const { context } = supported;
	if (supported.kind === 'extend') {
		const isTail = supported.side === 'tail';
		const side = isTail ? context.left : context.right;
		const judged = judge(side, isTail ? 'before' : 'after');
		if (judged.span === null) throw refusal([side], judged.notes, 'context');
		return isTail
			? { left: judged.span, right: null, notes: [] }
			: { left: null, right: judged.span, notes: [] };
	}
	if (supported.kind === 'retake' && supported.replace === 'sound') {
		const own = judge(supported.clip, 'before');
		if (own.span === null) throw refusal([supported.clip], own.notes, 'clip');
		return { left: own.span, right: own.span, notes: [] };
	}
	const [leftSpan, rightSpan] =
		supported.kind === 'fill' ? [context.left, context.right] : aroundRetake(supported);
	const left = judge(leftSpan, 'before');
	const right = judge(rightSpan, 'after');
	if (left.span === null && right.span === null) {
		throw refusal([leftSpan, rightSpan], [...left.notes, ...right.notes], 'context');
	}
	return { left: left.span, right: right.span, notes: [...left.notes, ...right.notes] };
}

function supportedRequest(request: GenerationRequest): Supported {
	const supported = KINDS.find((kind) => kind === request.kind);
	if (supported === undefined) {
		throw new PickupError(
			'engine-cannot',
			`Expected one of ${KINDS.join(', ')}, got ${request.kind}: a draft makes no new content`,
			{ field: 'kind' },
		);
	}
	return request as Supported;
}

/** A retake grows from the clip's own frames before and after the range. */
function aroundRetake(request: Extract<GenerationRequest, { kind: 'retake' }>) {
	const { clip, context } = request;
	return [
		clip.range.start < context.range.start ? clip : context.left,
		clip.range.end > context.range.end ? clip : context.right,
	] as const;
}

function judge(
	span: ClipSpan | null,
	where: 'before' | 'after',
): { readonly span: UsableSpan | null; readonly notes: readonly string[] } {
	const other = where === 'before' ? 'after' : 'before';
	const without = (why: string) => ({
		span: null,
		notes: [`${why}: the draft is made from the clip ${other} it alone.`],
	});
	if (span === null) return without(`Nothing stands ${where} it`);
	if (!span.enabled) return without(`${span.name}, ${where} it, is disabled`);
	const { source } = span;
	if (source.kind === 'offline') {
		return without(`${span.name}, ${where} it, is offline (${whyOffline(source)})`);
	}
	if (source.kind === 'synthetic') {
		return without(`${span.name}, ${where} it, is a ${source.what}, not a file`);
	}
	return { span: { ...span, source }, notes: [] };
}

function refusal(
	spans: readonly (ClipSpan | null)[],
	notes: readonly string[],
	field: string,
): PickupError {
	const offline = spans.flatMap((span) =>
		span?.enabled && span.source.kind === 'offline' ? [whyOffline(span.source)] : [],
	);
	if (offline.length > 0) {
		return new PickupError(
			'media-offline',
			`Expected media on disk, missing: ${[...new Set(offline)].join('; ')}`,
			{
				field,
			},
		);
	}
	const why = notes.map((note) => note.replace(/: the draft .*$/, '')).join('; ');
	return new PickupError('no-neighbour', `Expected a clip beside the range: ${why}`, { field });
}

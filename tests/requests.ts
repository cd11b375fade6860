import { randomUUID } from 'node:crypto';
import type { GenerationRequest, RequestKind, RequestOf } from '../protocol/generation.ts';
import type { ClipSpan, MediaSource, TimelineContext } from '../protocol/timeline.ts';

export const RATE = { num: 24, den: 1 };
export const ONE = { num: 1, den: 1 };

export function span(
	range: readonly [number, number],
	source: string | MediaSource,
	changes: Partial<ClipSpan> = {},
): ClipSpan {
	return {
		name: 'shot',
		track: 'V1',
		range: { start: range[0], end: range[1] },
		source: typeof source === 'string' ? { kind: 'file', path: source } : source,
		sourceIn: { num: 0, den: 1 },
		speed: ONE,
		enabled: true,
		...changes,
	};
}

export const SEQUENCE: TimelineContext['sequence'] = {
	name: 'cut',
	rate: RATE,
	size: { width: 160, height: 90 },
	pixelAspect: ONE,
	duration: 240,
	startFrame: 0,
	dropFrame: false,
	sampleRate: 48_000,
};

export function context(changes: Partial<TimelineContext>): TimelineContext {
	return {
		sequence: SEQUENCE,
		track: 'V1',
		range: { start: 24, end: 36 },
		left: null,
		right: null,
		sound: [],
		...changes,
	};
}

export function request<K extends RequestKind>(
	kind: K,
	inside: TimelineContext,
	changes: object,
	codec: GenerationRequest['output']['codec'] = 'h264-intra',
): RequestOf<K> {
	return {
		kind,
		id: randomUUID(),
		engine: 'inbetween',
		prompt: '',
		seed: 7,
		context: inside,
		output: { folder: '/', name: 'shot', codec },
		settings: {},
		...changes,
	} as unknown as RequestOf<K>;
}

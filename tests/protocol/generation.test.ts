import { expect, test } from 'vitest';
import { schemaError } from '../../protocol/errors.ts';
import { generationRequestSchema } from '../../protocol/generation.ts';
import { sourceTime } from '../../protocol/timeline.ts';
import { context, request, SEQUENCE, span } from '../requests.ts';

const SPAN = span([0, 100], '/a.mov', { sourceIn: { num: 1, den: 24 } });
const CONTEXT = context({
	sequence: { ...SEQUENCE, rate: { num: 24_000, den: 1001 } },
	range: { start: 100, end: 124 },
	left: SPAN,
	sound: [SPAN],
});
const REQUEST = request('retake', CONTEXT, {
	prompt: 'a street\nat dawn \u{1f305}',
	output: { folder: '/clips', name: 'shot', codec: 'h264-intra' },
	settings: { model: '/models' },
	clip: SPAN,
	replace: 'both',
});

const HUGE = Number.MAX_SAFE_INTEGER;

test('a request that can be done fits', () => {
	expect(generationRequestSchema.safeParse(REQUEST).success).toBe(true);
});

test.each([
	{ num: 9_007_199_254_740_881, den: 100_000_007 },
	{ num: 1, den: HUGE },
])('a source time whose sums have to be rounded fits too: %j', (sourceIn) => {
	const [left, sound] = [{ ...SPAN, sourceIn }, [{ ...SPAN, sourceIn }]];
	const request = { ...REQUEST, context: { ...REQUEST.context, left, sound } };
	expect(generationRequestSchema.safeParse(request).success).toBe(true);
	const { num, den } = sourceTime(left, { num: 100, den: 1 }, REQUEST.context.sequence.rate);
	expect(num / den).toBeCloseTo(sourceIn.num / sourceIn.den + (100 * 1001) / 24_000, 6);
});

test.each<[string, unknown]>([
	['prompt', 'a street\u0000'],
	['prompt', 'half of a character: \ud800'],
	['negativePrompt', '\u0000'],
	['output.folder', '/clips\u0000'],
	['output.name', 'shot\udc00'],
	['settings.model', '/models\u0000'],
	['context.left.sourceIn', { num: HUGE, den: 1 }],
	['context.left.sourceIn', { num: -HUGE, den: 1 }],
	['context.left.speed', { num: HUGE, den: 1 }],
	['context.left.transition', HUGE],
	['clip.sourceIn', { num: HUGE, den: 1 }],
	['context.left.range', { start: 0, end: HUGE }],
	['context.range', { start: -HUGE, end: 0 }],
	['context.sequence.pixelAspect', { num: 0, den: 1 }],
	['context.sequence.pixelAspect', { num: -1, den: 1 }],
	['context.sequence.pixelAspect', { num: HUGE, den: 1 }],
	['context.sequence.pixelAspect', { num: 1, den: HUGE }],
	['context.sequence.duration', HUGE],
	['context.sequence.startFrame', HUGE],
])('%s is refused as %j', (field, value) => {
	const request = JSON.parse(JSON.stringify(REQUEST));
	const path = field.split('.');
	const last = path.pop()!;
	const holder = path.reduce<Record<string, never>>((inner, name) => inner[name]!, request);
	holder[last] = value as never;
	const { error } = generationRequestSchema.safeParse(request);
	expect(error, 'it was accepted').toBeDefined();
	const refusal = schemaError(error!);
	expect(refusal.code).toBe('bad-request');
	expect(refusal.field?.startsWith(field)).toBe(true);
});

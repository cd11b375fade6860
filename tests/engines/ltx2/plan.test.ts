import { describe, expect, it } from 'vitest';
import { type Means, planOf, workFor } from '../../../inference-daemon/engines/ltx2/plan/plan.ts';
import { settingsIn } from '../../../inference-daemon/engines/ltx2/plan/settings.ts';
import {
	type GenerationRequest,
	generationRequestSchema,
	type RequestKind,
} from '../../../protocol/generation.ts';
import type { ClipSpan } from '../../../protocol/timeline.ts';

const ONE = { num: 1, den: 1 };
const GAP = { start: 100, end: 140 };

function span(start: number, end: number, more: Partial<ClipSpan> = {}): ClipSpan {
	const source = { kind: 'file', path: `/media/${start}.mov` } as const;
	const clip = { name: `shot ${start}`, track: 'V1', range: { start, end }, source };
	return { ...clip, sourceIn: { num: 0, den: 1 }, speed: ONE, enabled: true, ...more };
}

const LEFT = span(0, 100);
const RIGHT = span(140, 300);
const OWN = span(60, 200);
const OFFLINE = { kind: 'offline', path: '/gone.mov', reason: 'not found' } as const;

type Changes = {
	readonly sequence?: Readonly<Record<string, unknown>>;
	readonly context?: Readonly<Record<string, unknown>>;
	readonly settings?: GenerationRequest['settings'];
	readonly request?: Readonly<Record<string, unknown>>;
};

const PARTS: Readonly<Record<RequestKind, Readonly<Record<string, unknown>>>> = {
	fill: {},
	extend: { side: 'tail' },
	insert: { images: [] },
	retake: { clip: OWN, replace: 'both' },
	soundtrack: { clip: OWN },
	animate: { clip: OWN },
};

function asked(kind: RequestKind, changes: Changes = {}): GenerationRequest {
	return generationRequestSchema.parse({
		kind,
		id: '6d3f6a3e-9d0a-4c67-8c4f-5d3c1f0d3c11',
		engine: 'ltx2',
		prompt: '',
		seed: 1,
		context: {
			sequence: {
				name: 'cut',
				rate: { num: 24, den: 1 },
				size: { width: 1920, height: 1080 },
				pixelAspect: ONE,
				duration: 300,
				startFrame: 0,
				dropFrame: false,
				sampleRate: 48_000,
				...changes.sequence,
			},
			track: 'V1',
			range: GAP,
			left: LEFT,
			right: RIGHT,
			sound: [LEFT, RIGHT],
			...changes.context,
		},
		output: { folder: '/clips', name: 'shot', codec: 'h264-intra' },
		settings: changes.settings ?? {},
		...PARTS[kind],
		...changes.request,
	});
}

function work(kind: RequestKind, changes: Changes = {}, means: Partial<Means> = {}) {
	const request = asked(kind, changes);
	const found = workFor(request, settingsIn(request), { stages: 2, referenceScale: 1, ...means });
	const plan = planOf(request, found, { steps: 11, model: { distilled: true, notes: [] } });
	return { ...found, plan };
}

describe('the sizes to work at', () => {
	const PAL = { num: 16, den: 15 };
	it.each([
		// of a sequence, square pixels; of each stage
		[1920, 1080, ONE, ['864×480', '1728×960']],
		[1080, 1920, ONE, ['480×864', '960×1728']],
		[3840, 2160, ONE, ['864×480', '1728×960']],
		[16_384, 16_384, ONE, ['640×640', '1280×1280']],
		[1280, 720, ONE, ['640×352', '1280×704']],
		[720, 576, PAL, ['736×544']],
		[1440, 1080, { num: 4, den: 3 }, ['864×480', '1728×960']],
		[640, 360, ONE, ['640×352']],
		[96, 64, ONE, ['96×64']],
		[8, 8, ONE, ['64×64']],
	] as const)('of %d×%d with pixels of %j are %j', (width, height, pixelAspect, sizes) => {
		const { sizes: stages, plan } = work('fill', {
			sequence: { size: { width, height }, pixelAspect },
		});
		expect(stages.map((stage) => `${stage.width}×${stage.height}`)).toEqual(sizes);
		expect(`${plan.workSize.width}×${plan.workSize.height}`).toBe(sizes.at(-1));
		expect(plan.stages).toBe(sizes.length);
	});

	const SHAPES = [
		[1920, 1080, ONE],
		[1080, 1920, ONE],
		[720, 576, PAL],
		[720, 480, { num: 8, den: 9 }],
		[1440, 1080, { num: 4, den: 3 }],
		[2048, 858, ONE],
		[640, 360, ONE],
		[96, 64, ONE],
		[48, 32, ONE],
		[8, 1080, ONE],
		[16_384, 16, ONE],
	] as const;
	const WANTED = [{}, { stages: 1 }, { stages: 2 }, { pixels: 4096 }, { pixels: 4096 * 2304 }];
	it.each(SHAPES)('of %d×%d with pixels of %j stretch nothing and keep to the grid', (...shape) => {
		const [width, height, pixelAspect] = shape;
		const aspect = (width * pixelAspect.num) / pixelAspect.den / height;
		for (const settings of WANTED) {
			for (const referenceScale of [1, 2]) {
				const changes = {
					sequence: { size: { width, height }, pixelAspect },
					settings,
					request: { reference: { path: '/led.mov' } },
				};
				const { sizes: stages } = work('insert', changes, { referenceScale });
				for (const { inner, ...size } of stages) {
					expect([size.width % 32, size.height % 32]).toEqual([0, 0]);
					// As wide or as high as the canvas, and off by the rounding of a pixel at most.
					expect(inner.width === size.width || inner.height === size.height).toBe(true);
					const exact = [Math.min(size.width, size.height * aspect), 0];
					exact[1] = exact[0]! / aspect;
					expect(Math.abs(inner.width - Math.max(1, exact[0]!))).toBeLessThanOrEqual(0.5);
					expect(Math.abs(inner.height - Math.max(1, exact[1]!))).toBeLessThanOrEqual(0.5);
				}
				const [first, last] = [stages[0]!, stages.at(-1)!];
				expect([first.width, first.height].map((side) => side % (32 * referenceScale))).toEqual([
					0, 0,
				]);
				if (stages.length === 1) continue;
				expect([last.width, last.height]).toEqual([2 * first.width, 2 * first.height]);
			}
		}
	});

	it('are those of one stage where the picture is given, where one is asked for or there is no more', () => {
		expect(work('soundtrack').sizes).toHaveLength(1);
		expect(work('retake', { request: { replace: 'sound' } }).sizes).toHaveLength(1);
		expect(work('retake').sizes).toHaveLength(2);
		expect(work('animate').sizes).toHaveLength(2);
		expect(work('fill', { settings: { stages: 1 } }).sizes).toHaveLength(1);
		expect(work('fill', {}, { stages: 1 }).sizes).toHaveLength(1);
		expect(() => work('fill', { settings: { stages: 2 } }, { stages: 1 })).toThrow(
			/Expected an upsampler .* for two stages, found none/,
		);
	});
});

describe('what is looked at', () => {
	/** Frames of context on the left and right, all passes’ frames, and what becomes of the streams. */
	function seen(kind: RequestKind, changes: Changes = {}) {
		const { plan, picture, sound, left, right, own } = work(kind, changes);
		const given = Object.entries({ left, right, own }).flatMap(([name, at]) => (at ? name : []));
		return [plan.context.left, plan.context.right, picture, sound, given.join(' ')];
	}
	const KEPT = ['kept outside', 'kept outside'] as const;

	it.each<[RequestKind, Changes, readonly unknown[]]>([
		['fill', {}, [25, 32, ...KEPT, 'left right']],
		['fill', { context: { left: null } }, [0, 25, ...KEPT, 'right']],
		['fill', { context: { right: null } }, [25, 0, ...KEPT, 'left']],
		['fill', { context: { left: span(97, 100) } }, [1, 32, ...KEPT, 'left right']],
		['fill', { context: { right: span(140, 142) } }, [25, 2, ...KEPT, 'left right']],
		['fill', { settings: { context: 0 } }, [0, 0, 'kept outside', 'made', 'left right']],
		['fill', { settings: { context: 0.4 } }, [17, 24, ...KEPT, 'left right']],
		['fill', { settings: { context: 5 } }, [97, 128, ...KEPT, 'left right']],
		['extend', {}, [25, 0, ...KEPT, 'left']],
		['extend', { request: { side: 'head' } }, [0, 25, ...KEPT, 'right']],
		['insert', {}, [0, 0, 'made', 'made', '']],
		['retake', {}, [25, 32, ...KEPT, 'left right own']],
		['retake', { request: { clip: span(100, 200) } }, [0, 25, ...KEPT, 'left right own']],
		['retake', { request: { clip: span(60, 140) } }, [25, 0, ...KEPT, 'left right own']],
		['retake', { request: { clip: span(100, 140) } }, [0, 0, ...KEPT, 'left right own']],
		['retake', { request: { replace: 'sound' } }, [25, 32, 'given', KEPT[1], 'left right own']],
		['retake', { request: { replace: 'picture' } }, [25, 32, KEPT[0], 'given', 'left right own']],
		['soundtrack', {}, [0, 1, 'given', 'made', 'left right own']],
		['animate', {}, [0, 0, 'made', 'given', 'own']],
	])('for %s with %j is %j', (kind, changes, expected) => {
		expect(seen(kind, changes)).toEqual(expected);
	});

	it('is never before the sequence or beyond a clip', () => {
		const context = { range: { start: 3, end: 20 }, left: span(-10, 3), right: span(20, 22) };
		expect(seen('fill', { context }).slice(0, 2)).toEqual([1, 2]);
	});

	it('is less than was asked for where the model holds no more, and the plan says so', () => {
		const rate = { num: 60_000, den: 1001 };
		const wide = {
			left: span(0, 1000),
			right: span(1040, 2000),
			range: { start: 1000, end: 1040 },
		};
		const { plan } = work('fill', {
			sequence: { rate },
			context: wide,
			settings: { context: 5 },
		});
		expect(plan.context).toEqual({ left: 161, right: 168 });
		expect(plan.notes.join(' ')).toContain('At 59.94 frames per second the model sees 161 frames');
		expect(work('fill', { settings: { context: 5 } }).plan.notes).toEqual([]);
	});
});

describe('sound', () => {
	const soundOf = (kind: RequestKind, sound: readonly ClipSpan[]) =>
		work(kind, { context: { sound } }).sound;
	const music = span(0, 300, { track: 'A2' });

	it.each<[string, readonly ClipSpan[], string]>([
		['both neighbours’', [LEFT, RIGHT], 'kept outside'],
		['one neighbour’s', [RIGHT], 'kept outside'],
		['none', [], 'made'],
		['music that goes on under the gap', [music], 'made'],
		['both', [LEFT, music], 'kept outside'],
		['disabled', [{ ...LEFT, enabled: false }], 'made'],
		['offline', [{ ...LEFT, source: OFFLINE }], 'made'],
		['too far away', [span(0, 50), span(250, 300)], 'made'],
		['in the gap alone', [span(100, 140), span(110, 120)], 'made'],
		['that ends in the gap', [span(0, 110)], 'kept outside'],
	])('around a gap: %s', (_, sound, expected) => {
		expect(soundOf('fill', sound)).toBe(expected);
	});

	it('is in the clip unless the picture alone is taken again', () => {
		const samples = (kind: RequestKind, request = {}) => work(kind, { request }).plan.samples;
		for (const kind of ['fill', 'extend', 'insert', 'retake', 'soundtrack', 'animate'] as const) {
			expect(samples(kind), kind).toBe(80_000);
		}
		expect(samples('retake', { replace: 'sound' })).toBe(80_000);
		expect(samples('retake', { replace: 'picture' })).toBe(0);
	});
});

describe('notes', () => {
	const notes = (kind: RequestKind, changes: Changes = {}) => work(kind, changes).plan.notes;

	it('are none where all is as usual', () => {
		for (const kind of ['fill', 'extend', 'insert', 'retake', 'soundtrack', 'animate'] as const) {
			expect(notes(kind), kind).toEqual([]);
		}
	});

	it('tell of a side that is missing', () => {
		const other = 'so the other side alone is context.';
		expect(notes('fill', { context: { left: null } })).toEqual([
			`There is no clip beside the range, ${other}`,
		]);
		expect(notes('fill', { context: { right: { ...RIGHT, source: OFFLINE } } })).toEqual([
			`“shot 140” is offline (/gone.mov: not found), ${other}`,
		]);
		expect(notes('fill', { context: { left: { ...LEFT, enabled: false } } })).toEqual([
			`“shot 0” is disabled, ${other}`,
		]);
	});

	it('tell of passes, and of a negative prompt that has no effect', () => {
		const range = { start: 100, end: 1000 };
		const told = notes('insert', { context: { range }, request: { negativePrompt: 'rain' } });
		expect(told).toEqual([
			'Too long for one go: made in 2 passes, each from the last one’s end.',
			'A distilled model works without guidance: the negative prompt has no effect.',
		]);
	});
});

describe('refused by name', () => {
	const gone = { ...LEFT, source: OFFLINE };
	const title = { ...RIGHT, source: { kind: 'synthetic', what: 'title' } as const };
	it.each<[string, RequestKind, Changes, string, RegExp]>([
		[
			'nothing on either side',
			'fill',
			{ context: { left: null, right: null } },
			'no-neighbour',
			/no clip/,
		],
		[
			'only a title',
			'fill',
			{ context: { left: null, right: title } },
			'no-neighbour',
			/is a title/,
		],
		[
			'only offline media',
			'fill',
			{ context: { left: gone, right: null } },
			'media-offline',
			/gone\.mov/,
		],
		['no clip to extend', 'extend', { context: { left: null } }, 'no-neighbour', /no clip/],
		['an offline clip', 'retake', { request: { clip: gone } }, 'media-offline', /gone\.mov/],
		[
			'a range before its clip',
			...(['retake', { request: { clip: span(101, 200) } }, 'bad-request'] as const),
			/Expected frames of “shot 101”, 101 to 200, got 100 to 140/,
		],
		[
			'a range beyond its clip',
			...(['soundtrack', { request: { clip: span(60, 139) } }, 'bad-request'] as const),
			/60 to 139, got 100 to 140/,
		],
		[
			'a range that is too long',
			...(['insert', { context: { range: { start: 0, end: 2400 } } }, 'too-long'] as const),
			/at most 1817 frames at 24 frames per second, got 2400/,
		],
	])('%s', (_, kind, changes, code, message) => {
		expect(() => work(kind, changes)).toThrow(
			expect.objectContaining({ code, message: expect.stringMatching(message) }),
		);
	});
});

it('the length that the model chose is made, and the plan says that it is open', () => {
	const changes = { request: { length: 'model' } };
	const { range, plan } = work('insert', changes, { frames: 25 });
	expect(range).toEqual({ start: 100, end: 125 });
	expect(plan).toMatchObject({ frames: 25, openLength: true });
	expect(work('insert', changes, { frames: 1000 }).range).toEqual(GAP);
	expect(work('insert').plan).not.toHaveProperty('openLength');
});

import { readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { engineParts, parseLora, parseNumber } from '../../cli/engine-options.ts';
import { LTX2_OPTIONS } from '../../protocol/engine-options/ltx2.ts';
import type { Problem } from '../../protocol/errors.ts';
import { openWorkbench, type Workbench } from '../end-to-end/workbench.ts';

const PIXELS = LTX2_OPTIONS.find((option) => option.kind === 'pixels')!;

let bench: Workbench;
let timeline: string;
beforeAll(async () => {
	bench = await openWorkbench();
	timeline = join(bench.folder, 'cut.xml');
	await writeFile(timeline, 'not looked at');
});
afterAll(() => bench.close());

test.each([
	['style.safetensors', 'style.safetensors', 1],
	['style.safetensors:0.8', 'style.safetensors', 0.8],
	['style.safetensors:-1.5', 'style.safetensors', -1.5],
	['a:b:c.safetensors:.25', 'a:b:c.safetensors', 0.25],
	['/with space/v1:2', '/with space/v1', 2],
])('%s is a LoRA', (text, path, strength) => {
	expect(parseLora(text)).toEqual({ path: resolve(path), strength });
});

test.each(['', 'style.safetensors:5', 'style.safetensors:-4.01'])('"%s" is none', (text) => {
	expect(() => parseLora(text)).toThrow(/strength from -4 to 4/);
});

test.each([
	['768x512', 393_216],
	['768×512', 393_216],
	['393216', 393_216],
	['4096x2304', 9_437_184],
])('%s is a size', (text, pixels) => expect(parseNumber(PIXELS, text)).toBe(pixels));

test.each(['31x32', '0', '4097x2304', '768 x 512', 'x512', '1e6', '99999x99999'])(
	'"%s" is none',
	(text) => expect(() => parseNumber(PIXELS, text)).toThrow(/768x512, or 1024 to 9437184 pixels/),
);

test('what is not given is left out of the request', () => {
	expect(engineParts({ lora: [] })).toEqual({ settings: {} });
	const lora = [{ path: '/a.safetensors', strength: 0 }];
	expect(engineParts({ lora, model: '/m', steps: 8, stages: 'auto', context: 0 })).toEqual({
		loras: lora,
		settings: { model: '/m', steps: 8, stages: 'auto', context: 0 },
	});
	const reference = { path: '/clip.mov', start: { num: 3, den: 2 }, strength: 1, attention: 0.5 };
	const options = { referenceStart: { num: 3, den: 2 }, referenceAttention: 0.5 };
	expect(engineParts({ lora: [], reference: '/clip.mov', ...options }).reference).toEqual(
		reference,
	);
});

test.each([
	[['--steps', '0'], /whole number from 1 to 200/],
	[['--stages', '3'], /auto, 1, 2/],
	[['--context', 'NaN'], /from 0 to 5/],
	[['--sampler', 'heun'], /res_2s/],
	[['--lora', 'x:9'], /-4 to 4/],
	[['--reference', 'x.mov', '--reference-strength', '2'], /from 0 to 1/],
	[['--reference', 'x.mov', '--reference-start=-1'], /seconds/],
	[['--reference-attention', '1'], /--reference <file>/],
] as const)('%j is refused before anything starts', async (options, message) => {
	const args = ['fill', timeline, '--gap', '1', ...options, '--json'];
	const { code, stdout } = await bench.pickup(args);
	const { error } = JSON.parse(stdout) as { error: Problem };
	expect([code, error.code]).toEqual([2, 'usage']);
	expect(error.message).toMatch(message);
	expect(await readdir(bench.folder)).toEqual(['cut.xml']);
});

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Placement } from '../../host-bridge/host.ts';
import { kdenlive2212, kdenlive2412, type Shot, shotcut } from './mlt-documents.ts';
import { fillFile, placementOf } from './mlt-placing.ts';
import { makeShot, type Rendered, render, runs, toneLevel } from './mlt-render.ts';

const RATES = [
	{ num: 25, den: 1 },
	{ num: 30_000, den: 1001 },
] as const;
const TONES = { red: 440, blue: 880, clip: 1760 } as const;
/** ffmpeg's sine is 1/8 of full scale, and 3 dB less in each channel when mono becomes stereo. */
const HEARD = -21.07;

let folder: string;
let shots: readonly Shot[];
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup melt é-'));
	for (const { num, den } of RATES) {
		const rate = `${num}/${den}`;
		await makeShot(join(folder, `red ${num}.mov`), 'red', TONES.red, 25, rate);
		await makeShot(join(folder, `blue ${num}.mov`), 'blue', TONES.blue, 25, rate);
		await makeShot(join(folder, `new & ${num}.mov`), 'lime', TONES.clip, 15, rate);
	}
	shots = shotsAt(RATES[0]);
});
afterAll(() => rm(folder, { recursive: true }));

function shotsAt({ num }: { readonly num: number }): readonly Shot[] {
	return [
		{ path: `red ${num}.mov`, name: 'red', start: 0, frames: 25 },
		{ path: join(folder, `blue ${num}.mov`), name: 'blue', start: 40, frames: 25 },
	];
}

async function place(
	name: string,
	text: string,
	start: number,
	end: number,
	given: Partial<Placement> = {},
): Promise<Rendered> {
	const file = join(folder, name);
	await writeFile(file, text);
	const filled = await fillFile(file, (cut) => {
		const path = join(folder, `new & ${cut.sequence.rate.num}.mov`);
		return placementOf(cut, start, end, { path, ...given });
	});
	expect(filled.report.verified).toBe(true);
	return render(filled.output, filled.after.sequence.duration - 1);
}

function levels({ sound }: Rendered, start: number, end: number, fps = 25): readonly number[] {
	return Object.values(TONES).map((hertz) => {
		const level = toneLevel(sound, hertz, { start, end }, fps);
		return level < -60 ? Number.NEGATIVE_INFINITY : level;
	});
}

/** Red, blue and the clip's tone: heard at its own level, or not at all. */
function expectHeard(
	rendered: Rendered,
	range: readonly [number, number],
	heard: string,
	fps = 25,
) {
	const found = levels(rendered, range[0], range[1], fps);
	const wanted = ['red', 'blue', 'clip'].map((name) => heard.split(' ').includes(name));
	for (const [index, level] of found.entries()) {
		const expected = wanted[index] ? HEARD : Number.NEGATIVE_INFINITY;
		const said = `${Object.keys(TONES)[index]} in frames ${range.join('–')}: ${level} dB`;
		if (wanted[index]) expect(Math.abs(level - expected), said).toBeLessThan(0.5);
		else expect(level, said).toBe(expected);
	}
}

describe.each(RATES)('a filled gap at $num/$den', (rate) => {
	const fps = rate.num / rate.den;
	test.each([
		['k22.kdenlive', kdenlive2212, { padding: 100 }],
		['k22 frames.kdenlive', kdenlive2212, { times: 'frames' }],
		['k24.kdenlive', kdenlive2412, { chains: true }],
		['shotcut.mlt', shotcut, {}],
	] as const)(
		'%s is exact at both joins, with sound in the gap alone',
		async (name, write, options) => {
			const text = write({ shots: shotsAt(rate), rate, root: folder, ...options });
			const rendered = await place(`${rate.num} ${name}`, text, 25, 40);
			expect(runs(rendered.colours)).toBe('R×25 G×15 B×25');
			expectHeard(rendered, [0, 25], 'red', fps);
			expectHeard(rendered, [25, 40], 'clip', fps);
			expectHeard(rendered, [40, 65], 'blue', fps);
		},
	);
});

test('what melt itself writes, with CRLF', async () => {
	const file = join(folder, 'plain.mlt');
	const options = { cwd: folder, env: { ...process.env, QT_QPA_PLATFORM: 'offscreen' } };
	const arguments_ = 'red 25.mov|in=0|out=24|-blank|14|blue 25.mov|in=0|out=24'.split('|');
	await promisify(execFile)('melt', [...arguments_, '-consumer', `xml:${file}`], options);
	const { readFile } = await import('node:fs/promises');
	const text = (await readFile(file, 'utf8')).replaceAll('\n', '\r\n');
	const rendered = await place('plain crlf.mlt', text, 25, 40);
	expect(runs(rendered.colours)).toBe('R×25 G×15 B×25');
	expectHeard(rendered, [0, 25], 'red');
	expectHeard(rendered, [25, 40], 'clip');
	expectHeard(rendered, [40, 65], 'blue');
});

test.each([
	['k22', kdenlive2212],
	['k24', kdenlive2412],
	['shotcut', shotcut],
] as const)('%s: a take above hides the source and leaves it untouched', async (name, write) => {
	const text = write({ shots, root: folder, padding: 10 });
	const rendered = await place(`above ${name}.mlt`, text, 5, 20, { where: 'above' });
	expect(runs(rendered.colours)).toBe('R×5 G×15 R×5 K×15 B×25');
	expectHeard(rendered, [0, 5], 'red');
	expectHeard(rendered, [5, 20], 'red clip');
	expectHeard(rendered, [40, 65], 'blue');
});

test.each([
	['k22', kdenlive2212],
	['k24', kdenlive2412],
	['shotcut', shotcut],
] as const)(
	'%s: beyond the end there is black, then the clip to its last frame',
	async (name, write) => {
		const rendered = await place(`tail ${name}.mlt`, write({ shots, root: folder }), 70, 85);
		expect(runs(rendered.colours)).toBe('R×25 K×15 B×25 K×5 G×15');
		expectHeard(rendered, [70, 85], 'clip');
	},
);

test.each([
	['k22', kdenlive2212],
	['k24', kdenlive2412],
	['shotcut', shotcut],
] as const)('%s: with every audio track taken nobody’s sound is lost', async (name, write) => {
	const voice = [{ path: 'red 25.mov', name: 'voice', start: 25, frames: 15 }];
	const music = [{ path: 'blue 25.mov', name: 'music', start: 25, frames: 15 }];
	const text = write({ shots, root: folder, otherSound: [voice, music] });
	const rendered = await place(`taken ${name}.mlt`, text, 25, 40);
	expect(runs(rendered.colours)).toBe('R×25 G×15 B×25');
	expectHeard(rendered, [0, 25], 'red');
	expectHeard(rendered, [25, 40], name === 'shotcut' ? 'red clip' : 'red blue clip');
	expectHeard(rendered, [40, 65], 'blue');
});

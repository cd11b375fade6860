import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTimeline } from '../../host-bridge/timeline-file/host.ts';
import { PickupError } from '../../protocol/errors.ts';
import { tries } from '../tries.ts';
import { placementOf } from './cuts.ts';
import { clip, sequence, speed, transition, xmeml } from './xmeml.ts';

const ROUNDS = tries(200, 10_000);

let folder = '';
beforeAll(async () => {
	folder = await mkdtemp(path.join(tmpdir(), 'pickup-mutated-'));
	await writeFile(path.join(folder, 'made.mov'), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const nest = sequence({ id: 'nest', video: [[clip(0, 100)]] });
const small = xmeml(
	sequence({
		video: [
			[
				clip(0, -1, { out: 50, more: speed({ speed: 50 }) }),
				transition(40, 50, 'end'),
				clip(75, 100),
			],
			[clip(10, 20, { media: nest }), clip(30, 40, { media: '<sequence id="nest"/>' })],
		],
		audio: [[clip(0, 60)], []],
	}),
);

test(`${ROUNDS} mutated timelines give an error that names what is wrong, or a timeline that is whole`, async () => {
	const sample = path.resolve(import.meta.dirname, '../samples/timelines/premiere_example.xml');
	const sources = [small, await readFile(sample, 'utf8')];
	const random = generator(20_261_122);
	const outcomes = { refused: 0, filled: 0, full: 0 };
	for (let round = 0; round < ROUNDS; round++) {
		const text = mutated(sources[round % 8 === 0 ? 1 : 0] ?? '', random);
		const outcome = await tried(text, round);
		outcomes[outcome]++;
	}
	// Both ends must be reached, or the mutations show nothing.
	expect(outcomes.refused).toBeGreaterThan(ROUNDS / 5);
	expect(outcomes.filled).toBeGreaterThan(ROUNDS / 10);
	expect((await readdir(folder)).filter((name) => name.includes('.part'))).toEqual([]);
});

async function tried(text: string, round: number): Promise<'refused' | 'filled' | 'full'> {
	const file = path.join(folder, `${round}.xml`);
	await writeFile(file, text);
	try {
		const host = await openTimeline(file);
		const gap = (await host.gaps())[0];
		if (!gap) return 'full';
		const { rate } = (await host.cut()).sequence;
		const end = Math.min(gap.end ?? Number.POSITIVE_INFINITY, gap.start + 10);
		const made = { path: path.join(folder, 'made.mov'), rate };
		const range = { start: gap.start, end };
		await host.readContext(gap.track, range);
		await host.place([placementOf(range, { track: gap.track, clip: made })]);
		// Media may be named by their place beside it.
		const saved = await host.save(folder, { name: `${round} filled.xml` });
		const again = await openTimeline(saved.path);
		expect(await again.cut()).toEqual(await host.cut());
		return 'filled';
	} catch (error) {
		if (!(error instanceof PickupError)) throw error;
		expect(error.message).toMatch(/.{15}/);
		expect([error.code, text.length > 0]).not.toContain('internal');
		return 'refused';
	}
}

function mutated(text: string, random: (below: number) => number): string {
	let result = text;
	for (let left = 1 + random(3); left > 0; left--) {
		const values = [...result.matchAll(/>([^<>]+)<\//g)];
		const value = values[random(values.length)];
		const at = (value?.index ?? 0) + 1;
		const length = value?.[1]?.length ?? 0;
		const put = (from: number, to: number, by: string) =>
			result.slice(0, from) + by + result.slice(to);
		const place = random(result.length);
		result =
			[
				() => put(at, at + length, ODD[random(ODD.length)] ?? ''),
				() => put(at, at + length, ODD[random(ODD.length)] ?? ''),
				() => put(place, place + 1, ''),
				() => put(place, place, '<>&"\u0000é\uffff]'[random(8)] ?? ''),
				() => put(place, place + random(400), ''),
				() => put(place, place, result.slice(place, place + random(400))),
				() => result.slice(0, place),
				() => result.replace(/<\/clipitem>/, '</clipitem><transitionitem/>'),
			][random(8)]?.() ?? result;
	}
	return result;
}

const ODD = [
	'',
	'-1',
	'-2',
	'0',
	'1',
	'49',
	'99999999',
	'9007199254740991',
	'9007199254740993',
	'1e9',
	'NaN',
	'0x10',
	'25.5',
	'TRUE',
	'FALSE',
	'é🎬',
	'file://localhost/C%3a/a.mov',
	'http://example.com/a.mov',
	'x'.repeat(10_000),
];

/** Numbers that are the same in every run (mulberry32). */
function generator(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below) | 0;
	};
}

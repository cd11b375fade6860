import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fcp7Xml, kdenlive, otio } from '../../demo/timelines.ts';
import { findGaps } from '../../host-bridge/gap.ts';
import type { Placement } from '../../host-bridge/host.ts';
import { planPlacement } from '../../host-bridge/placement.ts';
import type { TimelineEdit } from '../../host-bridge/timeline-file/edit.ts';
import { loadTimeline } from '../../host-bridge/timeline-file/load.ts';
import type { Cut } from '../../protocol/timeline.ts';
import { placementOf } from './cuts.ts';
import { CUT } from './gap-cut.ts';
import { kdenlive2212, kdenlive2412, shotcut } from './mlt-documents.ts';

const SAMPLES = path.resolve(import.meta.dirname, '../samples/timelines');
let folder = '';
const takes: string[] = [];
beforeAll(async () => {
	folder = await mkdtemp(path.join(tmpdir(), 'pickup-change-'));
	for (const name of ['one – “é” -- & 1.mov', 'two.mov', 'three.mov']) {
		takes.push(path.join(folder, name));
		await writeFile(path.join(folder, name), '');
	}
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Everything but the names of tracks' clips that a take is called by. */
function whereClipsStand({ tracks }: Cut): unknown {
	return tracks.map(({ name, clips }) => [
		name,
		clips.map(({ range, source, enabled }) => [range, source, enabled]),
	]);
}

function placed(edit: TimelineEdit, take: number, change: Partial<Omit<Placement, 'clip'>> = {}) {
	const { rate } = edit.cut.sequence;
	const gap = findGaps(edit.cut).find(({ kind }) => kind === 'gap');
	const range = change.range ?? { start: gap?.start ?? 0, end: gap?.end ?? 25 };
	const placement = placementOf(range, {
		...change,
		...(gap ? { track: gap.track } : {}),
		name: `Take ${take + 1}`,
		clip: { path: takes[take]!, rate, engine: 'inbetween', draft: take === 0 },
	});
	const plan = planPlacement(edit.cut, placement);
	edit.all(() => edit.place(placement, plan));
	const names = [plan.video, plan.audio, plan.audioRight].flatMap((each) =>
		each ? [each.name] : [],
	);
	return { placement, standing: names.map((track) => ({ track, range })) };
}

const SHOTS = {
	shots: CUT.clips.map((clip) => ({ ...clip, name: `shot ${clip.name}` })),
	rate: CUT.rate,
};

/** Each with what a person does who has the first take begin five frames later in its file. */
const WRITTEN: readonly (readonly [string, string, (text: string) => string])[] = [
	['cut.xml', fcp7Xml(CUT), slippedXmeml],
	['cut.otio', otio(CUT), slippedOtio],
	['cut.kdenlive', kdenlive(CUT), slippedMlt],
	['cut 22.12.kdenlive', kdenlive2212(SHOTS), slippedMlt],
	['cut 24.12.kdenlive', kdenlive2412(SHOTS), slippedMlt],
	['shotcut.mlt', shotcut(SHOTS), slippedMlt],
];

function slippedXmeml(text: string): string {
	return text.replaceAll(
		/(<start>50<\/start>\s*<end>75<\/end>\s*)<in>0<\/in>(\s*)<out>25<\/out>/g,
		'$1<in>5</in>$2<out>30</out>',
	);
}

function slippedOtio(text: string): string {
	return text.replaceAll(
		/("name":\s*"Take 1",\s*"source_range":.*?"start_time":.*?"value":\s*)0/gs,
		(_, before) => `${before}5`,
	);
}

function slippedMlt(text: string): string {
	return text
		.replaceAll(/(<entry producer="pickup\d+") in="0" out="24"/g, '$1 in="5" out="29"')
		.replaceAll(/(<(?:producer|chain) id="pickup\d+".*?>)25</gs, '$1100<');
}

describe.each(WRITTEN)('In %s', (name, original, slipped) => {
	async function open(text = original): Promise<TimelineEdit> {
		const file = path.join(folder, name);
		await writeFile(file, text);
		return (await loadTimeline(file)).edit;
	}

	test('a clip that is removed leaves the gap as it was', async () => {
		const edit = await open();
		const before = edit.cut;
		const { standing } = placed(edit, 0);
		edit.all(() => {
			for (const each of standing) edit.remove(each);
		});
		expect(whereClipsStand(edit.cut)).toEqual(whereClipsStand(before));
		expect(edit.text).not.toContain('Take 1</name>');
		placed(edit, 1);
	});

	test('a take that a person has slipped in the editor stays slipped when another is used', async () => {
		const first = await open();
		const { standing, placement } = placed(first, 0);
		const edit = await open(slipped(first.text));
		const before = edit.cut;
		const next = { ...placement, clip: { ...placement.clip, path: takes[1]! }, name: 'Take 2' };
		edit.all(() => {
			for (const each of standing) edit.swap(each, next);
		});
		for (const { track } of standing) {
			const clips = (cut: Cut) => cut.tracks.find((each) => each.name === track)?.clips ?? [];
			const [old, now] = [before, edit.cut].map((cut) =>
				clips(cut).find(({ range }) => range.start === 50),
			);
			expect(old).toMatchObject({ sourceIn: { num: 1, den: 5 } });
			expect(now).toEqual({ ...old, name: 'Take 2', source: { kind: 'file', path: takes[1] } });
		}
	});

	test('other takes play in a clip’s place, as often as one likes', async () => {
		const edit = await open();
		const { standing, placement } = placed(edit, 0);
		const above = placed(edit, 1, { where: 'above', enabled: false, range: placement.range });
		const before = edit.cut;
		for (const take of [1, 2, 0, 1]) {
			const next = { ...placement, name: `Take ${take + 1}` };
			const media = { ...next, clip: { ...next.clip, path: takes[take]!, draft: take === 0 } };
			edit.all(() => {
				for (const each of standing) edit.swap(each, media);
			});
			for (const { track, range } of standing) {
				const now = edit.cut.tracks.find((each) => each.name === track)?.clips;
				const old = before.tracks.find((each) => each.name === track)?.clips;
				const source = { kind: 'file', path: takes[take] };
				expect(now).toEqual(
					old?.map((clip) =>
						clip.range.start === range.start ? { ...clip, name: next.name, source } : clip,
					),
				);
			}
		}
		// The one above went on playing its own file, which it shares with the clip now.
		edit.all(() => {
			for (const each of standing) edit.remove(each);
		});
		for (const { track } of above.standing) {
			const clips = edit.cut.tracks.find((each) => each.name === track)?.clips;
			expect(clips).toMatchObject([{ source: { path: takes[1] }, enabled: false }]);
		}
	});
});

describe('In every sample', async () => {
	const withTracks = (await readdir(SAMPLES)).filter((name) => name !== 'sample_just_track.xml');
	test.each(withTracks)('%s', async (name) => {
		const file = path.join(folder, name);
		await writeFile(file, await readFile(path.join(SAMPLES, name)));
		const { edit } = await loadTimeline(file);
		const before = edit.cut;
		const end = Math.max(...before.tracks.flatMap(({ clips }) => clips.at(-1)?.range.end ?? 0));
		const range = { start: end + 5, end: end + 30 };
		const { standing, placement } = placed(edit, 0, { range });
		const next = { ...placement, clip: { ...placement.clip, path: takes[1]! }, name: 'Take 2' };
		edit.all(() => {
			for (const each of standing) edit.swap(each, next);
		});
		edit.all(() => {
			for (const each of standing) edit.remove(each);
		});
		const names = before.tracks.map((track) => track.name);
		const now = {
			...edit.cut,
			tracks: edit.cut.tracks.filter((each) => names.includes(each.name)),
		};
		expect(whereClipsStand(now)).toEqual(whereClipsStand(before));
	});
});

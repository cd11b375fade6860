import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { OPEN_GATE } from '../../inference-daemon/engines/gate.ts';
import { inbetween } from '../../inference-daemon/engines/inbetween/engine.ts';
import { planDraft } from '../../inference-daemon/engines/inbetween/plan.ts';
import { readPictures } from '../../inference-daemon/engines/ltx2/condition/read-window.ts';
import { planOf, workFor } from '../../inference-daemon/engines/ltx2/plan/plan.ts';
import { settingsIn } from '../../inference-daemon/engines/ltx2/plan/settings.ts';
import type { Colour } from '../../inference-daemon/media/colour.ts';
import { readFrames } from '../../inference-daemon/media/frames.ts';
import { type Codec, codecSchema } from '../../protocol/generation.ts';
import type { Clip } from '../../protocol/jobs.ts';
import { ONE, ZERO } from '../../protocol/time.ts';
import type { ClipSpan, TimelineContext } from '../../protocol/timeline.ts';
import { ffmpeg, ffprobe, run } from '../media/media-files.ts';
import { openFolder } from '../media/tones.ts';
import { context, request, span } from '../requests.ts';

const { signal } = new AbortController();
const { folder, close } = await openFolder();
afterAll(close);

const SIZE = { width: 256, height: 120 };
const TAGS = {
	PQ: ['bt2020', 'smpte2084', 'bt2020nc'],
	HLG: ['bt2020', 'arib-std-b67', 'bt2020nc'],
	'BT.2020': ['bt2020', 'bt2020-10', 'bt2020nc'],
	P3: ['smpte432', 'iec61966-2-1', 'bt709'],
	SD: ['smpte170m', 'smpte170m', 'smpte170m'],
	'BT.709': ['bt709', 'bt709', 'bt709'],
} as const;
type Kind = keyof typeof TAGS;

/** A second of one 10-bit value of grey, tagged as it is said. */
async function film(kind: Kind, grey: number): Promise<string> {
	const path = join(folder, `${kind} ${grey}.mov`);
	const [primaries, transfer, matrix] = TAGS[kind];
	await run(ffmpeg.path, [
		...['-v', 'error', '-y', '-f', 'lavfi'],
		...['-i', `color=black:s=256x120:r=24:d=1,format=yuv422p10le,geq=lum=${grey}:cb=512:cr=512`],
		...[
			'-vf',
			`setparams=range=tv:color_primaries=${primaries}:color_trc=${transfer}:colorspace=${matrix}`,
		],
		...['-c:v', 'prores_ks', '-profile:v', '3', '-movflags', '+write_colr'],
		...['-color_primaries', primaries, '-color_trc', transfer, '-colorspace', matrix, path],
	]);
	return path;
}

function cutOf(left: string | ClipSpan, right: string | ClipSpan): TimelineContext {
	const at = (range: [number, number], one: string | ClipSpan) =>
		typeof one === 'string'
			? span(range, one, { name: one.split('/').at(-1)! })
			: { ...one, range: { start: range[0], end: range[1] } };
	const inside = context({
		range: { start: 12, end: 20 },
		left: at([0, 12], left),
		right: at([20, 30], right),
	});
	return { ...inside, sequence: { ...inside.sequence, size: SIZE } };
}

async function draft(cut: TimelineContext, codec: Codec = 'prores-422-hq'): Promise<Clip> {
	const wanted = request('fill', cut, { settings: { label: false } }, codec);
	const clipPath = join(folder, `${wanted.id}.mov`);
	const workplace = { ffmpeg, folder, cache: folder, unfinished: folder, clipPath };
	return inbetween.generate(wanted, workplace, { report: () => {}, signal, gate: OPEN_GATE });
}

async function plannedNotes(cut: TimelineContext, program = ffmpeg): Promise<readonly string[]> {
	const place = { ffmpeg: program, cache: folder };
	return (await inbetween.plan(request('fill', cut, {}), place)).notes;
}

/** Tags, and the value of grey in 10 bits at the start and at the end, as a reader of its own has them. */
async function found(path: string) {
	const entries = 'stream=color_primaries,color_transfer,color_space';
	const { streams } = (await ffprobe(['-select_streams', 'v', '-show_entries', entries], path)) as {
		streams: { color_primaries: string; color_transfer: string; color_space: string }[];
	};
	const { color_primaries, color_transfer, color_space } = streams[0]!;
	const raw = join(folder, 'raw.yuv');
	await run(ffmpeg.path, [
		'-v',
		'error',
		'-y',
		'-i',
		path,
		'-pix_fmt',
		'yuv422p10le',
		'-f',
		'rawvideo',
		raw,
	]);
	const data = await readFile(raw);
	const middle = (256 * 60 + 128) * 2;
	const last = data.length - 256 * 120 * 4 + middle;
	return {
		tags: [color_primaries, color_transfer, color_space],
		grey: [data.readUInt16LE(middle), data.readUInt16LE(last)],
	};
}

it('A clip that goes on after its file has ended is said to, in the plan and of the clip', async () => {
	const path = await film('BT.709', 300);
	const whole = await plannedNotes(cutOf(path, path));
	expect(whole.join()).not.toContain('ends before');
	// The film lasts 24 frames; the clip wants those from 20 to 32.
	const late = span([0, 12], path, { name: 'late', sourceIn: { num: 20, den: 24 } });
	const cut = cutOf(late, path);
	const note = expect.stringContaining('The file of “late” ends before the clip does');
	expect(await plannedNotes(cut)).toContainEqual(note);
	expect((await draft(cut)).notes).toContainEqual(note);
});

describe('between two clips of one colour', () => {
	it.each(['PQ', 'HLG', 'BT.2020'] as const)(
		'of %s a draft has their tags and their values',
		async (kind) => {
			const path = await film(kind, 640);
			for (const codec of codecSchema.options) {
				const clip = await draft(cutOf(path, path), codec);
				const { tags, grey } = await found(clip.path);
				expect(tags).toEqual(TAGS[kind]);
				for (const value of grey) expect(Math.abs(value - 640)).toBeLessThanOrEqual(4);
				const name = kind === 'BT.2020' ? kind : `BT.2020 ${kind}`;
				expect(clip.notes?.[0]).toBe(`The clip is in ${name}, as it is beside it.`);
				expect(clip.notes?.some((note) => note.includes('8 bits'))).toBe(codec === 'h264-intra');
			}
		},
	);

	it('of P3 a draft keeps primaries and transfer', async () => {
		const path = await film('P3', 500);
		const { tags, grey } = await found((await draft(cutOf(path, path))).path);
		expect(tags).toEqual(TAGS.P3);
		for (const value of grey) expect(Math.abs(value - 500)).toBeLessThanOrEqual(2);
	});

	it.each(['SD', 'BT.709'] as const)(
		'of %s nothing is said, and the tags are BT.709’s',
		async (kind) => {
			const path = await film(kind, 500);
			const clip = await draft(cutOf(path, path));
			expect((await found(clip.path)).tags).toEqual(TAGS['BT.709']);
			expect(clip.notes).toBeUndefined();
		},
	);
});

describe('between clips of two colours', () => {
	// ITU-R BT.2408: diffuse white, 940, is 203 cd/m²: 58 % of PQ and 75 % of HLG.
	it.each([
		['PQ', 573],
		['HLG', 721],
	] as const)('BT.709 becomes %s, and plan and clip say so', async (kind, white) => {
		const [wide, plain] = [await film(kind, 400), await film('BT.709', 940)];
		const clip = await draft(cutOf(wide, plain));
		expect(await plannedNotes(cutOf(wide, plain))).toEqual(
			expect.arrayContaining([...clip.notes!]),
		);
		const { tags, grey } = await found(clip.path);
		expect(tags).toEqual(TAGS[kind]);
		expect(Math.abs(grey[0]! - 400)).toBeLessThan(60);
		expect(Math.abs(grey[1]! - white)).toBeLessThan(60);
		expect(clip.notes).toEqual([
			`The clip is in BT.2020 ${kind}, as it is beside it.`,
			`“BT.709 940.mov” is converted from BT.709 to BT.2020 ${kind}.`,
		]);
		const colour: Colour = { primaries: 'bt2020', transfer: TAGS[kind][1] };
		const wanted = { path: plain, at: [ZERO], size: SIZE, pixelAspect: ONE, colour };
		const [frame] = await readFrames(ffmpeg, { ...wanted, format: 'yuv422p10le' });
		const value = Buffer.from(frame!.data).readUInt16LE(2000);
		expect(Math.abs(value - white)).toBeLessThanOrEqual(2);
	});

	it('a plan refuses it where ffmpeg has no zscale', async () => {
		const path = join(folder, 'ffmpeg without zscale');
		const real = `"${ffmpeg.path}" "$@"`;
		const script = `#!/bin/sh\ncase "$*" in *-filters*) ${real} | grep -v zscale;; *) exec ${real};; esac\n`;
		await writeFile(path, script, { mode: 0o755 });
		const [wide, plain] = [await film('HLG', 400), await film('BT.709', 940)];
		const plan = plannedNotes(cutOf(plain, wide), { ...ffmpeg, path });
		await expect(plan).rejects.toMatchObject({
			code: 'ffmpeg-missing',
			message: `Expected an ffmpeg that was built with zscale (libzimg), to convert the colour of ${plain}`,
		});
		await expect(plannedNotes(cutOf(wide, wide), { ...ffmpeg, path })).resolves.toContain(
			'The clip is in BT.2020 HLG, as it is beside it.',
		);
	});

	it('what is shown of PQ elsewhere is brought to BT.709', async () => {
		const path = await film('PQ', 573);
		const wanted = { path, at: [ZERO], size: SIZE, pixelAspect: ONE, format: 'rgb24' } as const;
		const [frame] = await readFrames(ffmpeg, wanted);
		expect(Math.min(...frame!.data)).toBeGreaterThan(250);
	});
});

/** What is seen through is lime in the palette. */
const PALETTE = ',split[a][b];[a]palettegen[p];[b][p]paletteuse';
/** Eight pixels square of red in inks: cyan, magenta, yellow and black. */
const INKS =
	'/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwANCQoLCggNCwoLDg4NDxMgFRMSEhMnHB4XIC4pMTAuKS0sMzpKPjM2RjcsLUBX' +
	'QUZMTlJTUjI+WmFaUGBKUVJP/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EABQAAQAAAAAAAAAAAAAAAAAAAAf/xAAUEAEA' +
	'AAAAAAAAAAAAAAAAAAAA/9oADgRDAE0AWQBLAAA/AE4YDAnP/9k=';
const VPX = ['-pix_fmt', 'yuva420p', '-auto-alt-ref', '0', '-b:v', '2M', '-c:v'];

describe('a clip that lets through what is under it', () => {
	/** The left half red, the right half a green that nobody sees. */
	async function hidden(name: string, options: readonly string[], then = ''): Promise<string> {
		const path = join(folder, name);
		const half = (left: number, right: number) => `if(lt(X,128),${left},${right})`;
		await run(ffmpeg.path, [
			...['-v', 'error', '-y', '-f', 'lavfi', '-i', 'color=black:s=256x120:r=24:d=1,format=gbrap'],
			...['-vf', `geq=r='${half(200, 0)}':g='${half(0, 200)}':b=0:a='${half(255, 0)}'${then}`],
			...[...options, path],
		]);
		return path;
	}

	it.each([
		[
			'ProRes 4444',
			'a.mov',
			['-c:v', 'prores_ks', '-profile:v', '4444', '-pix_fmt', 'yuva444p10le'],
		],
		['Animation', 'b.mov', ['-c:v', 'qtrle', '-pix_fmt', 'argb']],
		['PNG in MOV', 'c.mov', ['-c:v', 'png', '-pix_fmt', 'rgba']],
		['PNG of 16 bits', 'd.png', ['-pix_fmt', 'rgba64be', '-frames:v', '1']],
		['a palette in PNG', 'e.png', ['-pix_fmt', 'pal8', '-frames:v', '1'], PALETTE],
		['a palette in GIF', 'f.gif', [], PALETTE],
		['VP9', 'h.webm', [...VPX, 'libvpx-vp9']],
		['VP8', 'i.webm', [...VPX, 'libvpx']],
	])('%s stands on black', async (_, name, options, then = '') => {
		const path = await hidden(name, options, then);
		const wanted = { path, at: [ZERO], size: SIZE, pixelAspect: ONE, format: 'rgb24' } as const;
		const [frame] = await readFrames(ffmpeg, wanted);
		const at = (x: number) => [...frame!.data.subarray((60 * 256 + x) * 3, (60 * 256 + x) * 3 + 3)];
		expect(at(64)[0]).toBeGreaterThan(190);
		expect(at(192).every((value) => value < 4)).toBe(true);
	});

	it('a draft and its plan say so', async () => {
		const path = await hidden('g.mov', ['-c:v', 'qtrle', '-pix_fmt', 'argb']);
		const clip = await draft(cutOf(path, path));
		const note = '“g.mov” has an alpha channel: what would show through it is black here.';
		expect(clip.notes).toEqual([note]);
		expect(await plannedNotes(cutOf(path, path))).toContain(note);
	});

	it('inks are not taken for it', async () => {
		const path = join(folder, 'inks.jpg');
		await writeFile(path, Buffer.from(INKS, 'base64'));
		const wanted = { path, at: [ZERO], size: SIZE, pixelAspect: ONE, format: 'rgb24' } as const;
		const [frame] = await readFrames(ffmpeg, wanted);
		const [red, green, blue] = frame!.data.subarray((60 * 256 + 128) * 3);
		expect([red! > 245, green! < 10, blue! < 10]).toEqual([true, true, true]);
		expect(await plannedNotes(cutOf(path, path))).not.toContainEqual(
			expect.stringContaining('alpha'),
		);
	});

	it('a plan says where ffmpeg has no decoder that gives alpha', async () => {
		const path = await hidden('j.webm', [...VPX, 'libvpx-vp9']);
		const cut = cutOf(path, path);
		const note = '“j.webm” has an alpha channel';
		expect(await plannedNotes(cut)).toContain(`${note}: what would show through it is black here.`);
		const program = join(folder, 'ffmpeg without libvpx');
		const script = `#!/bin/sh\nfor a; do [ "$a" != libvpx-vp9 ] || { echo "[fatal] Unknown decoder '$a'" >&2; exit 1; }; done\n`;
		await writeFile(program, `${script}exec "${ffmpeg.path}" "$@"\n`, { mode: 0o755 });
		expect(await plannedNotes(cut, { ...ffmpeg, path: program })).toContain(
			`${note} that this ffmpeg does not decode: colours that it hides are seen here.`,
		);
	});
});

it('sound that nothing here can decode is told of', async () => {
	const path = join(folder, 'unheard.mov');
	const inputs = ['testsrc2=s=256x120:r=24:d=1', 'sine=d=1:sample_rate=48000'];
	await run(ffmpeg.path, [
		...['-v', 'error', ...inputs.flatMap((source) => ['-f', 'lavfi', '-i', source])],
		...['-c:v', 'libx264', '-c:a', 'pcm_s16le', path],
	]);
	// QDesign Music 2, of which no header is there.
	const bytes = await readFile(path);
	bytes.write('QDM2', bytes.indexOf('sowt'));
	await writeFile(path, bytes);
	const cut = cutOf(path, path);
	const sound = [cut.left!, cut.right!].map((one) => ({ ...one, track: 'A1' }));
	expect((await draft({ ...cut, sound })).notes).toEqual([
		'The sound of “unheard.mov” cannot be decoded here, so it is taken for silent.',
	]);
});

describe('what the cut does to a neighbour', () => {
	it('is told in the plan of either engine', () => {
		const left = span([0, 12], '/a.mov', { name: 'a.mov', effects: ['Scale', 'Crop'] });
		const cut = cutOf(left, '/b.mov');
		const music = span([0, 12], '/a.wav', { name: 'a.wav', track: 'A1', effects: ['Reverb'] });
		const wanted = request('fill', { ...cut, sound: [music] }, {});
		const notes = [
			'“a.mov” is seen as in the file, without the cut’s effects: Scale, Crop.',
			'“a.wav” is heard as in the file, without the cut’s effects: Reverb.',
		];
		expect(planDraft(wanted).notes).toEqual(expect.arrayContaining(notes));
		const large = { ...wanted, settings: { model: folder } };
		const work = workFor(large, settingsIn(large), { stages: 1, referenceScale: 1 });
		expect(planOf(large, work, { steps: 8, model: { distilled: true, notes: [] } }).notes).toEqual(
			expect.arrayContaining(notes),
		);
	});
});

it('LTX-2 sees a neighbour of another colour as its clip will have it', async () => {
	const [wide, plain] = [await film('PQ', 573), await film('BT.709', 940)];
	const wanted = {
		...request('fill', cutOf(wide, plain), {}),
		settings: { model: folder, context: 0.3, pixels: 64 * 64 },
	};
	const work = workFor(wanted, settingsIn(wanted), { stages: 1, referenceScale: 1 });
	const source = { ffmpeg, request: wanted, work, pass: work.passes[0]!, previous: null, signal };
	const { pixels, firstRight } = await readPictures(source, work.sizes[0]!);
	const [left, right] = [pixels.data[0]!, firstRight!.data[0]!].map(Number);
	expect(Math.abs(left! - right!)).toBeLessThanOrEqual(2);
});

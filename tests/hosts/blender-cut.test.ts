import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../demo/ffmpeg.ts';
import {
	type FrameRange,
	type FrameRate,
	floor,
	multiply,
	rational,
	round,
	toNumber,
} from '../../protocol/time.ts';
import { type ClipSpan, type Cut, sourceTime } from '../../protocol/timeline.ts';
import { makeNumberedShot, readNumber, samplesOf } from '../end-to-end/numbered.ts';
import { bytesOf } from '../end-to-end/workbench.ts';
import { type AgentDaemon, openAgentDaemon } from '../fakes/agent-daemon.ts';
import { type Blender, endAllBlenders, startBlender, type Which } from './blender.ts';

/** Frames a second of the files, by name. */
const RATES: Readonly<Record<string, FrameRate>> = {
	'24': { num: 24, den: 1 },
	'25': { num: 25, den: 1 },
	'50': { num: 50, den: 1 },
	'23.976': { num: 24_000, den: 1001 },
	'59.94': { num: 60_000, den: 1001 },
};
const FRAMES = 100;

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'pickup blender '));
	const tone = { hertz: 440, level: 0.3 };
	for (const [name, rate] of Object.entries(RATES)) {
		await makeNumberedShot(file(name), rate, 0, FRAMES, tone);
	}
	await makeRamp('ramp', 2);
	await makeRamp('mono', 1);
	await makeOldFile();
});
afterAll(async () => {
	await endAllBlenders();
	await rm(folder, { recursive: true, force: true });
});

function file(name: string): string {
	return join(folder, `${name}.mov`);
}

describe.each<Which>(['window', 'module'])('Blender (%s)', (which) => {
	let daemon: AgentDaemon;
	let blender: Blender;
	beforeAll(async () => {
		daemon = await openAgentDaemon();
		blender = await startBlender(which, { state: daemon.state, home: join(folder, which) });
		await blender.run(`media = ${text(folder)}`);
	});
	afterAll(async () => {
		await blender.kill();
		await daemon.close();
	});

	async function cutOf(code: string): Promise<Cut> {
		await blender.run(`fresh()\n${code}`);
		return readCut();
	}

	async function readCut(): Promise<Cut> {
		return (await daemon.ask('agent.cut', await daemon.where())).cut;
	}

	/** The number of the file's frame that Blender itself renders. */
	async function rendered(frame: number): Promise<number> {
		const path = join(folder, `grab-${which}.png`);
		await rm(path, { force: true });
		await daemon.ask('agent.frame', { ...(await daemon.where()), frame, path });
		const grey = ['-v', 'error', '-i', path, '-pix_fmt', 'gray', '-f', 'rawvideo', '-'];
		return readNumber(await bytesOf('ffmpeg', grey));
	}

	/** Every few frames of a clip are those of its file that the cut says. */
	async function expectTrue(cut: Cut, clip: ClipSpan, rate: FrameRate): Promise<void> {
		const { start, end } = clip.range;
		const step = Math.max(1, Math.floor((end - start) / 7));
		const seen: number[] = [];
		const said: number[] = [];
		for (let frame = start; frame < end; frame += step) {
			const time = sourceTime(clip, rational(frame), cut.sequence.rate);
			const at = multiply(time, rate);
			const shown = await rendered(frame);
			// Where two frames are as near as each other Blender's own rounding decides.
			const isEither = clip.nearestFrame && at.den === 2 && shown === floor(at);
			const nearest = clip.nearestFrame && !isEither ? round(at) : floor(at);
			said.push(Math.min(FRAMES - 1, Math.max(0, nearest)));
			seen.push(shown);
		}
		expect(seen, `${clip.name}`).toEqual(said);
	}

	test.each([
		[24, 1.001, { num: 24_000, den: 1001 }],
		[24, 1, { num: 24, den: 1 }],
		[25, 1, { num: 25, den: 1 }],
		[30, 1.001, { num: 30_000, den: 1001 }],
		[50, 1, { num: 50, den: 1 }],
		[60, 1.001, { num: 60_000, den: 1001 }],
		[25, 1.2, { num: 125, den: 6 }],
	])('%d frames a second with a base of %d are told exactly', async (fps, base, rate) => {
		const cut = await cutOf(`
scene.render.fps, scene.render.fps_base = ${fps}, ${base}
scene.render.resolution_x, scene.render.resolution_y = 1921, 1081
scene.render.resolution_percentage = 50
scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = 12, 11
scene.render.ffmpeg.audio_mixrate = 44100
scene.frame_start, scene.frame_end = 1001, 1100
movie('a', 1, 1001, '24')`);
		expect(cut.sequence).toEqual({
			name: 'Scene',
			rate,
			size: { width: 960, height: 540 },
			pixelAspect: { num: 12, den: 11 },
			duration: 100,
			startFrame: 1001,
			dropFrame: false,
			sampleRate: 44_100,
		});
		expect(clipsOf(cut, 'V1')).toMatchObject([{ range: { start: 0, end: 100 } }]);
	});

	test('a rate that nothing can be made at is refused for what it is', async () => {
		await blender.run('fresh()\nscene.render.fps, scene.render.fps_base = 1, 2');
		await expect(readCut()).rejects.toThrow('Expected a frame rate from 1 to 1000, got 1/2');
	});

	test('picture and sound are on tracks that have their channels’ numbers', async () => {
		const cut = await cutOf(`
movie('left', 1, 1, '24', (1, 51))
sound('left sound', 2, 1, '24', (1, 51))
movie('right', 1, 101, '24', (101, 151))
sound('right sound', 2, 101, '24', (101, 151))
movie('both', 4, 1, '24', (1, 31))
sound('both sound', 4, 41, '24', (41, 61))
effect('adjust', 'ADJUSTMENT', 6, 20, 40)
strips()['right'].mute = True
strips()['left sound'].volume = 0.5
scene.sequence_editor.channels[2].mute = True
scene.sequence_editor.channels[4].lock = True
scene.frame_end = 120`);
		expect(cut.sequence.duration).toBe(150);
		expect(shape(cut)).toEqual([
			['V1', 'left 0–50', 'right 100–150 off'],
			['V4 locked', 'both 0–30', 'taken 40–60'],
			['V6', 'taken 19–39'],
			['A2 off', 'left sound 0–50', 'right sound 100–150'],
			['A4 locked', 'both sound 40–60', 'taken 0–30'],
		]);
		expect(clipsOf(cut, 'A2')[0]?.sound).toEqual({ level: [{ frame: 0, gain: 0.5 }] });
	});

	test('trimmed, reversed and offset clips show the frames that the cut says', async () => {
		const cut = await cutOf(`
movie('trimmed', 1, 1, '24', (11, 41))
movie('reversed', 1, 51, '24', (61, 91)).use_reverse_frames = True
offset = movie('offset', 1, 101, '24', (101, 131))
offset.animation_offset_start = 7
movie('offset and reversed', 1, 201, '24', (211, 241)).use_reverse_frames = True
strips()['offset and reversed'].animation_offset_start = 5
movie('held at both ends', 1, 301, '24', (291, 411))`);
		const clips = clipsOf(cut, 'V1');
		expect(clips).toHaveLength(5);
		for (const clip of clips) await expectTrue(cut, clip, RATES['24'] as FrameRate);
	});

	test.each(Object.keys(RATES))(
		'a file of %s frames a second is read as it is shown',
		async (name) => {
			const cut = await cutOf(`movie('a', 1, 1, '${name}', (11, 61))`);
			const [clip] = clipsOf(cut, 'V1');
			await expectTrue(cut, clip as ClipSpan, RATES[name] as FrameRate);
		},
	);

	test('retimed clips, and those that play at their own rate, are read as they are shown', async () => {
		await blender.run(`bpy.ops.wm.open_mainfile(filepath=${text(join(folder, 'old.blend'))})`);
		const cut = await readCut();
		const clips = clipsOf(cut, 'V1');
		expect(clips.map(({ name }) => name)).toEqual([
			'fast',
			'slow',
			'uneven',
			'backwards',
			'50',
			'25',
			'59.94',
		]);
		for (const clip of clips) {
			const rate = RATES[clip.name] ?? (RATES['24'] as FrameRate);
			await expectTrue(cut, clip, rate);
		}
	});

	test.each([
		['plain', "sound('a', 2, 1, 'ramp', (1, 97))"],
		['trimmed', "sound('a', 2, 1, 'ramp', (25, 97))"],
		['of one channel', "sound('a', 2, 1, 'mono', (1, 97))"],
		['quieter', "sound('a', 2, 1, 'ramp', (1, 97)).volume = 0.5"],
		['of another rate', "scene.render.fps = 25\nsound('a', 2, 1, 'ramp', (26, 97))"],
		['offset', "sound('a', 2, 1, 'ramp').animation_offset_start = 24"],
		['late', "a = sound('a', 2, 25, 'ramp')\na.frame_final_start, a.frame_final_end = 1, 97"],
		...(which === 'window'
			? [
					['fast', "sound('a', 2, 1, 'ramp').speed_factor = 2"],
					[
						'fast and trimmed',
						"sound('a', 2, 1, 'ramp').speed_factor = 2\nstrips()['a'].frame_final_start = 25",
					],
				]
			: [['shifted', "sound('a', 2, 1, 'ramp').sound_offset = 0.5"]]),
	])('a sound that is %s is heard as the cut says', async (_what, code) => {
		const cut = await cutOf(`${code}\nscene.frame_start, scene.frame_end = 1, 90`);
		const [clip] = clipsOf(cut, 'A2');
		const path = join(folder, `mix-${which}.wav`);
		await blender.run(
			`bpy.ops.sound.mixdown(filepath=${text(path)}, container='WAV', codec='PCM')`,
		);
		const heard = secondsHeard(await samplesOf(path), cut.sequence.rate);
		for (let frame = clip?.range.start ?? 0; frame < 80; frame += 13) {
			const time = sourceTime(clip as ClipSpan, { num: 2 * frame + 1, den: 2 }, cut.sequence.rate);
			const said = Math.max(0, toNumber(time)) * (clip?.sound?.level?.[0]?.gain ?? 1);
			expect(heard[frame], `frame ${frame}`).toBeCloseTo(said, 1);
		}
	});

	test('what no file shows is synthetic, and effects are named', async () => {
		const cut = await cutOf(`
a = movie('a', 1, 1, '24', (1, 51))
b = movie('b', 2, 1, '24', (41, 91))
effect('cross', 'CROSS', 3, 41, 51, a, b)
c = movie('c', 1, 101, '24', (101, 151))
effect('faster', 'SPEED', 4, 101, 151, c)
d = movie('d', 1, 201, '24', (201, 251))
effect('shine', 'GLOW', 4, 201, 251, d)
e = movie('e', 1, 301, '24', (301, 351))
e.transform.scale_x = 0.5
e.crop.min_x = 10
e.blend_alpha = 0.5
grade = effect('grade', 'ADJUSTMENT', 5, 311, 321)
grade.color_saturation = 0.5
effect('idle', 'ADJUSTMENT', 6, 311, 321)
effect('title', 'TEXT', 7, 311, 321)
effect('sky', 'COLOR', 8, 311, 321)
other = bpy.data.scenes.new('other')
strips().new_scene('nested', other, 9, 311)
meta = strips().new_meta('meta', 10, 311)
movie('inside', 1, 311, '24').move_to_meta(meta)
sound('inside sound', 2, 311, '24').move_to_meta(meta)`);
		expect(shape(cut)).toEqual([
			['V1', 'a 0–50', 'c 100–150', 'd 200–250', 'e 300–350', 'transition 40–50'],
			['V2', 'b 40–90', 'transition 40–50'],
			['V3', 'taken 40–50'],
			['V4', 'taken 100–150', 'taken 200–250'],
			['V5', 'taken 310–320'],
			['V6', 'taken 310–320'],
			['V7', 'title 310–320'],
			['V8', 'sky 310–320'],
			['V9', expect.stringMatching(/^nested 310–/)],
			['V10', expect.stringMatching(/^meta 310–/)],
			['A10', expect.stringMatching(/^meta 310–/)],
		]);
		const [, c, d, e] = clipsOf(cut, 'V1');
		expect(c?.source).toEqual({ kind: 'synthetic', what: 'clip under a speed effect' });
		expect(d).toMatchObject({ source: { kind: 'file' }, effects: ['shine (glow)'] });
		expect(e?.effects).toEqual(['scaled', 'cropped', 'opacity', 'grade (adjustment)']);
		for (const [track, what] of Object.entries({
			V7: 'text strip',
			V8: 'colour strip',
			V9: 'scene strip',
			V10: 'meta strip',
			A10: 'sound of a meta strip',
		})) {
			expect(clipsOf(cut, track)[0]?.source).toEqual({ kind: 'synthetic', what });
		}
	});

	test('media that are not there are offline', async () => {
		const cut = await cutOf(`
movie('gone', 1, 1, 'gone')
sound('gone sound', 2, 1, 'gone')`);
		for (const track of ['V1', 'A2']) {
			expect(clipsOf(cut, track)[0]?.source).toEqual({
				kind: 'offline',
				path: file('gone'),
				reason: 'There is no such file',
			});
		}
	});

	test('a level that changes is told point by point', async () => {
		const cut = await cutOf(`
s = sound('fading', 2, 1, '24', (1, 101))
s.volume = 0
s.keyframe_insert('volume', frame=11)
s.volume = 1
s.keyframe_insert('volume', frame=31)
from pickup.sequencer import animation_of
for point in animation_of(scene)['fading']['volume'].keyframe_points:
    point.interpolation = 'LINEAR'`);
		const level = clipsOf(cut, 'A2')[0]?.sound?.level ?? [];
		const at = level.map(({ frame, gain }) => [frame, Math.round(gain * 1000) / 1000]);
		expect(at).toEqual([
			[0, 0],
			[10, 0],
			[30, 1],
			[100, 1],
		]);
	});

	test('looking at a frame leaves the person’s settings and file as they are', async () => {
		await cutOf(`
movie('a', 1, 1, '24')
scene.render.filepath = '/tmp/mine####'
scene.frame_set(1)
bpy.ops.render.render()
scene.render.use_border = True
scene.frame_set(17)
bpy.ops.wm.save_as_mainfile(filepath=${text(join(folder, `${which}.blend`))})`);
		const settings = `
image = scene.render.image_settings
result = [scene.render.filepath, scene.render.use_border, scene.frame_current, image.file_format,
    image.color_mode, image.color_depth, scene.render.use_file_extension, bpy.data.is_dirty]
render = bpy.data.images['Render Result']
render.save_render(${text(join(folder, `render-${which}.png`))})
result.append(render.render_slots.active_index)`;
		const before = await blender.run(settings);
		expect(await rendered(40)).toBe(40);
		expect(await blender.run(settings)).toEqual(before);
		// The person's own last render is there to look at still.
		const path = join(folder, `render-${which}.png`);
		const grey = ['-v', 'error', '-i', path, '-pix_fmt', 'gray', '-f', 'rawvideo', '-'];
		expect(readNumber(await bytesOf('ffmpeg', grey))).toBe(0);
	});
});

/** A sound whose level tells the time: a tenth of full scale for each second. */
async function makeRamp(name: string, channels: number): Promise<void> {
	const picture = ['-f', 'lavfi', '-i', 'color=gray:s=64x36:r=50:d=8'];
	const wave = '0.1*t*sin(2*PI*1000*t)';
	const sound = [
		'-f',
		'lavfi',
		'-i',
		`aevalsrc='${Array(channels).fill(wave).join('|')}':s=48000:d=8`,
	];
	const codec = ['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'pcm_s16le'];
	await run('ffmpeg', ['-y', '-loglevel', 'error', ...picture, ...sound, ...codec, file(name)]);
}

/** The moment of the ramp that is heard in each frame. */
function secondsHeard(samples: Float32Array, { num, den }: FrameRate): readonly number[] {
	const length = Math.round((48_000 * den) / num);
	return Array.from({ length: Math.floor(samples.length / length) }, (_unused, frame) => {
		const part = samples.subarray(frame * length, (frame + 1) * length);
		const square = part.reduce((sum, sample) => sum + sample * sample, 0) / length;
		return Math.sqrt(2 * square) * 10;
	});
}

/** Clips that Blender 3.4 retimes, and adds at their own rate as a person does; both may open it. */
async function makeOldFile(): Promise<void> {
	const script = join(folder, 'old.py');
	await writeFile(
		script,
		`
exec(open(${text(join(import.meta.dirname, 'blender-scenes.py'))}).read())
media = ${text(folder)}
fresh()
movie('fast', 1, 1, '24').speed_factor = 2
movie('slow', 1, 101, '24', (101, 201)).speed_factor = 0.5
movie('uneven', 1, 301, '24').speed_factor = 1.5
backwards = movie('backwards', 1, 401, '24')
backwards.speed_factor = 1.5
backwards.use_reverse_frames = True
for strip, ends in ((strips()['uneven'], (306, 340)), (backwards, (411, 440))):
    strip.frame_final_start, strip.frame_final_end = ends
window = bpy.context.window_manager.windows[0]
area = next(each for each in window.screen.areas if each.type == 'VIEW_3D')
area.type = 'SEQUENCE_EDITOR'
region = next(each for each in area.regions if each.type == 'WINDOW')
for start, name in ((501, '50'), (601, '25'), (801, '59.94')):
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.sequencer.movie_strip_add(
            filepath=os.path.join(media, name + '.mov'), directory=media + '/', files=[{'name': name + '.mov'}], frame_start=start, channel=1,
            sound=False, adjust_playback_rate=True, use_framerate=False)
    strips()[name + '.mov'].name = name
bpy.ops.wm.save_as_mainfile(filepath=${text(join(folder, 'old.blend'))})
`,
	);
	await run('blender', ['-b', '--factory-startup', '--python-exit-code', '1', '--python', script]);
}

function clipsOf(cut: Cut, name: string): readonly ClipSpan[] {
	return cut.tracks.find((track) => track.name === name)?.clips ?? [];
}

/** Each track in words. */
function shape(cut: Cut): readonly (readonly string[])[] {
	return cut.tracks.map((track) => [
		[track.name, !track.enabled && 'off', track.locked && 'locked'].filter(Boolean).join(' '),
		...track.clips.map(
			({ name, range, enabled }) => `${name} ${inWords(range)}${enabled ? '' : ' off'}`,
		),
		...track.transitions.map(({ range }) => `transition ${inWords(range)}`),
		...(track.taken ?? []).map((range) => `taken ${inWords(range)}`),
	]);
}

function inWords({ start, end }: FrameRange): string {
	return `${start}–${end}`;
}

/** As Python writes it too. */
function text(value: string): string {
	return JSON.stringify(value);
}

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderWithMelt } from '../../demo/melt.ts';
import { openTimeline } from '../../host-bridge/timeline-file/host.ts';
import { pictureOf } from '../../inference-daemon/engines/cut-picture.ts';
import { BT709 } from '../../inference-daemon/media/colour.ts';
import { findFfmpeg } from '../../inference-daemon/media/locate.ts';
import type { ClipSpan } from '../../protocol/timeline.ts';

const run = promisify(execFile);
const HANG = 240_000;
const RATES = [24, 25, 30, 60];
let folder = '';

/** Media whose every frame is brighter than the one before it, and two tones in two streams. */
beforeAll(async () => {
	folder = await mkdtemp(path.join(tmpdir(), 'pickup-shows-'));
	for (const rate of RATES) {
		const picture = `nullsrc=s=64x36:r=${rate},geq=lum='30+N*2':cb=128:cr=128`;
		const out = ['-t', '1.6', '-c:v', 'ffv1', '-pix_fmt', 'yuv420p', `n${rate}.avi`];
		await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', picture, ...out], { cwd: folder });
	}
	const input = (source: string) => ['-f', 'lavfi', '-i', source];
	const tone = (hertz: number) => input(`sine=frequency=${hertz}:sample_rate=48000`);
	await run(
		'ffmpeg',
		[
			'-v',
			'error',
			...input('color=gray:s=64x36:r=25'),
			...tone(440),
			...tone(880),
			...['-map', '0', '-map', '1', '-map', '2', '-t', '3'],
			...['-c:v', 'ffv1', '-c:a', 'pcm_s16le', 'tones.mkv'],
		],
		{ cwd: folder },
	);
}, HANG);
afterAll(() => rm(folder, { recursive: true, force: true }));

type Parts = {
	readonly producer?: string;
	readonly entry?: string;
	readonly track?: string;
	/** How often the first frames are played; all of them once where it is not there. */
	readonly repeat?: { readonly frames: number; readonly times: string };
};

const property = (name: string, value: string | number) =>
	`<property name="${name}">${value}</property>`;

function filter(service: string, properties: Readonly<Record<string, string | number>>, io = '') {
	const all = Object.entries(properties).map(([name, value]) => property(name, value));
	return `<filter ${io}>${property('mlt_service', service)}${all.join('')}</filter>`;
}

/** One clip of 40 frames at 25 fps, from `from` on, with what the parts add. */
async function project(name: string, resource: string, from: number, parts: Parts = {}) {
	const warped = /^-?[\d.]+:(.*)/.exec(resource);
	const service = warped ? 'timewarp' : 'avformat';
	const file = path.join(folder, `${name.replaceAll(/\W+/g, ' ')}.mlt`);
	const { frames = 25, times = '1' } = parts.repeat ?? {};
	await writeFile(
		file,
		`<mlt LC_NUMERIC="C" root="${folder}">
<profile width="64" height="36" progressive="1" sample_aspect_num="1" sample_aspect_den="1" display_aspect_num="16" display_aspect_den="9" frame_rate_num="25" frame_rate_den="1" colorspace="709"/>
<producer id="a">${property('resource', resource)}${property('mlt_service', service)}${parts.producer ?? ''}</producer>
<playlist id="p"><entry producer="a" in="${from}" out="${from + frames - 1}" repeat="${times}">${parts.entry ?? ''}</entry></playlist>
<tractor id="t"><track producer="p"/>${parts.track ?? ''}</tractor>
</mlt>`,
	);
	return file;
}

async function render(file: string): Promise<string> {
	const out = `${file}.avi`;
	const options = ['vcodec=rawvideo', 'pix_fmt=yuv420p', 'f=avi', 'ac=2', 'acodec=pcm_s16le'];
	await renderWithMelt(file, 24, out, [...options, 'rescale=nearest', 'color_range=mpeg']);
	return out;
}

async function clips(file: string, kind: 'video' | 'audio'): Promise<readonly ClipSpan[]> {
	const { tracks } = await (await openTimeline(file)).cut();
	return tracks.find((track) => track.kind === kind)?.clips ?? [];
}

/** melt takes one from every value but the darkest. */
const brightness = (luma: number | undefined) => Math.floor(((luma ?? 0) - 29) / 2);

/** Which frames of the media melt renders. */
async function rendered(file: string): Promise<readonly number[]> {
	const { stdout } = await run(
		'ffmpeg',
		['-v', 'error', '-i', await render(file), '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-'],
		{ encoding: 'buffer', maxBuffer: 1 << 26 },
	);
	const bytes = (64 * 36 * 3) / 2;
	return Array.from({ length: stdout.length / bytes }, (_, frame) => {
		return brightness(stdout[frame * bytes + 64 * 18 + 32]);
	});
}

/** Which frames of the media an engine sees beside the gap. */
async function seen(file: string): Promise<readonly number[]> {
	const { sequence } = await (await openTimeline(file)).cut();
	const ffmpeg = await findFfmpeg();
	const canvas = { ...sequence, colour: BT709, format: 'yuv420p' } as const;
	const found: number[] = [];
	for (const clip of await clips(file, 'video')) {
		const { signal } = new AbortController();
		for await (const frame of pictureOf(ffmpeg, clip, clip.range, canvas, signal)) {
			found.push(brightness(frame.data[64 * 18 + 32]));
		}
	}
	return found;
}

test.each<readonly [string, number]>([
	...RATES.map((rate) => [`n${rate}.avi`, 3] as const),
	['1.5:n30.avi', 1],
	['1.5:n25.avi', 0],
	['0.3:n25.avi', 2],
])(
	'of %s the frames that melt shows at 25 fps are seen',
	async (resource, from) => {
		const file = await project(`shows ${resource}`, resource, from);
		expect(await seen(file)).toEqual(await rendered(file));
	},
	HANG,
);

test.each(['5', '0', '-2', '2.7', 'twice', ''])(
	'an entry with repeat="%s" is played as often as melt plays it',
	async (times) => {
		const repeat = { frames: 5, times };
		const file = await project(`repeat ${times}`, 'n25.avi', 3, { repeat });
		const [ours, melts] = [await seen(file), await rendered(file)];
		expect(ours).toEqual(melts.slice(0, ours.length));
		// After the end melt's last picture stays.
		const once = melts.slice(0, 5);
		expect(melts.slice(ours.length, ours.length + 5)).not.toEqual(once);
	},
	HANG,
);

test.each([
	['all along', 0, { frame: 12 }, ''],
	['after it', 5, { frame: 4, freeze_after: 1 }, 'in="5" out="29"'],
	['before it', 5, { frame: 3, freeze_before: 1 }, 'in="5" out="29"'],
])(
	'a frame that MLT holds %s is held',
	async (name, from, properties, io) => {
		const file = await project(`freeze ${name}`, 'n25.avi', from, {
			entry: filter('freeze', properties, io),
		});
		const [ours, melts] = [await seen(file), await rendered(file)];
		// What melt 7.12 seeks to for the held frame is now and then the one before it.
		expect(ours.map((frame, at) => (frame - 1 === melts[at] ? frame - 1 : frame))).toEqual(melts);
		expect(new Set(ours.map((frame, at) => frame - (melts[at] ?? 0))).size).toBeLessThan(3);
	},
	HANG,
);

describe('the level of a sound is what melt renders', () => {
	const volume = (properties: Readonly<Record<string, string | number>>, io = '') =>
		filter('volume', properties, io);
	const streams = (index: number) => property('audio_index', index);
	test.each<[string, number, Parts]>([
		['as in the file', 0, {}],
		['second stream', 0, { producer: streams(2) }],
		['gain as a factor', 0, { entry: volume({ gain: 0.25 }) }],
		['gain in dB', 0, { entry: volume({ gain: '-12 dB' }) }],
		['level before gain', 0, { entry: volume({ gain: 0.1, level: -6 }) }],
		['keyframes', 10, { entry: volume({ level: '0=-30;20=-10' }, 'in="10" out="34"') }],
		['keyframes as times', 10, { entry: volume({ level: '0=-30;00:00:00.800=-10' }) }],
		['keyframes that hold', 0, { entry: volume({ level: '0|=-30;10|=-20;20=-10' }) }],
		['a fade in', 10, { entry: volume({ gain: 0, end: 1 }, 'in="10" out="29"') }],
		['a fade out', 0, { entry: volume({ gain: 1, end: 0 }, 'in="15" out="24"') }],
		['of the media', 0, { producer: volume({ level: -9 }) }],
		[
			'of the track and the clip',
			0,
			{ entry: volume({ level: -6 }), track: volume({ level: -6 }) },
		],
		['through libavfilter', 0, { entry: filter('avfilter.volume', { 'av.volume': '-9dB' }) }],
		['switched off', 0, { entry: volume({ level: -9, disable: 1 }) }],
	])(
		'%s',
		async (name, from, parts) => {
			const file = await project(`level ${name}`, 'tones.mkv', from, parts);
			const [clip] = await clips(file, 'audio');
			const second = parts.producer === streams(2);
			if (second) expect(clip?.sound?.stream).toEqual({ among: 'all', index: 2 });
			const plain = await levels(await project('plain', 'tones.mkv', from), 440);
			const found = await levels(file, second ? 880 : 440);
			const level = clip?.sound?.level ?? [{ frame: 0, gain: 1 }];
			for (let frame = 0; frame < 25; frame += 1) {
				// Over each frame MLT goes from the gain of the frame before to its own.
				const near = [-1, -0.5, 0, 0.5, 1].map((off) => gainAt(level, frame + off));
				const gain = (found[frame] ?? 0) / (plain[frame] ?? 1);
				expect(gain, `${name}, frame ${frame}`).toBeGreaterThan(Math.min(...near) * 0.97 - 0.003);
				expect(gain, `${name}, frame ${frame}`).toBeLessThan(Math.max(...near) * 1.03 + 0.003);
			}
		},
		HANG,
	);
});

function gainAt(level: readonly { frame: number; gain: number }[], frame: number): number {
	const right = level.find((point) => point.frame > frame);
	const left = level.findLast((point) => point.frame <= frame) ?? right;
	if (!left || !right || left === right) return (left ?? right)?.gain ?? 1;
	const part = (frame - left.frame) / (right.frame - left.frame);
	return left.gain + (right.gain - left.gain) * part;
}

/** Amplitude of a tone in every frame of what melt renders. */
async function levels(file: string, hertz: number): Promise<readonly number[]> {
	const { stdout } = await run(
		'ffmpeg',
		['-v', 'error', '-i', await render(file), '-f', 's16le', '-ac', '1', '-ar', '48000', '-'],
		{ encoding: 'buffer', maxBuffer: 1 << 26 },
	);
	const perFrame = 1920;
	return Array.from({ length: 25 }, (_, frame) => {
		let [cosine, sine] = [0, 0];
		for (let at = 0; at < perFrame; at += 1) {
			const sample = stdout.readInt16LE(2 * (frame * perFrame + at)) / 32_768;
			const phase = (2 * Math.PI * hertz * at) / 48_000;
			cosine += sample * Math.cos(phase);
			sine += sample * Math.sin(phase);
		}
		return (2 * Math.hypot(cosine, sine)) / perFrame;
	});
}

test('channels that are copied over one another, and what filters do that is not read', async () => {
	const entry =
		filter('channelcopy', { from: 1, to: 0 }) +
		filter('qtblend', { rect: '0 0 32 18 1' }) +
		filter('avfilter.hflip', {}) +
		filter('brightness', { level: 2, kdenlive_id: 'brightness' }) +
		filter('avfilter.acompressor', {});
	const file = await project('effects', 'tones.mkv', 0, { entry });
	const [picture] = await clips(file, 'video');
	expect(picture?.effects).toEqual(['moved or scaled', 'flipped', 'brightness']);
	const [sound] = await clips(file, 'audio');
	expect(sound?.sound?.channels).toEqual({ left: [1], right: [1] });
	expect(sound?.effects).toEqual(['avfilter.acompressor']);
});

test.each<[string, string, Record<string, string>, 'read' | 'named']>([
	['keys out of order', 'volume', { level: '12=-20;0=-20' }, 'read'],
	['an exponent', 'avfilter.volume', { 'av.volume': '1e-1' }, 'read'],
	['times from the end', 'volume', { level: '0=-20;-1=-20' }, 'named'],
	['a normalised level', 'volume', { normalise: '-20' }, 'named'],
	['keys of a factor', 'avfilter.volume', { 'av.volume': '0=0.1;12=0.1' }, 'named'],
	['an expression', 'avfilter.volume', { 'av.volume': '0.5*0.2' }, 'named'],
	['nothing', 'volume', {}, 'read'],
])('a level with %s is read, or said not to be', async (_, service, properties, outcome) => {
	const file = await project('level', 'tones.mkv', 0, { entry: filter(service, properties) });
	const [sound] = await clips(file, 'audio');
	expect(sound?.effects).toEqual(outcome === 'named' ? [service] : undefined);
	const gain = sound?.sound?.level?.[0]?.gain;
	if (outcome === 'named' || Object.keys(properties).length === 0) expect(gain).toBeUndefined();
	else expect(gain).toBeCloseTo(0.1);
});

import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isWatched } from '../cli/display.ts';
import { run } from './ffmpeg.ts';
import { renderWithMelt } from './melt.ts';
import { paintScene } from './scene.ts';
import { playScene } from './sound.ts';
import { type CutClip, cutLength, fcp7Xml, kdenlive, otio, type SimpleCut } from './timelines.ts';

const SIZE = { width: 960, height: 540 };
const RATE = { num: 24, den: 1 };
const PICKUP = fileURLToPath(new URL('./pickup.mjs', import.meta.url));
const OUTPUT = join(dirname(PICKUP), '..', 'demo-output');

/**
 * Two shots with a gap of 60 frames between them, in each format; the gap filled through the
 * daemon; the cut before and after, rendered by melt, and the frames at the joins.
 */
await rm(OUTPUT, { recursive: true, force: true });
await mkdir(join(OUTPUT, 'footage'), { recursive: true });
const environment = { ...process.env, PICKUP_STATE: join(OUTPUT, '.state') };
console.log('Painting two shots …');
const cut: SimpleCut = {
	name: 'Demo',
	rate: RATE,
	size: SIZE,
	startFrame: 86_400,
	clips: [await shoot('Hills A', 0, 48, 0.8), await shoot('Hills B', 108, 48, 1)],
};
const timelines = await writeTimelines();
const filled: { format: string; timeline: string; clips: Filled['clips'] }[] = [];
try {
	for (const { format, path } of timelines) {
		console.log(`Filling the gap in ${basename(path)} …`);
		filled.push({ format, ...(await fill(path, format)) });
	}
} finally {
	await pickup(['daemon', 'stop']);
}
const [before, after] = await renderBoth();
await compare(before, after);
await drawContactSheet(after);
await rm(join(OUTPUT, '.state'), { recursive: true });
const show = (path: string) => relative(process.cwd(), path);
const clip = filled[0]?.clips[0];
console.log(
	`Made: the gap of 2.5 s on V1 is filled, ${clip?.frames} frames at 24 fps with sound, by ${clip?.engine}${clip?.draft ? ' (a draft, for judging timing)' : ''}`,
);
console.log(`Timelines: ${filled.map(({ timeline }) => show(timeline)).join(', ')}`);
console.log(
	`Look at: ${show(join(OUTPUT, 'before-after.mp4'))}, ${show(join(OUTPUT, 'joins.png'))}`,
);
const open = ['open', show(join(OUTPUT, 'cut.xml'))];
console.log(`See it in the panel: node ${[show(PICKUP), ...open].join(' ')}`);
if (isWatched()) {
	spawn(process.execPath, [PICKUP, ...open], { stdio: 'inherit' });
	// Ctrl+C is for the command, which then ends in order, and this with it.
	process.on('SIGINT', () => {});
}

type Filled = {
	readonly timeline: string;
	readonly clips: readonly { frames: number; engine: string; draft: boolean }[];
};

async function shoot(name: string, start: number, frames: number, level: number): Promise<CutClip> {
	const path = join(OUTPUT, 'footage', `${name}.mov`);
	const sound = join(OUTPUT, 'footage', `${name}.pcm`);
	await writeFile(sound, new Uint8Array(playScene(start / 24, frames / 24, level).buffer));
	async function* pictures() {
		for (let frame = 0; frame < frames; frame++) {
			yield new Uint8Array(paintScene(start + frame, SIZE).buffer);
		}
	}
	const picture = [
		'-f',
		'rawvideo',
		'-pix_fmt',
		'rgb24',
		'-s',
		'960x540',
		'-r',
		'24',
		'-i',
		'pipe:0',
	];
	const pcm = ['-f', 's16le', '-ar', '48000', '-ac', '2', '-i', sound];
	const colour = ['-vf', 'scale=out_color_matrix=bt709:out_range=tv,format=yuv420p'];
	const tags = ['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709'];
	const codec = ['-c:v', 'libx264', '-crf', '12', '-g', '1', '-c:a', 'pcm_s16le'];
	const args = ['-y', '-loglevel', 'error', ...picture, ...pcm, ...colour, ...tags, ...codec, path];
	await run('ffmpeg', args, { input: pictures() });
	await rm(sound);
	return { name, path, start, frames };
}

async function writeTimelines(): Promise<{ format: string; path: string }[]> {
	const written = [
		{ format: 'fcp7-xml', path: join(OUTPUT, 'cut.xml'), text: fcp7Xml(cut) },
		{ format: 'otio', path: join(OUTPUT, 'cut.otio'), text: otio(cut) },
		{ format: 'kdenlive', path: join(OUTPUT, 'cut.kdenlive'), text: kdenlive(cut) },
	];
	for (const { path, text } of written) await writeFile(path, text);
	return written;
}

async function fill(path: string, format: string): Promise<Filled> {
	const prompt = 'the camera goes on over the hills in the evening, wind, a bird';
	const output = join(OUTPUT, `filled-${format}`);
	const args = ['fill', path, '--gap', '1', '--prompt', prompt, '--seed', '7'];
	return JSON.parse(await pickup([...args, '-o', output, '--json']));
}

function pickup(args: readonly string[]): Promise<string> {
	return run(process.execPath, [PICKUP, ...args], { env: environment });
}

async function renderBoth(): Promise<[string, string]> {
	console.log('Rendering the cut before and after …');
	const project = filled.find(({ format }) => format === 'kdenlive')?.timeline;
	if (project === undefined) throw new Error('The Kdenlive project was not filled');
	const before = await render(join(OUTPUT, 'cut.kdenlive'), 'before.mov');
	return [before, await render(project, 'after.mov')];
}

async function render(project: string, name: string): Promise<string> {
	const path = join(OUTPUT, name);
	await renderWithMelt(project, cutLength(cut) - 1, path, [
		'vcodec=libx264',
		'crf=14',
		'pix_fmt=yuv420p',
	]);
	return path;
}

/** Before on the left, after on the right, with the sound of the latter. */
async function compare(before: string, after: string): Promise<void> {
	const side = ['-filter_complex', '[0:v]pad=iw+8:ih:color=white[l];[l][1:v]hstack[v]'];
	const codec = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-crf', '18', '-c:a', 'aac'];
	const maps = ['-map', '[v]', '-map', '1:a', ...codec, '-movflags', '+faststart'];
	const files = ['-i', before, '-i', after];
	await run('ffmpeg', [
		'-y',
		'-loglevel',
		'error',
		...files,
		...side,
		...maps,
		join(OUTPUT, 'before-after.mp4'),
	]);
}

/** Three rows of six: around the left join, across the gap, around the right join. */
async function drawContactSheet(after: string): Promise<void> {
	const left = Array.from({ length: 6 }, (_unused, index) => 45 + index);
	const across = Array.from({ length: 6 }, (_unused, index) => 48 + Math.round((index + 0.5) * 10));
	const right = Array.from({ length: 6 }, (_unused, index) => 105 + index);
	const rows = [left, across, right].map((frames, index) => {
		const wanted = frames.map((frame) => `eq(n,${frame})`).join('+');
		return `[s${index}]select='${wanted}',scale=320:-2,tile=6x1:padding=4:color=white[r${index}]`;
	});
	const graph = `[0:v]split=3[s0][s1][s2];${rows.join(';')};[r0][r1][r2]vstack=3[v]`;
	const output = ['-map', '[v]', '-frames:v', '1', join(OUTPUT, 'joins.png')];
	await run('ffmpeg', [
		'-y',
		'-loglevel',
		'error',
		'-i',
		after,
		'-filter_complex',
		graph,
		...output,
	]);
}

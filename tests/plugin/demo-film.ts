import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../demo/ffmpeg.ts';
import { paintScene } from '../../demo/scene.ts';
import { playScene } from '../../demo/sound.ts';
import type { ClipSpan, Cut, Track } from '../../protocol/timeline.ts';
import { type Daemon, temporaryFolder } from '../daemon/harness.ts';
import { type Editor, openEditor } from '../fakes/editor.ts';

const SIZE = { width: 640, height: 360 };
const RATE = { num: 24, den: 1 };
const FRAMES = 48;

/** Where each shot stands in the cut, and from which time of the scene it is. */
const SHOTS = [
	{ name: 'A003_C011', at: 0, from: 0 },
	{ name: 'A003_C014', at: 108, from: 108 },
	{ name: 'A004_C002', at: 180, from: 200 },
	{ name: 'B001_C004', at: 324, from: 330 },
] as const;

let painted: Promise<readonly string[]> | null = null;

/** The demo's evening over the hills as a small film with three gaps, in an editor. */
export async function openDemoFilm(daemon: Pick<Daemon, 'port' | 'token'>): Promise<Editor> {
	painted ??= paint();
	const paths = await painted;
	const folder = await temporaryFolder();
	return openEditor(daemon, filmOf(paths), {
		path: join(folder, 'Dawn flight.project'),
		program: 'Editor',
	});
}

async function paint(): Promise<readonly string[]> {
	const folder = join(await temporaryFolder(), 'footage');
	await mkdir(folder);
	const paths: string[] = [];
	for (const { name, from } of SHOTS) paths.push(await shoot(folder, name, from));
	return paths;
}

async function shoot(folder: string, name: string, from: number): Promise<string> {
	const path = join(folder, `${name}.mov`);
	const sound = join(folder, `${name}.pcm`);
	await writeFile(sound, new Uint8Array(playScene(from / 24, FRAMES / 24, 0.8).buffer));
	async function* pictures() {
		for (let frame = 0; frame < FRAMES; frame++) {
			yield new Uint8Array(paintScene(from + frame, SIZE).buffer);
		}
	}
	const size = `${SIZE.width}x${SIZE.height}`;
	const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', size, '-r', '24', '-i', 'pipe:0'];
	const pcm = ['-f', 's16le', '-ar', '48000', '-ac', '2', '-i', sound];
	const picture = ['-c:v', 'libx264', '-crf', '14', '-g', '1', '-pix_fmt', 'yuv420p'];
	const args = ['-y', '-loglevel', 'error', ...raw, ...pcm, ...picture, '-c:a', 'pcm_s16le', path];
	await run('ffmpeg', args, { input: pictures() });
	await rm(sound);
	return path;
}

function filmOf(paths: readonly string[]): Cut {
	const span = (index: number, track: string): ClipSpan => {
		const { name, at } = SHOTS[index]!;
		return {
			name,
			track,
			range: { start: at, end: at + FRAMES },
			source: { kind: 'file', path: paths[index]! },
			sourceIn: { num: 0, den: 1 },
			speed: { num: 1, den: 1 },
			enabled: true,
		};
	};
	const track = (kind: Track['kind'], name: string): Track => ({
		kind,
		index: 0,
		name,
		enabled: true,
		locked: false,
		transitions: [],
		clips: SHOTS.map((_, index) => span(index, name)),
	});
	return {
		sequence: {
			name: 'Dawn flight R2',
			rate: RATE,
			size: SIZE,
			pixelAspect: { num: 1, den: 1 },
			duration: 372,
			startFrame: 86_400,
			dropFrame: false,
			sampleRate: 48_000,
		},
		tracks: [track('video', 'V1'), track('audio', 'A1')],
	};
}

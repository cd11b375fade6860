import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { renderWithMelt } from '../../demo/melt.ts';

const run = promisify(execFile);
const RATE = 48_000;

export type Rendered = {
	/** The colour of every frame: R, G, B, K for black, else its numbers. */
	readonly colours: readonly string[];
	/** 48 kHz, the left channel, −1 to 1. */
	readonly sound: Float64Array;
};

/** A shot of one colour and one tone: H.264 all-intra with stereo PCM, 160×90. */
export async function makeShot(
	file: string,
	colour: string,
	hertz: number,
	frames: number,
	rate: string,
): Promise<void> {
	const [num = '25', den = '1'] = rate.split('/');
	const samples = Math.round((frames * Number(den) * RATE) / Number(num));
	await run('ffmpeg', [
		...['-v', 'error', '-f', 'lavfi', '-i', `color=${colour}:s=160x90:r=${rate}`],
		...['-f', 'lavfi', '-i', `sine=frequency=${hertz}:sample_rate=${RATE}`],
		...['-vf', `trim=end_frame=${frames}`, '-af', `atrim=end_sample=${samples}`, '-ac', '2'],
		...['-c:v', 'libx264', '-g', '1', '-pix_fmt', 'yuv420p', '-c:a', 'pcm_s16le', file],
	]);
}

/** What melt makes of a project, from its first frame to `last`. */
export async function render(project: string, last: number): Promise<Rendered> {
	const out = `${project}.render.mov`;
	await renderWithMelt(project, last, out, ['vcodec=rawvideo', 'pix_fmt=rgb24', 'f=mov', 'ac=2']);
	const pixels = await decode(out, ['-vf', 'scale=1:1', '-f', 'rawvideo', '-pix_fmt', 'rgb24']);
	const samples = await decode(out, ['-f', 's16le', '-ac', '2', '-ar', String(RATE)]);
	const colours = Array.from({ length: pixels.length / 3 }, (_, frame) =>
		colourOf([...pixels.subarray(frame * 3, frame * 3 + 3)]),
	);
	const sound = Float64Array.from(
		{ length: samples.length / 4 },
		(_, sample) => samples.readInt16LE(sample * 4) / 32_768,
	);
	return { colours, sound };
}

/** Runs of one colour: `R×25 G×15 B×25`. */
export function runs(colours: readonly string[]): string {
	const found: { colour: string; count: number }[] = [];
	for (const colour of colours) {
		const last = found.at(-1);
		if (last?.colour === colour) last.count++;
		else found.push({ colour, count: 1 });
	}
	return found.map(({ colour, count }) => `${colour}×${count}`).join(' ');
}

/** Level of a tone between two frames, in dB under full scale, without 20 ms at both ends. */
export function toneLevel(
	sound: Float64Array,
	hertz: number,
	frames: { readonly start: number; readonly end: number },
	framesPerSecond: number,
): number {
	const from = Math.round((frames.start / framesPerSecond + 0.02) * RATE);
	const to = Math.round((frames.end / framesPerSecond - 0.02) * RATE);
	let cosine = 0;
	let sine = 0;
	for (let sample = from; sample < to; sample++) {
		const phase = (2 * Math.PI * hertz * sample) / RATE;
		cosine += (sound[sample] ?? 0) * Math.cos(phase);
		sine += (sound[sample] ?? 0) * Math.sin(phase);
	}
	return 20 * Math.log10(Math.max(1e-6, (2 * Math.hypot(cosine, sine)) / (to - from)));
}

async function decode(file: string, options: readonly string[]): Promise<Buffer> {
	const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', file, ...options, '-'], {
		encoding: 'buffer',
		maxBuffer: 1 << 28,
	});
	return stdout;
}

function colourOf(rgb: readonly number[]): string {
	const brightest = Math.max(...rgb);
	if (brightest < 40) return 'K';
	const strong = ['R', 'G', 'B'].filter((_, index) => (rgb[index] ?? 0) > brightest * 0.6);
	return strong.length === 1 ? (strong[0] ?? '') : `(${rgb.join(',')})`;
}

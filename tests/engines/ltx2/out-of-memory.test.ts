import { execFile } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { countClip } from '../../../inference-daemon/media/verify.ts';
import type { Clip } from '../../../protocol/jobs.ts';
import { ffmpeg } from '../../media/media-files.ts';
import { bundle, scratchFolder } from './scratch.ts';
import { GAP, makeCut, openStudio, requestFor, type Studio } from './shots.ts';

let studio: Studio;
let scratch = '';
let program = '';
beforeAll(async () => {
	studio = await openStudio();
	scratch = scratchFolder('memory');
	program = join(scratch, 'make.mjs');
	await bundle(program, { contents: MAKE });
});
afterAll(async () => {
	await studio.close();
	await rm(scratch, { recursive: true });
});

/** Makes a shot and says the most addresses that it took, in kB, and what came of it. */
const MAKE = `
	import { readFileSync } from 'node:fs';
	import { ltx2 } from '../../../inference-daemon/engines/ltx2/engine.ts';
	const { request, workplace } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
	const plan = await ltx2.plan(request);
	const outputs = [];
	const signal = new AbortController().signal;
	const report = (output) => outputs.push(output);
	const clip = await ltx2.generate(request, workplace, { report, signal });
	const status = readFileSync('/proc/self/status', 'utf8');
	console.log(JSON.stringify({
		peak: Number(/VmPeak:\\s+(\\d+)/.exec(status)[1]),
		plan,
		clip,
		previews: outputs.filter(({ kind }) => kind === 'preview').length,
		progress: outputs.filter(({ kind }) => kind === 'progress'),
	}));
`;

type Made = {
	readonly peak: number;
	readonly plan: { readonly workSize: { readonly width: number; readonly height: number } };
	readonly clip: Clip;
	/** One after each step. */
	readonly previews: number;
	readonly progress: readonly { readonly progress: number; readonly phase: string }[];
};

async function made(name: string, pixels: number, kilobytes: number | 'unlimited'): Promise<Made> {
	const cut = await makeCut(studio, { num: 24, den: 1, width: 1536, height: 832 });
	const settings = { model: studio.model, pixels, steps: 1, stages: 1, provider: 'cpu' };
	const request = requestFor('insert', cut, { settings });
	const clipPath = join(studio.clips, `${name}.mov`);
	const { folder } = studio;
	// Each reads its prompt, whose thread takes addresses too.
	const cache = join(folder, `${name} cache`);
	const workplace = { ffmpeg, folder, cache, unfinished: join(cache, 'job'), clipPath };
	const asked = join(folder, `${name}.json`);
	await writeFile(asked, JSON.stringify({ request, workplace }));
	const command = `ulimit -v ${kilobytes} && exec "$0" --max-old-space-size=512 "$1" "$2"`;
	const args = ['-c', command, process.execPath, program, asked];
	const { stdout } = await promisify(execFile)('sh', args, { maxBuffer: 1 << 26 });
	return JSON.parse(stdout.trim().split('\n').at(-1)!) as Made;
}

it.runIf(process.platform === 'linux')(
	'a shot for which memory runs out as it is drawn goes on in smaller tiles, as large as it was, and says so',
	async () => {
		const whole = 1536 * 832;
		const full = await made('full', whole, 'unlimited');
		const half = await made('half', whole / 2, 'unlimited');
		expect(full.peak).toBeGreaterThan(half.peak + 150_000);
		const limit = Math.round((full.peak + half.peak) / 2);
		const limited = await made('limited', whole, limit);
		const { clip, progress } = limited;
		expect(await countClip(clip.path)).toEqual({ frames: GAP, samples: 20_000 });
		const note = 'Memory ran out while drawing the picture, so it went on in smaller tiles.';
		expect(clip.notes).toEqual([note]);
		expect(clip.size).toEqual(full.clip.size);
		const shares = progress.map((one) => one.progress);
		expect(shares).toEqual([...shares].sort((a, b) => a - b));
		expect(progress.some(({ phase }) => phase === note)).toBe(true);
		// Nothing but the drawing was done again.
		expect(limited.previews).toBe(full.previews);
		// Of a network of random numbers, whose tiles know nothing of each other beyond their edges.
		expect(await apart(clip.path, full.clip.path)).toBeLessThan(8);
		expect(await readdir(studio.clips)).toEqual(['full.mov', 'half.mov', 'limited.mov']);
	},
);

/** Mean distance of two clips' pictures, in levels of 255. */
async function apart(one: string, other: string): Promise<number> {
	const [a, b] = await Promise.all([one, other].map((path) => pictures(path)));
	let sum = 0;
	for (let i = 0; i < a!.length; i++) sum += Math.abs(a![i]! - b![i]!);
	expect(b).toHaveLength(a!.length);
	return sum / a!.length;
}

async function pictures(path: string): Promise<Uint8Array> {
	const args = ['-v', 'error', '-i', path, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
	const options = { encoding: 'buffer', maxBuffer: 1 << 28 } as const;
	const { stdout } = await promisify(execFile)(ffmpeg.path, args, options);
	return stdout;
}

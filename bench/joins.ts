import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelModule, loadKernels } from '../inference-daemon/engines/inbetween/kernels.ts';
import { type JoinMedia, LIMITS, scoreJoin } from '../inference-daemon/joins/join-scores.ts';
import { quantile } from '../inference-daemon/joins/statistics.ts';
import { findFfmpeg } from '../inference-daemon/media/locate.ts';
import type { JoinScores } from '../protocol/media.ts';
import { casesOf } from './joins/cases.ts';

/**
 * `--footage=DIR`: what the scores of joins are in real footage, where nothing is wrong at a join and
 * where something is. The limits come from here. Default: the samples of the tests.
 */
const footage =
	process.argv.find((one) => one.startsWith('--footage='))?.slice('--footage='.length) ??
	'tests/samples/media';
const ffmpeg = await findFfmpeg();
const kernels = loadKernels(await kernelModule());
const { signal } = new AbortController();
const folder = await mkdtemp(join(tmpdir(), 'pickup-joins-'));
const found = new Map<string, JoinScores[]>();
try {
	for (const name of (await readdir(footage)).sort()) {
		let joins = 0;
		for await (const { kind, media } of casesOf(ffmpeg, join(footage, name), folder, kernels)) {
			const measured = await scoreJoin(kernels, media, signal);
			const scores = { ...measured, motion: of1920(measured.motion, media) };
			found.set(kind, [...(found.get(kind) ?? []), scores]);
			if (process.argv.includes('--each')) console.log(name, kind, JSON.stringify(scores));
			joins += 1;
		}
		console.log(`${name}: ${joins} joins`);
	}
} finally {
	await rm(folder, { recursive: true });
}
/** Pictures of different sizes are compared as if all were 1920 wide. */
function of1920(motion: JoinScores['motion'], { picture }: JoinMedia): JoinScores['motion'] {
	if (!motion || !picture) return null;
	const width = picture.before[0]!.width * picture.scale;
	return { ...motion, value: (motion.value * 1920) / width };
}

console.log(`\nMedian (nine in ten below), share that may show by ${JSON.stringify(LIMITS)}`);
console.log('| At the join | Joins | Picture | Motion | Colour | Loudness |');
console.log('|---|---|---|---|---|---|');
for (const [kind, all] of found) {
	const parts = (['picture', 'motion', 'colour', 'loudness'] as const).map((name) => {
		const scores = all.flatMap((one) => one[name] ?? []);
		if (scores.length === 0) return '–';
		const values = scores.map(({ value }) => Math.abs(value));
		const shows = scores.filter(({ mayShow }) => mayShow).length / scores.length;
		const told = [0.5, 0.9].map((share) => quantile(values, share).toFixed(2));
		return `${told[0]} (${told[1]}), ${Math.round(100 * shows)} %`;
	});
	console.log(`| ${kind} | ${all.length} | ${parts.join(' | ')} |`);
}

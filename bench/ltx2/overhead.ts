import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFfmpeg } from '../../inference-daemon/media/locate.ts';
import { median } from '../measure.ts';
import { writeModelFolder } from './model-folder.ts';
import { type Part, partsOf } from './overhead-parts.ts';
import { writeLargeTokenizer } from './tokenizer.ts';

const ROUNDS = 5;
const BAR = 3000;

/** Shots whose window is 768×512×121, or as near to it as the sequence's shape allows. */
const SHOTS = [
	{ title: 'a new shot, 768×512×121', size: { width: 768, height: 512 }, shot: 0, gap: 121 },
	{
		title: 'a gap of 3 s in 768×512, a second of context on each side, 768×512×121',
		...{ size: { width: 768, height: 512 }, shot: 48, gap: 72 },
	},
	{
		title: 'a gap of 3 s in 1920×1080, a second of context on each side, worked at 864×480×121',
		...{ size: { width: 1920, height: 1080 }, shot: 48, gap: 72 },
	},
] as const;

/**
 * Processor time of all that a job does beside its networks, each part by itself at full size, with
 * stand-ins for the networks that give numbers at once. Each round is a new job, as in a new
 * process, but for compiled code. Medians, and the least, which is less of what else the machine did.
 */
export async function benchOverhead(folder: string): Promise<void> {
	const ffmpeg = await findFfmpeg();
	await writeModelFolder(join(folder, 'model'));
	await writeLargeTokenizer(join(folder, 'model', 'gemma-3-12b'));
	for (const { title, ...shot } of SHOTS) {
		const place = await mkdtemp(join(tmpdir(), 'pickup-bench-'));
		try {
			const rounds: Part[][] = [];
			for (let round = 0; round < ROUNDS; round++) {
				const cache = join(place, `${round}`);
				await mkdir(cache);
				rounds.push(await partsOf({ ffmpeg, folder, cache, ...shot }));
			}
			report(title, rounds);
		} finally {
			await rm(place, { recursive: true, force: true });
		}
	}
}

function report(title: string, rounds: readonly Part[][]): void {
	console.log(`all but the networks of ${title}, CPU time of ${ROUNDS} rounds:`);
	const sums = { 'a new prompt': new Sum(), 'a prompt read before': new Sum() };
	for (const [i, { name, isPrompt, isGuided }] of rounds[0]!.entries()) {
		const of = rounds.map((parts) => parts[i]!);
		const times = of.map(({ milliseconds }) => milliseconds);
		const apart = of.map(({ milliseconds, besidePrompt }) => milliseconds - besidePrompt);
		if (!isGuided) sums['a new prompt'].add(apart);
		if (!isGuided && !isPrompt) sums['a prompt read before'].add(times);
		const beside = median(times) - median(apart);
		const note = beside > 0 ? `, ${beside.toFixed(0)} ms of it while a new prompt is read` : '';
		console.log(`  ${name.padEnd(50)} ${told(times)}${note}`);
	}
	for (const [name, { usual, least }] of Object.entries(sums)) {
		const figures = `${usual.toFixed(0).padStart(6)} ms, least ${least.toFixed(0).padStart(6)} ms`;
		console.log(`  ${`together, with ${name}`.padEnd(50)} ${figures} (bar ${BAR})`);
	}
}

/** Of parts' medians, and of the least of each. */
class Sum {
	usual = 0;
	least = 0;

	add(times: readonly number[]): void {
		this.usual += median(times);
		this.least += Math.min(...times);
	}
}

function told(times: readonly number[]): string {
	const figure = (milliseconds: number) => `${milliseconds.toFixed(0).padStart(6)} ms`;
	return `${figure(median(times))}, least ${figure(Math.min(...times))}`;
}

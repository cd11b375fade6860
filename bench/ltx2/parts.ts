import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFfmpeg } from '../../inference-daemon/media/locate.ts';
import { median } from '../measure.ts';
import { writeModelFolder } from './model-folder.ts';
import { type Part, partsOf } from './overhead-parts.ts';
import { SHOTS } from './shots.ts';
import { writeLargeTokenizer } from './tokenizer.ts';

const ROUNDS = 5;

/**
 * Processor time of all that a job does beside its networks, each part by itself at full size, with
 * stand-ins for the networks that give numbers at once; whether it goes on while networks are at work
 * is not told. Each round is a new job, as in a new process, but for compiled code. Medians, and the
 * least, which is less of what else the machine did.
 */
export async function benchParts(folder: string): Promise<void> {
	const ffmpeg = await findFfmpeg();
	await writeModelFolder(join(folder, 'model'));
	await writeLargeTokenizer(join(folder, 'model', 'gemma-3-12b'));
	for (const { title, ...shot } of Object.values(SHOTS)) {
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
	console.log(`parts of ${title}, CPU time of ${ROUNDS} rounds:`);
	for (const [i, { name }] of rounds[0]!.entries()) {
		const times = rounds.map((parts) => parts[i]!.milliseconds);
		console.log(`  ${name.padEnd(50)} ${told(times)}`);
	}
}

function told(times: readonly number[]): string {
	const figure = (milliseconds: number) => `${milliseconds.toFixed(0).padStart(6)} ms`;
	return `${figure(median(times))}, least ${figure(Math.min(...times))}`;
}

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Card } from './card.ts';
import { nvmlCards } from './nvml.ts';

/**
 * In CUDA's order; none where there is no driver of NVIDIA's. Its program `nvidia-smi` is asked, and
 * its library where that is not on the path.
 */
export async function nvidiaCards(): Promise<readonly Card[]> {
	const told = (await ask([...FIELDS, 'name'])) ?? (await ask([...FIELDS.slice(1), 'name']));
	return told ?? (await nvmlCards());
}

/** `compute_cap` first: drivers before 510 do not know it, and refuse the whole question. */
const FIELDS = ['compute_cap', 'driver_version', 'memory.total', 'memory.free'] as const;

/** A driver may hang; in ms. */
const LONGEST = 60_000;

/** Null where the program is not there or does not answer. */
async function ask(fields: readonly string[]): Promise<readonly Card[] | null> {
	const query = [`--query-gpu=${fields.join()}`, '--format=csv,noheader,nounits'];
	const limits = { timeout: LONGEST, killSignal: 'SIGKILL' } as const;
	const answer = await run('nvidia-smi', query, limits).catch(() => null);
	if (answer === null) return null;
	return answer.stdout.split('\n').flatMap((line) => cardIn(line, fields));
}

/** None where the line is something else than the fields with commas between. */
function cardIn(line: string, fields: readonly string[]): readonly Card[] {
	const parts = line.split(',').map((part) => part.trim());
	if (parts.length < fields.length) return [];
	const told = new Map(fields.map((field, i) => [field, parts[i]!]));
	const number = (field: string) => Number(told.get(field)) || null;
	const bytes = (field: string) => (number(field) === null ? null : number(field)! * 1024 ** 2);
	return [
		{
			name: parts.slice(fields.length - 1).join(', '),
			memory: bytes('memory.total'),
			free: bytes('memory.free'),
			driver: told.get('driver_version') ?? null,
			compute: number('compute_cap'),
		},
	];
}

const run = promisify(execFile);

import { statfs } from 'node:fs/promises';
import { arch, cpus, platform, totalmem } from 'node:os';
import type { EngineDescription } from '../protocol/engines.ts';
import { problemOf } from '../protocol/errors.ts';
import type { Check } from '../protocol/rpc.ts';
import type { EngineRegistry } from './engines/registry.ts';
import type { Connections } from './hosts/connections.ts';
import type { Journal } from './jobs/journal.ts';
import type { Ffmpeg } from './media/types.ts';

export type MachineOptions = {
	readonly state: string;
	readonly journal: Pick<Journal, 'notices'>;
	/** Throws `ffmpeg-missing`. */
	readonly ffmpeg: () => Promise<Ffmpeg>;
	readonly engines: EngineRegistry;
	readonly connections: Pick<Connections, 'checks'>;
};

/** What works here, what does not and what to do about it. Takes some seconds; never throws. */
export async function checkMachine(options: MachineOptions): Promise<readonly Check[]> {
	const checks = await Promise.all([
		[computer()],
		ffmpegCheck(options),
		diskCheck(options.state),
		journalChecks(options),
		engineChecks(options),
		options.engines.check(),
		options.connections.checks(),
	]);
	return checks.flat();
}

/** Below this an encode may well run out of space. Bytes. */
const LITTLE_SPACE = 5e9;

function computer(): Check {
	const memory = `${gigabytes(totalmem())} memory`;
	const found = `Node ${process.versions.node}, ${platform()} ${arch()}, ${cpus().length} cores, ${memory}`;
	return { name: 'computer', status: 'ok', found, action: null };
}

async function ffmpegCheck({ ffmpeg }: MachineOptions): Promise<Check[]> {
	try {
		const { version, path, origin } = await ffmpeg();
		const found = `${version} at ${path} (${origin})`;
		return [{ name: 'ffmpeg', status: 'ok', found, action: null }];
	} catch (error) {
		const { message, action } = problemOf(error);
		return [{ name: 'ffmpeg', status: 'missing', found: message, action }];
	}
}

async function diskCheck(state: string): Promise<Check[]> {
	const { bavail, bsize } = await statfs(state);
	const free = bavail * bsize;
	const enough = free >= LITTLE_SPACE;
	return [
		{
			name: 'disk',
			status: enough ? 'ok' : 'warning',
			found: `${gigabytes(free)} free at ${state}`,
			action: enough ? null : 'Free some space: a minute of ProRes 422 HQ takes about 1.6 GB.',
		},
	];
}

function journalChecks({ journal }: MachineOptions): Check[] {
	return journal.notices.map((found) => ({
		name: 'jobs',
		status: 'warning',
		found,
		action: 'Keep or delete the copy: nothing uses it any more.',
	}));
}

async function engineChecks({ engines, ffmpeg }: MachineOptions): Promise<Check[]> {
	const descriptions = await engines.describe(await ffmpeg().catch(() => null));
	return [...descriptions.map(engineCheck), modelCheck(descriptions)];
}

function engineCheck({ name, ready, title, needs, kinds }: EngineDescription): Check {
	const missing = needs.filter(({ present }) => !present);
	return {
		name: `engine ${name}`,
		status: ready ? 'ok' : 'missing',
		found: ready
			? `${title}: ${kinds.join(', ')}`
			: `${title} needs ${missing.map(({ what }) => what).join(', ')}`,
		action: ready ? null : missing.map(({ action }) => action).join(' ') || null,
	};
}

function modelCheck(engines: readonly EngineDescription[]): Check {
	const models = engines.flatMap(({ model }) =>
		model ? [`${model.title} in ${model.folder}`] : [],
	);
	if (models.length > 0) {
		return { name: 'models', status: 'ok', found: models.join(', '), action: null };
	}
	const action = 'Drafts need none; what finished shots need is told with their engine.';
	return { name: 'models', status: 'missing', found: 'none', action };
}

function gigabytes(bytes: number): string {
	return `${(bytes / 1e9).toFixed(1)} GB`;
}

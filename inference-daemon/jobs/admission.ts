import { createHash } from 'node:crypto';
import { access, constants, stat } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { isTaken, nameTaken } from '../../files/write-whole.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { GenerationRequest, Plan } from '../../protocol/generation.ts';
import { requestFiles } from '../../protocol/request-files.ts';
import type { EngineRegistry } from '../engines/registry.ts';
import type { Ffmpeg } from '../media/types.ts';
import type { Submission } from './journal.ts';

export type Surroundings = {
	readonly engines: EngineRegistry;
	/** Null when there is none on this machine. */
	readonly findFfmpeg: () => Promise<Ffmpeg | null>;
	/** What is worth keeping from job to job. */
	readonly cache: string;
	/** Throws when the path is not that of a readable regular file. */
	readonly checkFile: (path: string) => Promise<unknown>;
	/** Throws when the path is not that of a folder that can be written to. */
	readonly checkFolder: (path: string) => Promise<unknown>;
};

/** What would be done for a request. Throws the refusal. */
export async function planRequest(
	request: GenerationRequest,
	surroundings: Surroundings,
): Promise<Plan> {
	return (await completed(request, surroundings)).plan;
}

/**
 * Checks everything that can be checked before a job is queued. Throws the first refusal. The
 * request that comes back has the settings that were left to the daemon.
 */
export async function admit(
	sent: GenerationRequest,
	surroundings: Surroundings,
): Promise<Pick<Submission, 'request' | 'plan' | 'clipPath'>> {
	const { request, plan } = await completed(sent, surroundings);
	const clipPath = await freeClipPath(request, surroundings);
	for (const [field, path] of requestFiles(request)) await checkPath(field, path, surroundings);
	return { request, plan, clipPath };
}

/** Equal for equal requests, whatever the order of their keys. */
export function fingerprintOf(request: GenerationRequest): string {
	return createHash('sha256')
		.update(canonical({ ...request, id: null }))
		.digest('hex');
}

/** The output folder must be there. Throws `folder-missing`, `folder-not-writable`. */
export async function checkFolder(folder: string): Promise<void> {
	const field = 'request.output.folder';
	if (!isAbsolute(folder)) {
		throw new PickupError('bad-request', `Expected an absolute folder, got ${folder}`, { field });
	}
	const stats = await stat(folder).catch(() => null);
	if (!stats?.isDirectory()) {
		const got = stats ? 'something else' : 'nothing';
		throw new PickupError('folder-missing', `Expected a folder at ${folder}, found ${got}`, {
			field,
		});
	}
	await access(folder, constants.W_OK | constants.X_OK).catch((cause: unknown) => {
		throw new PickupError('folder-not-writable', `Expected to be allowed to write to ${folder}`, {
			field,
			cause,
		});
	});
}

/**
 * A check that is not repeated for a path that has just passed: a thousand requests of one cut
 * name the same few files. What fails is looked at anew each time. `milliseconds` is how long a
 * pass holds.
 */
export function rememberPasses(
	check: (path: string) => Promise<unknown>,
	milliseconds: number,
): (path: string) => Promise<unknown> {
	const passes = new Map<string, Promise<unknown>>();
	return (path) => {
		let pass = passes.get(path);
		if (!pass) {
			pass = check(path);
			passes.set(path, pass);
			const forget = () => passes.delete(path);
			pass.then(() => setTimeout(forget, milliseconds).unref(), forget);
		}
		return pass;
	};
}

async function completed(
	sent: GenerationRequest,
	{ engines, findFfmpeg, cache }: Surroundings,
): Promise<Pick<Submission, 'request' | 'plan'>> {
	const ffmpeg = await findFfmpeg();
	const { engine, request, notes } = await engines.choose(sent, ffmpeg);
	const plan = await engine.plan(request, ffmpeg === null ? undefined : { cache, ffmpeg });
	return { request, plan: { ...plan, notes: [...notes, ...plan.notes] } };
}

/** What most file systems take as one name, in bytes. */
const LONGEST_NAME = 255;

/** Where a request's clip will stand. */
export function clipPathOf({ id, output }: GenerationRequest): string {
	return join(output.folder, `${output.name}-${id}.mov`);
}

async function freeClipPath(
	request: GenerationRequest,
	surroundings: Surroundings,
): Promise<string> {
	const { output } = request;
	await surroundings.checkFolder(output.folder);
	const path = clipPathOf(request);
	const name = basename(path);
	if (Buffer.byteLength(name) > LONGEST_NAME) {
		throw new PickupError('bad-request', `Expected a shorter name than "${output.name}"`, {
			field: 'request.output.name',
		});
	}
	if (await isTaken(path)) throw nameTaken(path, 'request.output.name');
	return path;
}

async function checkPath(field: string, path: string, { checkFile }: Surroundings) {
	try {
		await checkFile(path);
	} catch (error) {
		if (!(error instanceof PickupError)) throw error;
		throw PickupError.from({ ...error.toProblem(), field });
	}
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
	if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
	if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
	const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
	return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join()}}`;
}

import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, join, resolve } from 'node:path';
import { PickupError } from '../../protocol/errors.ts';
import { runFfmpeg } from './process.ts';
import type { Ffmpeg } from './types.ts';

/** What this room asks of a build, by the list that names it. */
const NEEDED = {
	encoders: ['prores_ks', 'dnxhd', 'libx264', 'pcm_s24le', 'mjpeg', 'png'],
	decoders: ['h264', 'hevc', 'prores', 'dnxhd', 'mpeg2video', 'aac', 'pcm_s24le', 'png'],
	demuxers: ['mov', 'matroska', 'mxf', 'mpegts', 'avi', 'wav', 'rawvideo', 's24le', 'png_pipe'],
	muxers: ['mov', 'rawvideo', 'f32le', 'framecrc', 'null', 'image2pipe'],
	filters: ['showinfo', 'ashowinfo', 'trim', 'atrim', 'scale', 'pad', 'setparams', 'bwdif'],
} as const;

const OLDEST = [5, 1] as const;

/**
 * The ffmpeg to use: the setting's and no other where there is one, else that of the
 * `ffmpeg-static` package where its download worked, else the one on PATH. Throws PickupError
 * `ffmpeg-missing` that says what was tried and why it will not do.
 */
export async function findFfmpeg(
	options: { setting?: string | undefined; env?: NodeJS.ProcessEnv } = {},
): Promise<Ffmpeg> {
	const { setting, env = process.env } = options;
	const candidates: readonly Candidate[] = setting
		? [{ origin: 'setting', path: resolve(setting) }]
		: [
				{ origin: 'ffmpeg-static', path: staticPath() },
				{ origin: 'PATH', path: await onPath(env) },
			];
	const refusals: string[] = [];
	for (const { origin, path } of candidates) {
		const found = path === null ? 'not there' : await inspect({ path, origin, version: '' });
		if (typeof found !== 'string') return found;
		refusals.push(path === null ? `${origin}: ${found}` : `${origin} (${path}): ${found}`);
	}
	throw new PickupError(
		'ffmpeg-missing',
		`Expected ffmpeg ${OLDEST.join('.')} or newer; ${refusals.join('; ')}`,
		{ field: setting ? 'ffmpeg' : undefined },
	);
}

/** How long a missing ffmpeg is taken for missing, in ms: somebody may be installing it. */
const LOOK_AGAIN = 3000;

/** Looks for ffmpeg once, in vain or not. Throws `ffmpeg-missing`. */
export function ffmpegFinder(setting: string | null): () => Promise<Ffmpeg> {
	let looking: Promise<Ffmpeg> | null = null;
	return () => {
		looking ??= findFfmpeg(setting === null ? {} : { setting }).catch((error: unknown) => {
			setTimeout(() => {
				looking = null;
			}, LOOK_AGAIN).unref();
			throw error;
		});
		return looking;
	};
}

type Candidate = { readonly origin: Ffmpeg['origin']; readonly path: string | null };

/** The package names a path even when its install script has not fetched the program. */
function staticPath(): string | null {
	try {
		const path: unknown = createRequire(import.meta.url)('ffmpeg-static');
		return typeof path === 'string' ? path : null;
	} catch {
		return null;
	}
}

async function onPath(env: NodeJS.ProcessEnv): Promise<string | null> {
	const name = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
	for (const folder of (env.PATH ?? env.Path ?? '').split(delimiter)) {
		const path = resolve(join(folder, name));
		if (folder !== '' && (await isExecutable(path))) return path;
	}
	return null;
}

async function isExecutable(path: string): Promise<boolean> {
	return access(path, constants.X_OK).then(
		() => true,
		() => false,
	);
}

/** The candidate with its version, or why it will not do. */
async function inspect(candidate: Ffmpeg): Promise<Ffmpeg | string> {
	if (!(await isExecutable(candidate.path))) return 'not there';
	try {
		// Nearly all of the time goes into starting the program, so both starts are made at once.
		const encoders = ask(candidate, '-encoders');
		encoders.catch(() => {});
		const about = await ask(candidate, '-version');
		const version = /^ffmpeg version (\S+)/.exec(about)?.[1];
		if (!version) return 'it is not ffmpeg';
		if (isTooOld(version)) return `version ${version} is too old`;
		// libx264 is what builds differ in; the rest is only missing where it was left out on purpose.
		const isCutDown = /--disable-(everything|all|(en|de)coder|(de)?muxer|filter)/.test(about);
		const lists = await Promise.all(
			Object.entries(isCutDown ? NEEDED : { encoders: NEEDED.encoders }).map(
				async ([list, names]) => {
					const listed = list === 'encoders' ? encoders : ask(candidate, `-${list}`);
					const present = new Set(namesIn(await listed));
					return names.filter((name) => !present.has(name)).map((name) => `${name} (${list})`);
				},
			),
		);
		const lacking = lists.flat();
		if (lacking.length > 0) return `it was built without ${lacking.join(', ')}`;
		return { ...candidate, version };
	} catch (error) {
		return `it does not run: ${error instanceof Error ? error.message : error}`;
	}
}

async function ask(ffmpeg: Ffmpeg, question: string): Promise<string> {
	const chunks: Uint8Array[] = [];
	await runFfmpeg(ffmpeg, {
		args: [question],
		signal: AbortSignal.timeout(120_000),
		onOutput: (chunk) => chunks.push(chunk),
	});
	return Buffer.concat(chunks).toString('utf8');
}

/** Lines are flags, then a name or several with commas, then a description. */
function namesIn(list: string): string[] {
	return list
		.split('\n')
		.flatMap((line) => /^ +[A-Z.|]+ +([\w,]+) /.exec(line)?.[1]?.split(',') ?? []);
}

/** Builds from a development tree have a version without numbers; they are taken as new. */
function isTooOld(version: string): boolean {
	const [major, minor] = /^n?(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
	if (major === undefined || minor === undefined) return false;
	return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

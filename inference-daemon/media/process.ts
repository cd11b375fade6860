import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { PickupError } from '../../protocol/errors.ts';
import type { Ffmpeg } from './types.ts';

export type FfmpegRun = {
	/** Never through a shell. Paths only as `inputArguments` and `outputArgument` write them. */
	readonly args: readonly string[];
	readonly signal?: AbortSignal | undefined;
	/** Goes to `pipe:0`. A chunk may be reused once the next one is asked for. */
	readonly input?: AsyncIterable<Uint8Array>;
	/** Goes to `pipe:3`, at the same time as `input`. */
	readonly secondInput?: AsyncIterable<Uint8Array>;
	/** Takes what comes from `pipe:1`; what it throws ends the run. */
	readonly onOutput?: (chunk: Uint8Array) => void;
	/** Takes each line of the log; needs a loglevel that says more than errors. */
	readonly onLine?: (line: string) => void;
};

/** ffmpeg ended with an error of its own; `lines` are the last errors that it logged. */
export class FfmpegFailure extends Error {
	readonly lines: readonly string[];

	constructor(lines: readonly string[], ending: string) {
		super(lines.length > 0 ? lines.join('; ') : ending);
		this.name = 'FfmpegFailure';
		this.lines = lines;
	}
}

const KEPT_LINES = 6;

/**
 * Runs ffmpeg to its end: the one place that starts it. Whatever happens the child has exited
 * and been reaped when this settles: when the signal aborts, an input or `onOutput` throws, it
 * is killed first. The first reason to stop is the one thrown: the signal's reason, the thrown
 * error, or an FfmpegFailure where ffmpeg failed by itself.
 */
export async function runFfmpeg(ffmpeg: Ffmpeg, run: FfmpegRun): Promise<void> {
	run.signal?.throwIfAborted();
	const child = spawn(ffmpeg.path, ['-nostdin', '-hide_banner', '-nostats', ...run.args], {
		stdio: [
			run.input ? 'pipe' : 'ignore',
			run.onOutput ? 'pipe' : 'ignore',
			'pipe',
			run.secondInput ? 'pipe' : 'ignore',
		],
		env: childEnvironment(),
		windowsHide: true,
	});
	let failure: { readonly error: unknown } | undefined;
	const stop = (error: unknown) => {
		failure ??= { error };
		child.kill('SIGKILL');
		for (const stream of child.stdio) stream?.destroy();
	};
	const onAbort = () => stop(run.signal?.reason);
	run.signal?.addEventListener('abort', onAbort, { once: true });

	const ended = endOf(child, (error) => stop(missing(ffmpeg, error)));
	const lastErrors = listen(child, run, stop);
	const feeds = [
		feed(child.stdin, run.input, ended, stop),
		feed(child.stdio[3] as Writable | null, run.secondInput, ended, stop),
	];
	const ending = await ended;
	await Promise.all(feeds);
	run.signal?.removeEventListener('abort', onAbort);
	if (failure) throw failure.error;
	if (ending !== null) throw new FfmpegFailure(lastErrors, ending);
}

/** FFREPORT would have ffmpeg write a log file wherever it points. */
function childEnvironment(): NodeJS.ProcessEnv {
	const { FFREPORT: _, ...env } = process.env;
	return { ...env, AV_LOG_FORCE_NOCOLOR: '1', LC_ALL: 'C' };
}

/** Settles when the child has exited and its pipes are closed: null, or how it failed. */
function endOf(child: ChildProcess, onMissing: (error: Error) => void): Promise<string | null> {
	return new Promise((resolve) => {
		child.on('error', (error) => {
			if (child.pid !== undefined) return;
			onMissing(error);
			resolve(null);
		});
		child.once('close', (code, signal) => {
			if (code === 0) resolve(null);
			else resolve(signal ? `it was ended by ${signal}` : `it exited with ${code}`);
		});
	});
}

function missing(ffmpeg: Ffmpeg, cause: Error): PickupError {
	return new PickupError(
		'ffmpeg-missing',
		`Expected ffmpeg at ${ffmpeg.path}, got ${cause.message}`,
		{ cause },
	);
}

function listen(child: ChildProcess, run: FfmpegRun, stop: (error: unknown) => void): string[] {
	const lastErrors: string[] = [];
	const takeLine = (line: string) => {
		const error = /\[(?:error|fatal|panic)\] (.*)$/.exec(line)?.[1];
		if (error && !lastErrors.includes(error)) {
			lastErrors.push(error);
			if (lastErrors.length > KEPT_LINES) lastErrors.shift();
		}
		run.onLine?.(line);
	};
	const guard = (work: () => void) => {
		try {
			work();
		} catch (error) {
			stop(error);
		}
	};
	let rest = '';
	child.stderr?.setEncoding('utf8');
	child.stderr?.on('data', (text: string) => {
		const lines = (rest + text).split(/[\r\n]+/);
		rest = lines.pop() ?? '';
		guard(() => lines.forEach(takeLine));
	});
	child.stderr?.on('end', () => guard(() => takeLine(rest)));
	child.stdout?.on('data', (chunk: Uint8Array) => guard(() => run.onOutput?.(chunk)));
	for (const stream of child.stdio) stream?.on('error', () => {});
	return lastErrors;
}

/**
 * Writes a source into a pipe, chunk by chunk as ffmpeg takes them. A pipe that ffmpeg has closed
 * is not an error here: its exit says why.
 */
async function feed(
	pipe: Writable | null,
	source: AsyncIterable<Uint8Array> | undefined,
	ended: Promise<unknown>,
	stop: (error: unknown) => void,
): Promise<void> {
	if (!pipe || !source) return;
	const iterator = source[Symbol.asyncIterator]();
	const gone = ended.then(() => null);
	try {
		for (;;) {
			const next = await Promise.race([iterator.next(), gone]);
			if (next === null) break;
			if (next.done) {
				pipe.end();
				return;
			}
			if (!(await Promise.race([write(pipe, next.value), gone]))) break;
		}
	} catch (error) {
		stop(error);
	}
	// Not awaited: a source that is busy making its next chunk would hold up the error.
	Promise.resolve(iterator.return?.()).catch(() => {});
}

function write(pipe: Writable, chunk: Uint8Array): Promise<boolean> {
	return new Promise((resolve) => {
		pipe.write(chunk, (error) => resolve(!error));
	});
}

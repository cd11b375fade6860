import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import type { Writable } from 'node:stream';
import { errorCode } from '../../files/system-errors.ts';
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
	/** The number of an open file that ffmpeg gets as its number 4. */
	readonly output?: number;
	/** Takes what comes from `pipe:1`; what it throws ends the run. */
	readonly onOutput?: (chunk: Uint8Array) => void;
	/** After so many ms it is ended and throws FfmpegTooSlow. */
	readonly limit?: number | undefined;
	/** Takes each line of the log; needs a loglevel that says more than errors. */
	readonly onLine?: (line: string) => void;
};

/** ffmpeg gave up by itself, over what it was given to do: the message has the last errors it logged. */
export class FfmpegFailure extends Error {
	override readonly name: string = 'FfmpegFailure';
}

/** ffmpeg was not done with what it was given to do in the time that it had for that. */
export class FfmpegTooSlow extends FfmpegFailure {
	override readonly name = 'FfmpegTooSlow';
}

const KEPT_LINES = 6;

/** Every ffmpeg of this process that has not ended, and when it has. */
const running = new Map<ChildProcess, Promise<unknown>>();

/** Ends every ffmpeg that this process has started, for one that is about to end itself. */
export async function endFfmpeg(): Promise<void> {
	while (running.size > 0) {
		for (const child of running.keys()) child.kill('SIGKILL');
		await Promise.all(running.values());
	}
}

/**
 * Runs ffmpeg to its end: the one place that starts it. Whatever happens the child has exited
 * and been reaped when this settles: when the signal aborts, an input or `onOutput` throws, it
 * is killed first. The first reason to stop is the one thrown: the signal's reason, the thrown
 * error, an FfmpegFailure where ffmpeg failed by itself, or PickupError `ffmpeg-missing` or
 * `ffmpeg-stopped` where the machine would not start it or ended it: that says nothing of the media.
 */
export async function runFfmpeg(ffmpeg: Ffmpeg, run: FfmpegRun): Promise<void> {
	run.signal?.throwIfAborted();
	const child = started(ffmpeg, ['-nostdin', '-hide_banner', '-nostats', ...run.args], {
		stdio: [
			run.input ? 'pipe' : 'ignore',
			run.onOutput ? 'pipe' : 'ignore',
			'pipe',
			run.secondInput ? 'pipe' : 'ignore',
			run.output ?? 'ignore',
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
	const tooSlow = () => stop(new FfmpegTooSlow(`it was not done after ${run.limit! / 1000} s`));
	const limit = run.limit === undefined ? undefined : setTimeout(tooSlow, run.limit);

	const ended = endOf(child, (error) => stop(notStarted(ffmpeg, error)));
	running.set(child, ended);
	void ended.then(() => running.delete(child));
	const lastErrors = listen(child, run, stop);
	const feeds = [
		feed(child.stdin, run.input, ended, stop),
		feed(child.stdio[3] as Writable | null, run.secondInput, ended, stop),
	];
	const ending = await ended;
	await Promise.all(feeds);
	run.signal?.removeEventListener('abort', onAbort);
	clearTimeout(limit);
	if (failure) throw failure.error;
	if (ending !== null) throw failureOf(ending, lastErrors);
}

type Ending = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** What ffmpeg logs where the machine refuses it something. */
const REFUSED = /Cannot allocate memory|Resource temporarily unavailable|Too many open files/;

function failureOf({ code, signal }: Ending, lastErrors: readonly string[]): Error {
	const said = lastErrors.join('; ');
	const killer = signal ?? signalTold(code);
	if (killer === 'SIGXFSZ') return new FfmpegFailure('File too large');
	if (killer) return stopped(`it was ended by ${killer}`);
	if (REFUSED.test(said)) return stopped(said);
	return new FfmpegFailure(said || `it exited with ${code}`);
}

/** A shell in between tells of signals by 128 and more, and ffmpeg of those that it heeds by 255. */
function signalTold(code: number | null): string | undefined {
	if (code === 255) return 'a signal';
	const found = Object.entries(constants.signals).find(([, number]) => code === 128 + number);
	return found?.[0];
}

function stopped(why: string, cause?: unknown): PickupError {
	const message = `Expected ffmpeg to come to its end: ${why}`;
	return new PickupError('ffmpeg-stopped', message, { cause });
}

/** FFREPORT would have ffmpeg write a log file wherever it points. */
function childEnvironment(): NodeJS.ProcessEnv {
	const { FFREPORT: _, ...env } = process.env;
	return { ...env, AV_LOG_FORCE_NOCOLOR: '1', LC_ALL: 'C' };
}

/** Settles when the child has exited and its pipes are closed: null, or how it failed. */
function endOf(child: ChildProcess, onError: (error: Error) => void): Promise<Ending | null> {
	return new Promise((resolve) => {
		child.on('error', (error) => {
			if (child.pid !== undefined) return;
			onError(error);
			resolve(null);
		});
		child.once('close', (code, signal) => resolve(code === 0 ? null : { code, signal }));
	});
}

/** Some of what keeps a program from starting is thrown, some of it told later. */
function started(ffmpeg: Ffmpeg, args: readonly string[], options: SpawnOptions): ChildProcess {
	try {
		return ffmpeg.isInBackground
			? behind(ffmpeg, args, options)
			: spawn(ffmpeg.path, args, options);
	} catch (error) {
		throw notStarted(ffmpeg, error);
	}
}

/**
 * Gives way to all others from its beginning on: on Linux a thread keeps the priority that its
 * process had when the thread was started.
 */
function behind({ path }: Ffmpeg, args: readonly string[], options: SpawnOptions): ChildProcess {
	const lowest = constants.priority.PRIORITY_LOW;
	if (process.platform !== 'win32')
		return spawn('nice', ['-n', `${lowest}`, path, ...args], options);
	const child = spawn(path, args, options);
	if (child.pid !== undefined) setPriority(child.pid, lowest);
	return child;
}

function notStarted(ffmpeg: Ffmpeg, cause: unknown): PickupError {
	const why = cause instanceof Error ? cause.message : String(cause);
	if (/^(EAGAIN|EMFILE|ENFILE|ENOMEM)$/.test(errorCode(cause) ?? '')) return stopped(why, cause);
	return new PickupError('ffmpeg-missing', `Expected ffmpeg at ${ffmpeg.path}, got ${why}`, {
		cause,
	});
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

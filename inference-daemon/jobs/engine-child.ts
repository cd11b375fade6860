import { type ChildProcess, fork } from 'node:child_process';
import { PickupError } from '../../protocol/errors.ts';
import type { Reporting } from '../engines/engine.ts';
import type { Ending, FromEngine, Task, ToEngine } from './engine-messages.ts';
import { endFollowers, endGroup } from './processes.ts';

/** ONNX Runtime would report to its maker, and leave files in the home folder for that. */
const NO_TELEMETRY = { ORT_DISABLE_TELEMETRY: '1' } as const;

/** What is told of a task on the way, and its end. */
export type Following = Pick<Reporting, 'report' | 'signal'> & {
	/** Told that it is paused and does nothing, and that it goes on. */
	readonly onStand: (stands: boolean) => void;
};

/** How long an engine may take to stop by itself before it is killed, in ms. */
const GRACE = 5000;

/** What it last wrote to stderr, kept for the message when it dies. Characters. */
const LAST_WORDS = 2000;

/** How long they are waited for where a process that left the group holds the pipe, in ms. */
const LAST_WORDS_WITHIN = 5000;

/** One engine process. It does one task after another until it dies or is ended. */
export class EngineChild {
	readonly pid: number;
	readonly #child: ChildProcess;
	readonly #gone: Promise<string>;
	#alive = true;
	#isPaused = false;
	#lastWords = '';
	#onMessage: (message: FromEngine) => void = () => {};

	/** Starts `program` as the leader of a process group of its own. */
	constructor(program: string, onOutput: (text: string) => void) {
		this.#child = fork(program, [], {
			detached: true,
			env: { ...process.env, ...NO_TELEMETRY },
			execArgv: [],
			serialization: 'advanced',
			stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
		});
		this.pid = this.#child.pid ?? 0;
		for (const stream of [this.#child.stdout, this.#child.stderr]) {
			stream?.setEncoding('utf8').on('data', (text: string) => {
				this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS);
				onOutput(text);
			});
		}
		this.#child.on('message', (message: FromEngine) => this.#onMessage(message));
		// It may close before the rest of its group has ended.
		const closed = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
		this.#gone = new Promise((resolve) => {
			this.#child.on('error', (error) => {
				this.#alive = false;
				resolve(`could not be started: ${error.message}`);
			});
			this.#child.on('exit', (code, signal) => {
				this.#alive = false;
				const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
				void this.#end(closed).then(() => resolve(how));
			});
		});
	}

	get alive(): boolean {
		return this.#alive;
	}

	/** Has it stand at its next gate, in this task and those to come, or go on. */
	pause(isPaused: boolean): void {
		if (isPaused === this.#isPaused) return;
		this.#isPaused = isPaused;
		this.#send({ kind: isPaused ? 'pause' : 'resume' });
	}

	/**
	 * Does one task. Never throws: an engine that dies is `engine-died`, one that does not stop in
	 * time when `signal` is aborted is killed. On return nothing that the task started runs on.
	 */
	async run(task: Task, { report, signal, onStand }: Following): Promise<Ending> {
		const { jobId } = task;
		let killing: ReturnType<typeof setTimeout> | undefined;
		const abort = () => {
			this.#send({ kind: 'abort', jobId });
			killing = setTimeout(() => void this.kill(), GRACE);
		};
		try {
			return await Promise.race([
				this.#gone.then((how) => this.#died(how, signal)),
				new Promise<Ending>((resolve) => {
					this.#onMessage = (message) => {
						if (message.jobId !== jobId) return;
						if (message.kind === 'report') report(message.report);
						else if (message.kind === 'stands') onStand(message.stands);
						else resolve(message.ending);
					};
					this.#send({ kind: 'task', task });
					if (signal.aborted) abort();
					else signal.addEventListener('abort', abort, { once: true });
				}),
			]);
		} finally {
			clearTimeout(killing);
			signal.removeEventListener('abort', abort);
			this.#onMessage = () => {};
			if (this.#alive) await endFollowers(this.pid);
		}
	}

	/** Ends the process and everything it has started; returns when they are gone. */
	async kill(): Promise<void> {
		if (this.#alive) await endGroup(this.pid);
		await this.#gone;
	}

	#send(message: ToEngine): void {
		// A failure to send means that the process is gone, which `#gone` tells.
		if (this.#child.connected) this.#child.send(message, () => {});
	}

	#died(how: string, signal: AbortSignal): Ending {
		if (signal.aborted) return { kind: 'aborted' };
		const words = this.#lastWords.trim();
		const message = `The engine's process ${how}${words === '' ? '' : `. It last said: ${words}`}`;
		return { kind: 'failed', problem: new PickupError('engine-died', message).toProblem() };
	}

	/** Ends what the process has left running, and waits for its last words. */
	async #end(closed: Promise<void>): Promise<void> {
		await endGroup(this.pid);
		const patience = new Promise((resolve) => setTimeout(resolve, LAST_WORDS_WITHIN).unref());
		await Promise.race([closed, patience]);
	}
}

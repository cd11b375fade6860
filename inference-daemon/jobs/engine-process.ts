/** The engine's own process: does one task at a time for the daemon and ends with it. */

import { constants, getPriority, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { systemProblem } from '../../files/system-errors.ts';
import { PickupError } from '../../protocol/errors.ts';
import { clipSchema } from '../../protocol/jobs.ts';
import { ELSEWHERE, type Report } from '../engines/engine.ts';
import { PauseGate } from '../engines/gate.ts';
import { EngineRegistry } from '../engines/registry.ts';
import type { Ending, FromEngine, Task, ToEngine } from './engine-messages.ts';

let current: { readonly jobId: string; readonly controller: AbortController } | null = null;
let registry: EngineRegistry | null = null;
const gate = new PauseGate((stands) => {
	if (current) tell({ kind: 'stands', jobId: current.jobId, stands });
});

giveWay();

process.on('message', (message: ToEngine) => {
	switch (message.kind) {
		case 'task':
			return void work(message.task);
		case 'abort':
			if (message.jobId === current?.jobId) current.controller.abort(new Error('aborted'));
			return;
		case 'pause':
			return gate.pause();
		case 'resume':
			return gate.resume();
	}
});
process.on('disconnect', endWithChildren);
watchParent();

async function work(task: Task): Promise<void> {
	const { jobId } = task;
	const controller = new AbortController();
	current = { jobId, controller };
	const ending = await generate(task, controller.signal);
	current = null;
	tell({ kind: 'ended', jobId, ending });
}

async function generate(task: Task, signal: AbortSignal): Promise<Ending> {
	const { jobId, request, engineModule, ...workplace } = task;
	const report = (report: Report) => tell({ kind: 'report', jobId, report });
	try {
		registry ??= new EngineRegistry(engineModule, console.error);
		const engine = await registry.named(task.engine);
		await gate.open(signal);
		const clip = clipSchema.safeParse(
			await engine.generate(request, workplace, { report, signal, gate }),
		);
		if (clip.success) return { kind: 'clip', clip: clip.data };
		const message = `Expected ${task.engine} to make a clip, it ended without one`;
		return { kind: 'failed', problem: new PickupError('engine-failed', message).toProblem() };
	} catch (error) {
		if (signal.aborted) return { kind: 'aborted' };
		if (error instanceof Error && error.name === ELSEWHERE) return { kind: 'elsewhere' };
		return { kind: 'failed', problem: systemProblem(error, 'engine-failed') };
	}
}

function tell(message: FromEngine): void {
	if (process.connected) process.send?.(message);
}

/**
 * Editors go first. On Linux a thread keeps the priority that its process had when the thread was
 * started, so this comes before all others; an ffmpeg that is started gets it too.
 */
function giveWay(): void {
	const { PRIORITY_BELOW_NORMAL } = constants.priority;
	try {
		if (getPriority() < PRIORITY_BELOW_NORMAL) setPriority(PRIORITY_BELOW_NORMAL);
	} catch (error) {
		console.error(`The engine could not be given a lower priority: ${error}`);
	}
}

/** The daemon made this process the leader of a group that holds every ffmpeg it starts. */
function endWithChildren(): void {
	// Not by an exit of its own, which a network that runs in another thread would turn into a crash.
	process.kill(process.platform === 'win32' ? process.pid : -process.pid, 'SIGKILL');
}

/**
 * Long calculations keep this thread from hearing that the channel closed, so another thread looks
 * after the parent too.
 */
function watchParent(): void {
	const watch = `
		const parent = ${process.ppid};
		setInterval(() => {
			if (process.ppid === parent) return;
			process.kill(process.platform === 'win32' ? process.pid : -process.pid, 'SIGKILL');
		}, 500);`;
	new Worker(watch, { eval: true }).unref();
}

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fcp7Xml, kdenlive, otio } from '../../demo/timelines.ts';
import type { PlacementReport } from '../../host-bridge/host.ts';
import type { InsertedSpan } from '../../host-bridge/timeline-file/splice.ts';
import type { Clip } from '../../protocol/jobs.ts';

/** A simple cut in every format that is read and written. */
export const FORMATS = [
	['cut.xml', fcp7Xml],
	['cut.otio', otio],
	['cut.kdenlive', kdenlive],
] as const;

/** What a verb that makes clips says of them as JSON. */
export type Made = {
	readonly timeline: string;
	readonly inserted: readonly InsertedSpan[];
	readonly clips: readonly Clip[];
	readonly placements: readonly PlacementReport[];
};

export const PICKUP = fileURLToPath(new URL('../../dist/pickup.mjs', import.meta.url));

/** What a command left: its exit code and what it wrote. */
export type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** A folder for files and a daemon of its own; `close` stops the daemon and removes the folder. */
export type Workbench = {
	readonly folder: string;
	readonly state: string;
	pickup(args: readonly string[], environment?: NodeJS.ProcessEnv): Promise<Outcome>;
	/** As `pickup`, but interrupted as by Ctrl-C, or by `act`, once `isTime` is true of what it has said. */
	interrupted(
		args: readonly string[],
		isTime: (said: string) => boolean,
		act?: (command: ChildProcess) => void,
	): Promise<Outcome>;
	/** The parsed output of a command that must succeed. */
	pickupJson<T>(args: readonly string[]): Promise<T>;
	close(): Promise<void>;
};

export async function openWorkbench(): Promise<Workbench> {
	const folder = await mkdtemp(join(tmpdir(), 'pickup end to end '));
	const state = join(folder, 'state');
	const pickup = (args: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
		run(process.execPath, [PICKUP, ...args], {
			...process.env,
			PICKUP_STATE: state,
			...environment,
		});
	return {
		folder,
		state,
		pickup,
		interrupted(args, isTime, act) {
			const environment = { ...process.env, PICKUP_STATE: state };
			return run(process.execPath, [PICKUP, ...args], environment, isTime, act);
		},
		async pickupJson<T>(args: readonly string[]) {
			const { code, stdout, stderr } = await pickup([...args, '--json']);
			if (code !== 0) throw new Error(`pickup ${args.join(' ')}: ${code}\n${stdout}\n${stderr}`);
			return JSON.parse(stdout) as T;
		},
		async close() {
			await pickup(['daemon', 'stop']);
			await rm(folder, { recursive: true, force: true });
		},
	};
}

/** The command as a user who may do less than a superuser; no more is in its environment. */
export function pickupAsOther(
	args: readonly string[],
	environment: NodeJS.ProcessEnv,
): Promise<Outcome> {
	const user = ['--reuid=54321', '--regid=54321', '--clear-groups'];
	const other = process.getuid?.() === 0 ? ['setpriv', ...user] : ['env'];
	const [program = '', ...before] = [...other, process.execPath, PICKUP];
	return run(program, [...before, ...args], { PATH: process.env.PATH, ...environment });
}

export function run(
	program: string,
	args: readonly string[],
	environment: NodeJS.ProcessEnv = process.env,
	isTime: (said: string) => boolean = () => false,
	act: (child: ChildProcess) => void = (child) => void child.kill('SIGINT'),
): Promise<Outcome> {
	const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment });
	let hasActed = false;
	let stdout = '';
	let stderr = '';
	child.stdout.setEncoding('utf8').on('data', (text: string) => {
		stdout += text;
	});
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		stderr += text;
		if (hasActed || !isTime(stderr)) return;
		hasActed = true;
		act(child);
	});
	return new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
	});
}

/** The command with somebody at a terminal who types an answer to what it asks; stdout has all that shows. */
export function atTerminal(
	args: readonly string[],
	environment: NodeJS.ProcessEnv,
	{ to, answer }: { readonly to: string; readonly answer: string },
): Promise<Outcome> {
	const line = [process.execPath, PICKUP, ...args].map((part) => `'${part}'`).join(' ');
	const child = spawn('script', ['-qec', line, '/dev/null'], {
		env: environment,
		stdio: ['pipe', 'pipe', 'pipe'],
	});
	let stdout = '';
	let isAnswered = false;
	child.stdout.setEncoding('utf8').on('data', (text: string) => {
		stdout += text;
		if (isAnswered || !stdout.includes(to)) return;
		isAnswered = true;
		child.stdin.write(answer);
	});
	return new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (code) => {
			child.stdin.destroy();
			resolve({ code: code ?? -1, stdout, stderr: '' });
		});
	});
}

/** The bytes that a program writes to its standard output. Throws when it fails. */
export function bytesOf(program: string, args: readonly string[]): Promise<Buffer> {
	const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
	const chunks: Buffer[] = [];
	let stderr = '';
	child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		stderr += text;
	});
	return new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (code) =>
			code === 0 ? resolve(Buffer.concat(chunks)) : reject(new Error(`${program}: ${stderr}`)),
		);
	});
}

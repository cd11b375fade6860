import { spawn } from 'node:child_process';
import { once } from 'node:events';

type RunOptions = {
	readonly input?: AsyncIterable<Uint8Array>;
	readonly env?: NodeJS.ProcessEnv;
	/** After so many ms it is ended, which is to fail. */
	readonly timeout?: number;
};

/** Runs a program to its end. Throws with the last of what it said when it fails. */
export async function run(
	program: string,
	args: readonly string[],
	options: RunOptions = {},
): Promise<string> {
	const child = spawn(program, args, {
		stdio: ['pipe', 'pipe', 'pipe'],
		env: options.env ?? process.env,
		timeout: options.timeout,
		killSignal: 'SIGKILL',
	});
	let out = '';
	let said = '';
	child.stdout.setEncoding('utf8').on('data', (text: string) => {
		out += text;
	});
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		said = `${said}${text}`.slice(-4000);
	});
	child.stdin.on('error', () => {});
	const closed = once(child, 'close');
	for await (const chunk of options.input ?? []) {
		if (!child.stdin.write(chunk)) await Promise.race([once(child.stdin, 'drain'), closed]);
	}
	child.stdin.end();
	const [code] = await closed;
	if (code !== 0) throw new Error(`${program} ended with ${code}: ${said.trim() || out.trim()}`);
	return out;
}

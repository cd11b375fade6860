import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import { openTerminal } from '../terminal.ts';
import { addSetupGpu } from './setup-gpu.ts';

const SCRIPT = 'ffmpeg-static/install.js';

export function addSetup(program: Command, exit: (code: number) => void): void {
	const setup = program
		.command('setup')
		.description('download what installing left out: ffmpeg; with gpu, what a graphics card needs')
		.option('--json', 'print JSON')
		.addHelpText('after', '\nExamples:\n  pickup setup\n  pickup setup gpu')
		.action(async (options: { json?: boolean }) => {
			const terminal = openTerminal(options.json === true);
			const what = 'ffmpeg (ffmpeg-static)';
			terminal.note(`Fetching ${what} …`);
			const failure = await runScript(SCRIPT);
			const otherwise = 'Install ffmpeg with your system instead; on Debian: apt install ffmpeg.';
			if (failure === null) terminal.line(`${what}: fetched`);
			else terminal.line(`${what}: not fetched (${failure}). ${otherwise}`);
			terminal.result({ results: [{ what, fetched: failure === null, failure }] });
			exit(failure === null ? EXIT.ok : EXIT.machine);
		});
	addSetupGpu(setup, exit);
}

/** null when the package's install script succeeded, else the last thing that it said. */
async function runScript(script: string): Promise<string | null> {
	const root = join(dirname(fileURLToPath(import.meta.url)), '..');
	const path = join(root, 'node_modules', script);
	if (!existsSync(path)) return `${script} is not installed`;
	const child = spawn(process.execPath, [path], {
		cwd: dirname(path),
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let said = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding('utf8').on('data', (text: string) => {
			said = `${said}${text}`.slice(-4000);
		});
	}
	const code = await new Promise<number | null>((resolve, reject) => {
		child.on('error', reject);
		child.on('close', resolve);
	});
	if (code === 0) return null;
	return reasonIn(said) ?? `exit code ${code}`;
}

/** The line that names the error, without the stack. */
function reasonIn(said: string): string | undefined {
	const lines = said.split('\n').map((line) => line.trim());
	return lines.find((line) => /error|ENOTFOUND|ECONN|EAI_AGAIN|refused/i.test(line));
}

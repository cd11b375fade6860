import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import { openTerminal, type Terminal } from '../terminal.ts';

/** Downloads that `npm ci` leaves out, because they need sites that not every network reaches. */
const DOWNLOADS = [
	{
		what: 'ffmpeg (ffmpeg-static)',
		script: 'ffmpeg-static/install.js',
		otherwise: 'Install ffmpeg with your system instead; on Debian: apt install ffmpeg.',
		wanted: () => true,
	},
	{
		what: 'CUDA libraries (onnxruntime-node)',
		script: 'onnxruntime-node/script/install.js',
		otherwise: 'Without them an NVIDIA GPU is used through WebGPU (Vulkan).',
		wanted: () => process.platform === 'linux' && process.arch === 'x64',
	},
] as const;

export function addSetup(program: Command, exit: (code: number) => void): void {
	program
		.command('setup')
		.description('download ffmpeg and the CUDA libraries that installing left out')
		.option('--json', 'print JSON')
		.addHelpText('after', '\nExample:\n  pickup setup')
		.action(async (options: { json?: boolean }) => {
			const terminal = openTerminal(options.json === true);
			const results = [];
			for (const download of DOWNLOADS.filter((each) => each.wanted())) {
				terminal.note(`Fetching ${download.what} …`);
				const failure = await runScript(download.script);
				results.push({ what: download.what, fetched: failure === null, failure });
				tell(terminal, download, failure);
			}
			terminal.result({ results });
			exit(results.every((result) => result.fetched) ? EXIT.ok : EXIT.machine);
		});
}

function tell(terminal: Terminal, download: (typeof DOWNLOADS)[number], failure: string | null) {
	if (failure === null) terminal.line(`${download.what}: fetched`);
	else terminal.line(`${download.what}: not fetched (${failure}). ${download.otherwise}`);
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

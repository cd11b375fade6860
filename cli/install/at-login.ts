import { execFile } from 'node:child_process';
import { lstat, mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { writeWhole } from '../../files/write-whole.ts';
import { escapeXml } from '../../host-bridge/timeline-file/xml-write.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { Machine } from './machine.ts';

const run = promisify(execFile);

/** How the daemon is started; all of it are absolute paths. */
export type DaemonStart = {
	readonly node: string;
	/** The daemon itself, and the command `pickup`, which starts it and ends. */
	readonly daemon: string;
	readonly pickup: string;
	readonly state: string;
	/** The folder with the weights, where one was named. */
	readonly model: string | undefined;
};

const RUN_KEY = 'HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run';
/** Characters of a command line; “Run and RunOnce Registry Keys” in Microsoft's documentation. */
const LONGEST_LINE = 260;
const LABEL = 'pickup.daemon';

/**
 * Has the system start the daemon when this person logs in: a systemd unit, a launchd agent or a value
 * of Windows' Run key. Gives where that stands. Throws `system-refused`.
 */
export async function startAtLogin(machine: Machine, start: DaemonStart): Promise<string> {
	if (machine.platform === 'win32') {
		await registry(['add', RUN_KEY, '/v', 'Pickup', '/t', 'REG_SZ', '/f', '/d', forWindows(start)]);
		return `${RUN_KEY}\\Pickup`;
	}
	const { file, link } = places(machine);
	await mkdir(dirname(file), { recursive: true });
	await writeWhole(file, machine.platform === 'darwin' ? agent(start) : unit(start));
	if (link !== null) {
		// What `systemctl --user enable` does, also where no systemd runs yet.
		await mkdir(dirname(link), { recursive: true });
		await rm(link, { force: true });
		await symlink(file, link);
	}
	return file;
}

/** The system starts it no more; one that runs goes on. Gives whether it did before. */
export async function notAtLogin(machine: Machine): Promise<boolean> {
	const isOn = await startsAtLogin(machine);
	if (!isOn) return false;
	if (machine.platform === 'win32') {
		await registry(['delete', RUN_KEY, '/v', 'Pickup', '/f']);
		return true;
	}
	const { file, link } = places(machine);
	if (link !== null) await rm(link, { force: true });
	await rm(file, { force: true });
	return true;
}

export async function startsAtLogin(machine: Machine): Promise<boolean> {
	if (machine.platform === 'win32') {
		return run('reg', ['query', RUN_KEY, '/v', 'Pickup']).then(
			() => true,
			() => false,
		);
	}
	const { file, link } = places(machine);
	if (link !== null && !(await lstat(link).catch(() => null))) return false;
	return (await readFile(file).catch(() => null)) !== null;
}

/** The file that says so, and for systemd the link that switches it on. */
function places({ platform, home, env }: Machine): { file: string; link: string | null } {
	if (platform === 'darwin') {
		return { file: join(home, 'Library', 'LaunchAgents', `${LABEL}.plist`), link: null };
	}
	const folder = join(env.XDG_CONFIG_HOME || join(home, '.config'), 'systemd', 'user');
	const name = 'pickup.service';
	return { file: join(folder, name), link: join(folder, 'default.target.wants', name) };
}

function foreground(start: DaemonStart): readonly string[] {
	return [start.node, start.daemon, ...options(start)];
}

function options({ state, model }: DaemonStart): readonly string[] {
	return ['--state', state, ...(model === undefined ? [] : ['--model', model])];
}

function unit(start: DaemonStart): string {
	return `[Unit]
Description=Pickup: clips made for gaps in the cut

[Service]
ExecStart=${foreground(start).map(forSystemd).join(' ')}

[Install]
WantedBy=default.target
`;
}

function agent(start: DaemonStart): string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>${LABEL}</string>
	<key>ProgramArguments</key>
	<array>
${foreground(start)
	.map((word) => `\t\t<string>${escapeXml(word)}</string>`)
	.join('\n')}
	</array>
	<key>RunAtLoad</key>
	<true/>
</dict>
</plist>
`;
}

/** systemd.service(5), “Command lines”: % and $ mean something also in quotes. */
function forSystemd(word: string): string {
	const escaped = word.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$');
	return `"${escaped}"`;
}

/** Throws `system-refused` for a line that Windows would not run. */
function forWindows(start: DaemonStart): string {
	const { node, pickup } = start;
	// A program that stays would leave a window open.
	const words = [node, pickup, 'daemon', 'start', ...options(start)];
	const line = words.map((word) => (/[\s]/.test(word) ? `"${word}"` : word)).join(' ');
	if (line.length <= LONGEST_LINE) return line;
	const got = `${line.length}: ${line}`;
	throw new PickupError(
		'system-refused',
		`Expected a command of at most ${LONGEST_LINE} characters, got ${got}`,
		{ action: 'Take folders with shorter names, or call it from Windows’ Startup folder.' },
	);
}

async function registry(args: readonly string[]): Promise<void> {
	try {
		await run('reg', [...args]);
	} catch (cause) {
		const said = cause instanceof Error ? cause.message : String(cause);
		throw new PickupError('system-refused', `Windows did not take the entry: ${said}`, {
			action: 'Look whether `reg` runs in a terminal, and try again.',
			cause,
		});
	}
}

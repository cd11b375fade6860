import { execFile } from 'node:child_process';
import { lstat, mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { writeWhole } from '../../files/write-whole.ts';
import { escapeXml } from '../../host-bridge/timeline-file/xml-write.ts';
import { PickupError } from '../../protocol/errors.ts';
import type { Machine } from './machine.ts';

const run = promisify(execFile);

/** Starts the daemon and stays, and starts it and ends: each a program with its arguments. */
export type DaemonCommands = {
	readonly foreground: readonly string[];
	readonly detached: readonly string[];
};

const RUN_KEY = 'HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run';
const LABEL = 'pickup.daemon';

/**
 * Has the system start the daemon when this person logs in: a systemd unit, a launchd agent or a value
 * of Windows' Run key. Gives where that stands. Throws `system-refused`.
 */
export async function startAtLogin(machine: Machine, commands: DaemonCommands): Promise<string> {
	if (machine.platform === 'win32') {
		await registry([
			'add',
			RUN_KEY,
			'/v',
			'Pickup',
			'/t',
			'REG_SZ',
			'/f',
			'/d',
			forWindows(commands),
		]);
		return `${RUN_KEY}\\Pickup`;
	}
	const { file, link } = places(machine);
	await mkdir(dirname(file), { recursive: true });
	await writeWhole(file, machine.platform === 'darwin' ? agent(commands) : unit(commands));
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

function unit({ foreground }: DaemonCommands): string {
	return `[Unit]
Description=Pickup: clips made for gaps in the cut

[Service]
ExecStart=${foreground.map(forSystemd).join(' ')}

[Install]
WantedBy=default.target
`;
}

function agent({ foreground }: DaemonCommands): string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>${LABEL}</string>
	<key>ProgramArguments</key>
	<array>
${foreground.map((word) => `\t\t<string>${escapeXml(word)}</string>`).join('\n')}
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

function forWindows({ detached }: DaemonCommands): string {
	return detached.map((word) => (/[\s]/.test(word) ? `"${word}"` : word)).join(' ');
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

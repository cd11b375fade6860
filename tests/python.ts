import { execFile } from 'node:child_process';
import { access, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/** The reference readers of OpenTimelineIO and FCP 7 XML: code that is not ours. */
const PACKAGES = ['opentimelineio==0.18.1', 'otio-fcp-adapter==1.0.0'];

const run = promisify(execFile);
let made: Promise<string> | undefined;

/**
 * The path of a Python with OpenTimelineIO and its FCP 7 XML adapter, made on first use in
 * node_modules/.cache. Needs python3 with venv, and PyPI the first time.
 */
export function python(): Promise<string> {
	made ??= make();
	return made;
}

async function make(): Promise<string> {
	const cache = path.resolve(import.meta.dirname, '../node_modules/.cache');
	const folder = path.join(cache, `pickup-python-${PACKAGES.join('-').replaceAll('=', '')}`);
	const program = path.join(folder, process.platform === 'win32' ? 'Scripts' : 'bin', 'python');
	if (await exists(path.join(folder, 'complete'))) return program;
	await mkdir(cache, { recursive: true });
	// Test files run at the same time: one process makes it, the others wait for it.
	const lock = `${folder}.lock`;
	for (let waited = 0; !(await taken(lock)); waited++) {
		if (await exists(path.join(folder, 'complete'))) return program;
		if (waited > 600) throw new Error(`Another process did not finish ${folder}; remove ${lock}`);
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
	try {
		if (await exists(path.join(folder, 'complete'))) return program;
		await rm(folder, { recursive: true, force: true });
		await run('python3', ['-m', 'venv', folder]);
		const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
		await run(program, [...install, ...PACKAGES], { timeout: 1_800_000 });
		await mkdir(path.join(folder, 'complete'));
		return program;
	} finally {
		await rm(lock, { recursive: true, force: true });
	}
}

async function taken(lock: string): Promise<boolean> {
	try {
		await mkdir(lock);
		return true;
	} catch {
		return false;
	}
}

async function exists(file: string): Promise<boolean> {
	try {
		await access(file);
		return true;
	} catch {
		return false;
	}
}

import { execFile } from 'node:child_process';
import { access, mkdir, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** The reference readers of OpenTimelineIO and FCP 7 XML: code that is not ours. */
const PACKAGES = ['opentimelineio==0.18.1', 'otio-fcp-adapter==1.0.0'];

/** Blender without a window. */
const BPY = ['bpy==5.0.1'];

const run = promisify(execFile);
let made: Promise<string> | undefined;
let madeBpy: Promise<string> | undefined;

/**
 * The path of a Python with OpenTimelineIO and its FCP 7 XML adapter, made on first use in
 * node_modules/.cache. Needs python3 with venv, and PyPI the first time.
 */
export function python(): Promise<string> {
	made ??= make('python3', path.resolve(import.meta.dirname, '../node_modules/.cache'), PACKAGES);
	return made;
}

/**
 * The path of a Python that has Blender as a module: 374 MB from PyPI, which are kept once for the
 * machine, in the user's cache. PICKUP_TEST_BPY names another Python that has it. Needs python3.11,
 * the only one that this version is built for, with venv.
 */
export function bpyPython(): Promise<string> {
	madeBpy ??= makeBpy();
	return madeBpy;
}

async function makeBpy(): Promise<string> {
	if (process.env.PICKUP_TEST_BPY) return process.env.PICKUP_TEST_BPY;
	const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'pickup');
	try {
		return await make('python3.11', cache, BPY);
	} catch (cause) {
		throw new Error('Expected python3.11 with venv, to run Blender 5.0 (bpy) in', { cause });
	}
}

async function make(base: string, cache: string, packages: readonly string[]): Promise<string> {
	const folder = path.join(cache, `pickup-python-${packages.join('-').replaceAll('=', '')}`);
	const program = path.join(folder, process.platform === 'win32' ? 'Scripts' : 'bin', 'python');
	if (await exists(path.join(folder, 'complete'))) return program;
	await mkdir(cache, { recursive: true });
	// Test files run at the same time: one process makes it, the others wait for it.
	const lock = `${folder}.lock`;
	for (let waited = 0; !(await taken(lock)); waited++) {
		if (await exists(path.join(folder, 'complete'))) return program;
		if (waited > 4500) throw new Error(`Another process did not finish ${folder}; remove ${lock}`);
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
	try {
		if (await exists(path.join(folder, 'complete'))) return program;
		await rm(folder, { recursive: true, force: true });
		await run(base, ['-m', 'venv', folder]);
		const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
		await run(program, [...install, ...packages], { timeout: 1_800_000 });
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

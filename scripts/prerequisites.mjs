/**
 * System programs that npm cannot bring. As root on Debian and its kin they are installed, saying
 * so; otherwise the exact command is printed and the script stops.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Mesa's drivers are, by architecture and distribution. */
const DRIVERS = [
	'/usr/lib/x86_64-linux-gnu/dri',
	'/usr/lib/aarch64-linux-gnu/dri',
	'/usr/lib64/dri',
	'/usr/lib/dri',
];

const PROGRAMS = {
	ffmpeg: { package: 'ffmpeg', why: 'reads and writes the media' },
	melt: { package: 'melt', why: 'renders Kdenlive and MLT projects' },
	python3: { package: 'python3', why: 'runs the OpenTimelineIO library that checks our files' },
	'python3-venv': {
		package: 'python3-venv',
		why: 'gives that library a folder of its own',
		present: () => spawnSync('python3', ['-c', 'import venv, ensurepip']).status === 0,
	},
	'openshot-qt': {
		package: 'openshot-qt',
		why: 'is an editor that reads our FCP 7 XML',
		present: () =>
			spawnSync('/usr/bin/python3', ['-c', 'import openshot, openshot_qt']).status === 0,
	},
	blender: { package: 'blender', why: 'is the editor that the add-on is tested in' },
	'xvfb-run': { package: 'xvfb', why: 'gives Blender a screen to have its window on' },
	xauth: { package: 'xauth', why: 'lets Blender use that screen' },
	mesa: {
		package: 'libgl1-mesa-dri',
		why: 'draws Blender’s window without a graphics card',
		present: () => DRIVERS.some((folder) => existsSync(folder)),
	},
	'python3.11': {
		package: 'python3.11-venv',
		why: 'is the only Python that Blender 5.0 as a module runs in',
		present: () => spawnSync('python3.11', ['-c', 'import venv, ensurepip']).status === 0,
	},
	libnss: {
		package: 'libnss3',
		why: 'is what the Chromium of the tests needs of the system',
		present: () => knowsLibrary('libnss3.so'),
	},
	libvulkan: {
		package: 'libvulkan1',
		why: 'finds the driver on which the networks are tested without a GPU',
		present: () => knowsLibrary('libvulkan.so.1'),
	},
};

/** Makes sure of the named programs, or ends the process with what to install. */
export function ensurePrograms(names) {
	const missing = names.filter((name) => !isPresent(name));
	if (missing.length === 0) return;
	const packages = missing.map((name) => PROGRAMS[name].package);
	const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
	for (const name of missing) console.log(`Missing: ${name}, which ${PROGRAMS[name].why}.`);
	if (!onPath('apt-get') || process.getuid?.() !== 0) {
		console.error(`Install it first, for example: sudo ${command}`);
		process.exit(1);
	}
	console.log(`Installing as root: ${command}`);
	const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
	const options = { stdio: 'inherit', env: environment };
	spawnSync('apt-get', ['update', '-qq'], options);
	spawnSync('apt-get', command.split(' ').slice(1), options);
	const still = missing.filter((name) => !isPresent(name));
	if (still.length > 0) {
		console.error(`Could not install ${still.join(', ')}. Try: ${command}`);
		process.exit(1);
	}
}

function knowsLibrary(name) {
	const known = spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).stdout ?? '';
	return process.platform !== 'linux' || known.includes(name);
}

function isPresent(name) {
	return PROGRAMS[name].present?.() ?? onPath(name);
}

export function onPath(program) {
	const folders = (process.env.PATH ?? '').split(delimiter);
	return folders.some((folder) => existsSync(join(folder, program)));
}

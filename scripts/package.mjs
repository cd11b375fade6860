/**
 * `npm run package`: after a build, makes in dist/packages, or the folder that it is given, what
 * people install: an npm tarball of Pickup itself, and what goes into editing programs. The same
 * sources make the same bytes.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { importSource, root } from './tools.mjs';

/** A zip that says when it was made would be another one each time. */
const MADE = new Date(2000, 0, 1);

const dist = join(root, 'dist');

/** Plugins for Premiere: one that speaks to Pickup's ports, and one for builds that refuse such a list. */
const PREMIERE = { 'premiere-uxp': '', 'premiere-uxp-all': '-any-port' };

/** What the command, the daemon and the engines are run from. */
const PROGRAMS = [
	'pickup.mjs',
	'daemon.mjs',
	'engine.mjs',
	'provider-probe.mjs',
	'vulkan-probe.mjs',
	'inbetween-worker.mjs',
	'inbetween.wasm',
	'ltx2-tokenizer.mjs',
	'ltx2-weights.mjs',
	'panel',
	'pickup-blender.zip',
	'Pickup.py',
	'premiere-uxp.ccx',
	'premiere-uxp-all.ccx',
	'cep.zip',
];

/** Packages that are not in the bundles: native, or looked for at run time. */
const OUTSIDE = ['koffi', 'libsql', 'onnxruntime-node', 'trash'];

const to = resolve(process.argv[2] ?? join(dist, 'packages'));
await packageAll();
for (const name of readdirSync(to).sort()) console.log(join(to, name));

async function packageAll() {
	const { version, ...own } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
	rmSync(to, { recursive: true, force: true });
	mkdirSync(to, { recursive: true });
	cpSync(join(dist, 'pickup-blender.zip'), join(to, `pickup-blender-${version}.zip`));
	cpSync(join(dist, 'cep.zip'), join(to, `pickup-cep-${version}.zip`));
	await signCep(join(to, `pickup-cep-${version}.zxp`));
	const script = { 'Pickup.py': read('dist/Pickup.py'), LICENSE: read('LICENSE') };
	writeFileSync(join(to, `pickup-resolve-${version}.zip`), zipSync(script, { mtime: MADE }));
	for (const [folder, suffix] of Object.entries(PREMIERE)) {
		cpSync(join(dist, `${folder}.ccx`), join(to, `pickup-premiere-${version}${suffix}.ccx`));
	}
	packNpm({ ...own, version });
}

/** Signed where Adobe's ZXPSignCmd runs, and then another file each time; else there is none. */
async function signCep(zxp) {
	const { signedZxp } = await importSource('cli/install/cep.ts');
	const files = new Map(Object.entries(unzipSync(read('dist/cep.zip'))));
	const bytes = await signedZxp({ platform: process.platform, env: process.env }, files);
	if (bytes !== null) writeFileSync(zxp, bytes);
}

/** `npm pack` of the built programs, with a package.json that asks for no more than they do. */
function packNpm({ name, version, description, license, engines, ...own }) {
	const stage = join(dist, 'stage');
	rmSync(stage, { recursive: true, force: true });
	mkdirSync(join(stage, 'dist'), { recursive: true });
	for (const file of PROGRAMS) {
		const filter = (path) => !path.endsWith('.map');
		cpSync(join(dist, file), join(stage, 'dist', file), { recursive: true, filter });
	}
	for (const file of ['LICENSE', 'README.md']) cpSync(join(root, file), join(stage, file));
	const manifest = {
		name,
		version,
		description,
		license,
		type: 'module',
		engines,
		bin: own.bin,
		files: ['dist'],
		dependencies: Object.fromEntries(OUTSIDE.map((each) => [each, own.dependencies[each]])),
		optionalDependencies: own.optionalDependencies,
	};
	writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, '\t')}\n`);
	const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
	const packed = spawnSync(npm, ['pack', '--silent', '--pack-destination', to], {
		cwd: stage,
		encoding: 'utf8',
		shell: process.platform === 'win32',
	});
	if (packed.status !== 0) throw new Error(`npm pack: ${packed.stderr}`);
	rmSync(stage, { recursive: true });
}

function read(file) {
	return readFileSync(join(root, file));
}

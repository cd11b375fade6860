import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unzipSync } from 'fflate';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from './daemon/harness.ts';
import { SIGNER } from './fakes/zxp-sign.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

/** By name, what a build of these sources makes for people. */
let packages: ReadonlyMap<string, Buffer>;
let folder: string;
beforeAll(async () => {
	folder = await temporaryFolder();
	packages = await packageInto(join(folder, 'packages'));
});

async function packageInto(to: string): Promise<ReadonlyMap<string, Buffer>> {
	await run('node', [join(root, 'scripts/package.mjs'), to]);
	const names = (await readdir(to)).sort();
	return new Map(
		await Promise.all(names.map(async (name) => [name, await readFile(join(to, name))] as const)),
	);
}

test('the same sources make the same packages, to the byte', async () => {
	expect(packages).toEqual(await packageInto(join(folder, 'again')));
});

test('what goes into editors holds what they load, and nothing else', () => {
	const files = (name: string) => Object.keys(unzipSync(packages.get(name)!)).sort();
	expect(files('pickup-resolve-0.1.0.zip')).toEqual(['LICENSE', 'Pickup.py']);
	const blender = files('pickup-blender-0.1.0.zip');
	expect(blender).toContain('pickup/__init__.py');
	expect(blender).toContain('pickup/blender_manifest.toml');
	expect(files('pickup-cep-0.1.0.zip')).toEqual([
		'CSXS/manifest.xml',
		'LICENSE',
		'icons/panel-dark.png',
		'icons/panel-dark@2x.png',
		'icons/panel-light.png',
		'icons/panel-light@2x.png',
		'index.html',
		'jsx/after-effects.jsx',
		'jsx/premiere.jsx',
		'page.css',
		'page.js',
	]);
	expect(blender.filter((name) => !/^pickup\/(LICENSE|\w+\.(py|toml))$/.test(name))).toEqual([]);
});

test.each([
	['pickup-premiere-0.1.0.ccx', /^127\.0\.0\.1:178\d\d$/],
	['pickup-premiere-0.1.0-any-port.ccx', null],
])(
	'%s holds what its manifest names, and may speak to this machine alone where a list is taken',
	(name, hosts) => {
		const files = unzipSync(packages.get(name)!);
		const manifest = JSON.parse(Buffer.from(files['manifest.json']!).toString());
		expect(manifest).toMatchObject({ version: '0.1.0', main: 'index.html' });
		const icons = [...manifest.icons, ...manifest.entrypoints[0].icons].flatMap(
			({ path }: { path: string }) => [path, path.replace('.png', '@2x.png')],
		);
		const wanted = ['manifest.json', 'index.html', 'main.js', ...icons];
		expect(Object.keys(files).sort()).toEqual([...new Set(wanted)].sort());
		const { domains } = manifest.requiredPermissions.network;
		if (hosts === null) expect(domains).toBe('all');
		else for (const domain of domains) expect(new URL(domain).host).toMatch(hosts);
	},
);

test('the extension for Adobe’s editors is of this version, and has the files that its manifest names', () => {
	const extension = unzipSync(packages.get('pickup-cep-0.1.0.zip')!);
	const manifest = Buffer.from(extension['CSXS/manifest.xml']!).toString();
	expect(manifest).toContain('ExtensionBundleVersion="0.1.0"');
	expect(manifest).not.toContain('"0.0.0"');
	const named = [...manifest.matchAll(/>\.\/([^<]+)</g)].map(([, path]) => path);
	expect(named).toContain('index.html');
	expect(named.filter((path) => !(path! in extension))).toEqual([]);
});

test('where Adobe’s program for it is, the extension is packaged signed as well', async () => {
	expect([...packages.keys()].filter((name) => name.endsWith('.zxp'))).toEqual([]);
	const signer = join(folder, 'ZXPSignCmd');
	await writeFile(signer, SIGNER);
	const to = join(folder, 'signed');
	await run('node', [join(root, 'scripts/package.mjs'), to], {
		env: { ...process.env, PICKUP_ZXPSIGNCMD: signer },
	});
	const zxp = unzipSync(await readFile(join(to, 'pickup-cep-0.1.0.zxp')));
	const own = Object.keys(unzipSync(packages.get('pickup-cep-0.1.0.zip')!));
	expect(Object.keys(zxp).sort()).toEqual([...own, 'META-INF/signatures.xml'].sort());
});

test('the tarball holds the programs, and runs with the packages that it asks for', async () => {
	const tarball = join(folder, 'packages/pickup-0.1.0.tgz');
	const { stdout } = await run('tar', ['tzf', tarball]);
	const names = stdout.trim().split('\n');
	expect(names).toContain('package/dist/pickup.mjs');
	expect(names).toContain('package/dist/panel/index.html');
	expect(names).toContain('package/dist/premiere-uxp-all.ccx');
	const expected =
		/^package\/(LICENSE|README\.md|package\.json|dist\/(panel\/)?[\w-]+\.(mjs|wasm|zip|py|ccx|js|css|html|svg))$/;
	expect(names.filter((name) => !expected.test(name))).toEqual([]);

	const home = join(folder, 'home');
	await mkdir(join(home, 'node_modules'), { recursive: true });
	await run('tar', ['xzf', tarball, '-C', home]);
	const manifest = JSON.parse(await readFile(join(home, 'package/package.json'), 'utf8'));
	expect(Object.keys(manifest.dependencies)).toEqual([
		'koffi',
		'libsql',
		'onnxruntime-node',
		'trash',
	]);
	// Each with what it asks for itself, as npm has installed it here.
	for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
		await symlink(join(root, 'node_modules', name), join(home, 'node_modules', name));
	}
	const pickup = (...args: string[]) =>
		run('node', [join(home, 'package', manifest.bin.pickup), ...args], {
			env: { ...process.env, PICKUP_STATE: join(folder, 'state') },
		});
	expect((await pickup('--version')).stdout.trim()).toBe('0.1.0');
	const checked = JSON.parse((await pickup('doctor', '--json')).stdout) as {
		checks: { name: string; status: string }[];
	};
	expect(checked.checks).toContainEqual(
		expect.objectContaining({ name: 'provider cpu', status: 'ok' }),
	);
	await pickup('daemon', 'stop');
});

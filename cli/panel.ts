import open from 'open';
import type { PortFile } from '../protocol/rpc.ts';
import type { Terminal } from './terminal.ts';

/** `--browser` and `--no-browser`; undefined where neither was given. */
export type BrowserOption = { readonly browser?: boolean };

/** Where the panel is, for one editor or for whichever is connected. The token is for the browser alone. */
export function panelAddress({ port, token }: PortFile, host?: string): string {
	const editor = host === undefined ? '' : `&host=${host}`;
	return `${pageAddress(port)}#token=${token}${editor}`;
}

/**
 * Opens the panel in the system's browser where there is somebody to see it; else says where it is.
 * The token goes to a terminal only, where it is in nobody's log.
 */
export async function showPanel(
	daemon: PortFile,
	host: string | undefined,
	{ browser = hasDisplay() && process.stdout.isTTY }: BrowserOption,
	terminal: Terminal,
): Promise<void> {
	const address = panelAddress(daemon, host);
	const page = pageAddress(daemon.port);
	if (browser && (await openInBrowser(address))) {
		terminal.line(`The panel is in your browser, at ${page}`);
	} else if (process.stdout.isTTY && !terminal.json) {
		terminal.line(`The panel: ${address}`);
	} else {
		terminal.line(`The panel is at ${page}; with --browser it is opened for you`);
	}
}

function pageAddress(port: number): string {
	return `http://127.0.0.1:${port}/panel/`;
}

function hasDisplay(): boolean {
	if (process.platform !== 'linux') return true;
	return Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

/** False where the system has no way to open one. */
async function openInBrowser(address: string): Promise<boolean> {
	try {
		const child = await open(address);
		return await new Promise((resolve) => {
			child.once('error', () => resolve(false)).once('exit', (code) => resolve(code === 0));
			// A browser that goes on running has been opened.
			setTimeout(() => resolve(true), OPENED_AFTER).unref();
		});
	} catch {
		return false;
	}
}

/** How long it is waited for a browser to say that it cannot be opened, in ms. */
const OPENED_AFTER = 3000;

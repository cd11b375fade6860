import { openWithSystem } from '../files/open-with-system.ts';
import type { PortFile } from '../protocol/rpc.ts';
import { isWatched } from './display.ts';
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
	{ browser = isWatched() }: BrowserOption,
	terminal: Terminal,
): Promise<void> {
	const address = panelAddress(daemon, host);
	const page = pageAddress(daemon.port);
	if (browser && (await openWithSystem(address))) {
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

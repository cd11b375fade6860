import type { premierepro } from '@adobe/premierepro';

/** What a UXP plugin finds around it, as far as it is used here. Nothing of it is of the web. */

/** `require('premierepro')`. */
export type Premiere = premierepro;

/** `require('fs')`: paths are the system's own. Needs the permission for the whole disk. */
export type Files = {
	readFile(path: string, options: { readonly encoding: 'utf-8' }): Promise<string>;
	readFile(path: string, options: Record<string, never>): Promise<ArrayBuffer>;
	rename(from: string, to: string): Promise<unknown>;
	unlink(path: string): Promise<unknown>;
};

/** `require('os')`. */
export type System = { platform(): string; homedir(): string };

/** `require('uxp')`. */
export type Uxp = {
	readonly host?: { readonly version?: string };
	readonly shell: { openExternal(url: string, reason: string): Promise<string> };
	readonly entrypoints: { setup(entrypoints: object): void };
};

/** As much of an element as UXP's own pages have and the plugin uses. */
export type Element = {
	textContent: string | null;
	readonly style: Record<string, string>;
	setAttribute(name: string, value: string): void;
	appendChild(child: Element): unknown;
	remove(): void;
	addEventListener(event: string, listener: () => void): void;
};

export type Page = { createElement(name: string): Element };

import { webcrypto } from 'node:crypto';
import { mkdir, readFile, rename, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createContext, Script } from 'node:vm';
import { WebSocket } from 'ws';
import type { Project } from './model.ts';
import { premiereOver } from './uxp.ts';

/** An element of UXP's own page, as far as the plugin uses it. */
export class FakeElement {
	readonly name: string;
	textContent: string | null = null;
	readonly style: Record<string, string> = {};
	readonly attributes = new Map<string, string>();
	readonly children: FakeElement[] = [];
	readonly #listeners = new Map<string, () => void>();
	#parent: FakeElement | null = null;

	constructor(name: string) {
		this.name = name;
	}
	setAttribute(name: string, value: string): void {
		this.attributes.set(name, value);
	}
	appendChild(child: FakeElement): FakeElement {
		child.#parent = this;
		this.children.push(child);
		return child;
	}
	remove(): void {
		const siblings = this.#parent?.children;
		siblings?.splice(siblings.indexOf(this), 1);
	}
	addEventListener(event: string, listener: () => void): void {
		this.#listeners.set(event, listener);
	}
	/** What a person or UXP does to it. */
	fire(event: string): void {
		this.#listeners.get(event)?.();
	}
	get all(): readonly FakeElement[] {
		return [this, ...this.children.flatMap((child) => child.all)];
	}
}

export type Surroundings = {
	/** The person's folder. */
	readonly home: string;
	readonly platform: UxpPlatform;
	/** Addresses that are in the manifest's list are refused, as some builds are reported to do. */
	readonly refusesList: boolean;
};

export type Plugin = {
	/** What is in the panel now. */
	readonly panel: FakeElement;
	/** What was opened outside of Premiere. */
	readonly opened: readonly string[];
	/** Premiere ends, or the plugin is unloaded. */
	readonly unload: () => void;
};

/**
 * Loads the plugin in a folder as Premiere does: its script is one classic script, with what UXP has and nothing of
 * Node or the web beside it.
 */
export async function loadPlugin(
	folder: string,
	project: Project,
	{ home, platform, refusesList }: Surroundings,
): Promise<Plugin> {
	const script = join(folder, 'main.js');
	const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
	const isRefused = refusesList && manifest.requiredPermissions.network.domains !== 'all';
	const panel = new FakeElement('body');
	const opened: string[] = [];
	let entrypoints: Entrypoints | null = null;
	const modules: Readonly<Record<string, unknown>> = {
		premierepro: premiereOver(project),
		uxp: {
			host: { name: 'premierepro', version: '26.3.0' },
			shell: {
				async openExternal(url: string) {
					opened.push(url);
					return '';
				},
			},
			entrypoints: {
				setup(given: Entrypoints) {
					if (entrypoints) throw new Error('setup may be called once');
					entrypoints = given;
				},
			},
		},
		fs: FILES,
		os: systemOf(home, platform),
	};
	const globals = {
		console,
		setTimeout,
		clearTimeout,
		/** Adobe says that macOS lets it ask nothing by plain `http:`. */
		async fetch(url: string) {
			if (isRefused) throw denied(url);
			if (platform === 'darwin') throw new TypeError('Network request failed');
			return fetch(url);
		},
		WebSocket: class extends WebSocket {
			constructor(url: string, protocols: string[]) {
				if (isRefused) throw denied(url);
				super(url, protocols);
			}
		},
		crypto: {
			getRandomValues: (array: Uint8Array<ArrayBuffer>) => webcrypto.getRandomValues(array),
			randomUUID: () => webcrypto.randomUUID(),
		},
		document: { createElement: (name: string) => new FakeElement(name) },
		require(name: string) {
			if (name in modules) return modules[name];
			throw new Error(`Cannot find module '${name}'`);
		},
	};
	const context = createContext(globals, { codeGeneration: { strings: false, wasm: false } });
	new Script(await readFile(script, 'utf8'), { filename: script }).runInContext(context);
	const given = entrypoints as Entrypoints | null;
	const own = given?.panels['pickup.panel'];
	if (!given || !own) throw new Error('The plugin has set up no panel');
	given.plugin.create();
	own.create(panel);
	own.show(panel);
	return { panel, opened, unload: () => given.plugin.destroy() };
}

/** What UXP says that it runs on. */
export type UxpPlatform = 'darwin' | 'win32' | 'win10';

/** A person's folder in which the daemon's state folder is where that system has it. */
export async function homeWith(
	state: string,
	folder: string,
	platform: UxpPlatform,
): Promise<string> {
	const place = platform === 'darwin' ? ['Library', 'Application Support'] : ['AppData', 'Local'];
	const parent = join(folder, ...place);
	await mkdir(parent, { recursive: true });
	await symlink(state, join(parent, 'pickup'));
	return folder;
}

/** In UXP's words, whether an address is not in the list or the list was not understood. */
function denied(url: string): Error {
	return new Error(`Permission denied to the url ${url}. Manifest entry not found.`);
}

type Entrypoints = {
	readonly plugin: { create(): void; destroy(): void };
	readonly panels: Readonly<
		Record<string, { create(root: FakeElement): void; show(root: FakeElement): void }>
	>;
};

/** `require('fs')` and `require('os')`, as far as the plugin uses them. */
export const FILES = { readFile: readAsUxp, rename, unlink };

export function systemOf(home: string, platform: UxpPlatform) {
	return { platform: () => platform, homedir: () => home };
}

async function readAsUxp(path: string, { encoding }: { readonly encoding?: string }) {
	// Paths of Windows are in folders of this system.
	const bytes = await readFile(path.replaceAll('\\', '/'));
	if (encoding === 'utf-8') return bytes.toString('utf8');
	return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

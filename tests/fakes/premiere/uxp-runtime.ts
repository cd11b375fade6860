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

export type Plugin = {
	/** What is in the panel now. */
	readonly panel: FakeElement;
	/** What was opened outside of Premiere. */
	readonly opened: readonly string[];
	/** Premiere ends, or the plugin is unloaded. */
	readonly unload: () => void;
};

/**
 * Loads the plugin's script as Premiere does on a Mac: one classic script, with what UXP has and
 * nothing of Node or the web beside it. `home` is the person's folder.
 */
export async function loadPlugin(script: string, project: Project, home: string): Promise<Plugin> {
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
		os: systemOf(home),
	};
	const globals = {
		console,
		setTimeout,
		clearTimeout,
		fetch: (url: string) => fetch(url),
		WebSocket,
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

/** A person's folder in which the daemon's state folder is where a Mac has it. */
export async function homeWith(state: string, folder: string): Promise<string> {
	const support = join(folder, 'Library', 'Application Support');
	await mkdir(support, { recursive: true });
	await symlink(state, join(support, 'pickup'));
	return folder;
}

type Entrypoints = {
	readonly plugin: { create(): void; destroy(): void };
	readonly panels: Readonly<
		Record<string, { create(root: FakeElement): void; show(root: FakeElement): void }>
	>;
};

/** `require('fs')` and `require('os')`, as far as the plugin uses them. */
export const FILES = { readFile: readAsUxp, rename, unlink };

export function systemOf(home: string) {
	return { platform: () => 'darwin', homedir: () => home };
}

async function readAsUxp(path: string, { encoding }: { readonly encoding?: string }) {
	const bytes = await readFile(path);
	if (encoding === 'utf-8') return bytes.toString('utf8');
	return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

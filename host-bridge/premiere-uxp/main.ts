import type { SocketLike } from '../../protocol/client.ts';
import { Agent } from '../agent/agent.ts';
import { ask } from './ask.ts';
import { readPortFile } from './daemon-file.ts';
import { premierePort } from './port.ts';
import type { Element, Files, Page, Premiere, System, Uxp } from './surroundings.ts';
import { PanelView } from './view.ts';

declare function require(name: 'premierepro'): Premiere;
declare function require(name: 'uxp'): Uxp;
declare function require(name: 'fs'): Files;
declare function require(name: 'os'): System;
declare const document: Page;
declare const crypto: { randomUUID(): string };
declare const WebSocket: new (url: string, protocols: string[]) => SocketLike;
/** Of the package, by the build. */
declare const VERSION: string;

// It is not among what UXP says that it has.
const surroundings = globalThis as { performance?: { now(): number } };
surroundings.performance ??= { now: () => Date.now() };

const uxp = require('uxp');
// biome-ignore lint/style/useNodejsImportProtocol: it is UXP's own
const files = require('fs');
// biome-ignore lint/style/useNodejsImportProtocol: it is UXP's own
const system = require('os');

const openSocket = (url: string, protocols: string[]) => new WebSocket(url, protocols);

// `Application.version` is null in Premiere.
const port = premierePort({ ppro: require('premierepro'), files }, uxp.host?.version ?? '');
const agent = new Agent(port, {
	id: crypto.randomUUID(),
	client: { name: 'pickup-premiere', version: VERSION },
	readPortFile: () => readPortFile(files, system),
	get: (url) => ask(openSocket, url),
	openSocket,
	onStatus: () => view.show(agent.status),
});
const view = new PanelView(document, {
	openInBrowser: (url) => {
		void uxp.shell.openExternal(url, 'The panel of Pickup, which runs on this computer');
	},
	tryNow: () => agent.hurry(),
});

uxp.entrypoints.setup({
	plugin: {
		create() {},
		destroy() {
			agent.end();
			view.end();
		},
	},
	panels: {
		'pickup.panel': {
			create: (root: Element) => view.attach(root, agent.status),
			show: (root: Element) => view.attach(root, agent.status),
			hide() {},
			destroy() {},
		},
	},
});

import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import type { EditorPort } from '../../../host-bridge/agent/port.ts';
import { get, readPortFile } from '../../../host-bridge/cep/daemon.ts';
import type { Surroundings } from '../../../host-bridge/cep/page/open-page.ts';
import { problemOf } from '../../../protocol/errors.ts';
import { openPage, type PageOptions } from '../../browser.ts';
import { temporaryFolder } from '../../daemon/harness.ts';

/** What the page asks of Node and of the editor. */
export type InNode = Pick<EditorPort, 'state' | 'cut' | 'frame' | 'edit' | 'carries' | 'show'> &
	Pick<Surroundings, 'readPortFile' | 'get' | 'startDaemon' | 'openInBrowser'>;

export type ExtensionOptions = PageOptions & {
	readonly port: EditorPort;
	/** The daemon's. */
	readonly state: string;
	readonly startDaemon?: () => Promise<void>;
	readonly openInBrowser?: (address: string) => Promise<void>;
	/** Of CEP: 99 for CEP 12, 88 for CEP 11; the page gets what that has, as far as scripts use it. */
	readonly chromium?: 88 | 99;
};

/** The page of the extension, from a file as in an editor. */
export async function openExtension({
	port,
	state,
	startDaemon = async () => {},
	openInBrowser = async () => {},
	chromium = 99,
	...options
}: ExtensionOptions): Promise<Page> {
	const folder = join(await temporaryFolder(), 'extension');
	const root = join(import.meta.dirname, '../../..');
	const source = join(root, 'host-bridge/cep/page');
	await build({
		absWorkingDir: root,
		entryPoints: { page: 'tests/fakes/cep/page.ts' },
		outdir: folder,
		bundle: true,
		format: 'iife',
		target: 'chrome88',
		inject: [join(source, 'older-chromium.ts')],
		logLevel: 'error',
	});
	for (const name of ['index.html', 'page.css'])
		await copyFile(join(source, name), join(folder, name));
	const functions: InNode = {
		state: port.state,
		cut: port.cut,
		frame: port.frame,
		edit: port.edit,
		carries: port.carries,
		show: port.show,
		readPortFile: () => readPortFile(state),
		get,
		startDaemon,
		openInBrowser,
	};
	const page = await openPage({
		...options,
		context: { userAgent: `Mozilla/5.0 Chrome/${chromium}.0.0.0`, ...options.context },
	});
	page.setDefaultTimeout(180_000);
	if (chromium === 88) await page.addInitScript(LATER_THAN_88);
	const { program, version, can } = port;
	await page.addInitScript(`globalThis.editor = ${JSON.stringify({ program, version, can })};`);
	await page.exposeFunction('inNode', async (name: keyof InNode, given: readonly unknown[]) => {
		try {
			return { result: await (functions[name] as (...given: unknown[]) => unknown)(...given) };
		} catch (error) {
			return { problem: problemOf(error) };
		}
	});
	await page.goto(pathToFileURL(join(folder, 'index.html')).href);
	return page;
}

/** Takes away what came after Chromium 88. */
const LATER_THAN_88 = `
delete Object.hasOwn;
for (const of of [Array, String, Int8Array.prototype.__proto__.constructor]) delete of.prototype.at;
for (const name of ['findLast', 'findLastIndex', 'toSorted', 'toReversed', 'toSpliced', 'with', 'group']) {
	delete Array.prototype[name];
}
delete Array.fromAsync;
delete Promise.withResolvers;
delete Promise.try;
delete Object.groupBy;
delete Error.captureStackTrace;
for (const name of ['isWellFormed', 'toWellFormed']) delete String.prototype[name];
for (const name of ['structuredClone', 'Iterator']) delete window[name];
delete Crypto.prototype.randomUUID;
Crypto.prototype.randomUUID = () => '00000000-0000-4000-8000-000000000088';
delete AbortSignal.timeout;
delete AbortSignal.any;
`;

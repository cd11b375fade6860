import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createContext, runInContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { connect, endAllDaemons, startDaemon, temporaryFolder, until } from '../daemon/harness.ts';
import { addComp } from '../fakes/after-effects/model.ts';
import { AfterEffects } from '../fakes/after-effects/program.ts';
import { TICKS } from '../fakes/premiere/media.ts';
import { Project } from '../fakes/premiere/model.ts';
import { ScriptedPremiere } from '../fakes/premiere/script.ts';

afterAll(endAllDaemons);

let folder: string;
beforeAll(async () => {
	folder = join(await temporaryFolder(), 'extension');
	const build = join(import.meta.dirname, '../../scripts/build-cep.mjs');
	await promisify(execFile)(process.execPath, [build, folder]);
});

/** A sequence called Main at 25 frames a second is open in each. */
const EDITORS = [
	{
		appId: 'AEFT',
		name: 'After Effects',
		open: () => {
			const program = new AfterEffects();
			program.model.activeItem = addComp(program.model, { name: 'Main' }).id;
			return program.cep;
		},
	},
	{
		appId: 'PPRO',
		name: 'Premiere',
		open: () => {
			const project = new Project('Film', '/films/Film.prproj');
			const size = { width: 160, height: 90 };
			project.addSequence({ name: 'Main', ticksPerFrame: TICKS / 25n, size });
			return new ScriptedPremiere(project).cep;
		},
	},
] as const;

/** What came after Chromium 88, in which CEP 11 runs, of what one would use without a thought. */
const NEWER =
	/\.(at|findLast|findLastIndex|toSorted|toReversed|toSpliced)\(|\bstructuredClone\(|\bcrypto\.randomUUID\(|\bAbortSignal\.(abort|timeout|any)\(|\bObject\.groupBy\(|\bArray\.fromAsync\(|\bPromise\.withResolvers\(/g;

test('the page as it is built asks nothing of a browser that Chromium 88 lacks', async () => {
	const page = await readFile(join(folder, 'page.js'), 'utf8');
	expect(page).toContain('Object.hasOwn =');
	expect([...page.matchAll(NEWER)].map(([found]) => found)).toEqual([]);
});

test.each(EDITORS)(
	'the page as it is built is the agent of $name, by Node and the scripts beside it',
	async ({ appId, name, open }) => {
		expect(await readFile(join(folder, 'index.html'), 'utf8')).toContain('src="page.js"');
		const daemon = await startDaemon();
		const shown: string[] = [];
		const page = createContext({
			...{ URL, setTimeout, clearTimeout, performance, crypto, Buffer, console, WebSocket },
			require: createRequire(import.meta.url),
			process: { ...process, env: { ...process.env, PICKUP_STATE: daemon.state } },
			navigator: { userAgent: 'Mozilla/5.0 Chrome/88.0' },
			sessionStorage: { getItem: () => null, setItem: () => {} },
			addEventListener: () => {},
			document: documentThatTells(shown),
			window: {
				__adobe_cep__: {
					...open(),
					getSystemPath: () => folder,
					getHostEnvironment: () =>
						JSON.stringify({ appId, appVersion: '24.1.0', appLocale: 'en_US' }),
				},
			},
		});
		runInContext(await readFile(join(folder, 'page.js'), 'utf8'), page, { filename: 'page.js' });
		const peer = await connect(daemon);
		const host = await until('the agent', async () => (await peer.call('host.watch', {})).hosts[0]);
		expect(host).toMatchObject({
			agent: { program: name, version: '24.1.0' },
			state: { sequence: { name: 'Main' } },
		});
		const { cut } = await peer.call('host.cut', { host: host.agent.id });
		expect(cut.sequence).toMatchObject({ name: 'Main', rate: { num: 25, den: 1 } });
		await until('the button', () => shown.includes('Open the panel in a browser'));
		await peer.close();
	},
);

/** As much of a document as the page writes its few words into. */
function documentThatTells(shown: string[]) {
	const createElement = () => ({
		setAttribute: () => {},
		addEventListener: () => {},
		set textContent(text: string) {
			shown.push(text);
		},
	});
	return { createElement, body: { replaceChildren: () => {} } };
}

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stateFolder } from '../../../files/folders.ts';
import type { SocketLike } from '../../../protocol/client.ts';
import { AfterEffects } from '../../after-effects/port.ts';
import type { AfterEffectsCalls } from '../../after-effects/script/main.ts';
import { Premiere } from '../../premiere-cep/port.ts';
import type { PremiereCalls } from '../../premiere-cep/script/main.ts';
import type { AdobeCep, HostEnvironment } from '../adobe-cep.ts';
import { get, readPortFile, startDaemon } from '../daemon.ts';
import { openInBrowser } from '../open-in-browser.ts';
import { ScriptLink } from '../script-link.ts';
import { openPage } from './open-page.ts';

declare const window: { readonly __adobe_cep__: AdobeCep };
/** Of the package, by the build. */
declare const VERSION: string;

const cep = window.__adobe_cep__;
const { appId, appVersion, appLocale } = JSON.parse(cep.getHostEnvironment()) as HostEnvironment;
const state = stateFolder(process.env.PICKUP_STATE);
const { port, script } = editorOf(appId);

openPage({
	port,
	readPortFile: () => readPortFile(state),
	get,
	openSocket: (url, protocols) => new WebSocket(url, protocols) as SocketLike,
	startDaemon: () => startDaemon(state),
	openInBrowser,
	locale: appLocale,
	version: VERSION,
	randomUuid: randomUUID,
});

addEventListener('unload', () => void script.end());

/** The editor whose window this page is in, by the script that is beside the page for it. */
function editorOf(id: string) {
	const scripts = join(pathOf(cep.getSystemPath('extension')), 'jsx');
	const version = appVersion;
	if (id === 'PPRO') {
		const path = join(scripts, 'premiere.jsx');
		const of = { cep, program: 'Premiere', script: path, name: 'pickupPremiere' };
		const script = new ScriptLink<PremiereCalls>(of);
		return { script, port: new Premiere({ script, version }) };
	}
	const path = join(scripts, 'after-effects.jsx');
	const of = { cep, program: 'After Effects', script: path, name: 'pickupAfterEffects' };
	const script = new ScriptLink<AfterEffectsCalls>(of);
	return { script, port: new AfterEffects({ script, version }) };
}

/** An address on some systems, a path on others. */
function pathOf(told: string): string {
	return told.startsWith('file:') ? fileURLToPath(told) : told;
}

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stateFolder } from '../../../files/folders.ts';
import type { SocketLike } from '../../../protocol/client.ts';
import { AfterEffects } from '../../after-effects/port.ts';
import type { AfterEffectsCalls } from '../../after-effects/script/main.ts';
import type { AdobeCep, HostEnvironment } from '../adobe-cep.ts';
import { get, readPortFile, startDaemon } from '../daemon.ts';
import { openInBrowser } from '../open-in-browser.ts';
import { ScriptLink } from '../script-link.ts';
import { openPage } from './open-page.ts';

declare const window: { readonly __adobe_cep__: AdobeCep };
/** Of the package, by the build. */
declare const VERSION: string;

const cep = window.__adobe_cep__;
const { appVersion, appLocale } = JSON.parse(cep.getHostEnvironment()) as HostEnvironment;
const state = stateFolder(process.env.PICKUP_STATE);
const script = new ScriptLink<AfterEffectsCalls>({
	cep,
	program: 'After Effects',
	script: join(pathOf(cep.getSystemPath('extension')), 'jsx', 'after-effects.jsx'),
	name: 'pickupAfterEffects',
});

openPage({
	port: new AfterEffects({ script, version: appVersion }),
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

/** An address on some systems, a path on others. */
function pathOf(told: string): string {
	return told.startsWith('file:') ? fileURLToPath(told) : told;
}

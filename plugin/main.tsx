import { createRoot } from 'react-dom/client';
import { readAddress } from './address.ts';
import { endpointOf } from './endpoint.ts';
import { openPanel } from './state/panel.ts';
import type { Kept } from './state/state.ts';
import { App } from './views/app.tsx';
import { NoToken } from './views/no-token.tsx';
import { PanelProvider } from './views/panel-context.tsx';

const root = createRoot(document.getElementById('panel')!);
const address = readAddress();
if (address === null) {
	root.render(<NoToken />);
} else {
	const { token, host, port } = address;
	const panel = openPanel({
		endpoint: endpointOf(port, token),
		openSocket: (url, protocols) => new WebSocket(url, protocols),
		version: VERSION,
		host,
		kept: (history.state as { kept?: Kept } | null)?.kept ?? null,
		now: () => Date.now(),
		randomUuid: () => crypto.randomUUID(),
		randomInteger: (most) =>
			Math.floor((crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32) * most),
	});
	// What is looked at and asked for outlives a reload.
	panel.store.subscribe(({ view, wish }, before) => {
		if (view === before.view && wish === before.wish) return;
		history.replaceState({ ...history.state, kept: { view, wish } }, '');
	});
	root.render(
		<PanelProvider panel={panel}>
			<App />
		</PanelProvider>,
	);
}

/** Of the package, by the build. */
declare const VERSION: string;

/**
 * The page of the extension where there is no Node: what it wants of that, and of the editor, is asked
 * of the test, and everything else is as it is in an editor.
 */
import type { EditorPort } from '../../../host-bridge/agent/port.ts';
import { openPage } from '../../../host-bridge/cep/page/open-page.ts';
import type { SocketLike } from '../../../protocol/client.ts';
import { PickupError, type Problem } from '../../../protocol/errors.ts';
import type { InNode } from './stage.ts';

declare const inNode: (name: string, given: readonly unknown[]) => Promise<Answer>;
/** What the port says of itself. */
declare const editor: Pick<EditorPort, 'program' | 'version' | 'can'>;
declare const navigator: { readonly language: string };
type Answer = { readonly result?: unknown; readonly problem?: Problem };

function asked<K extends keyof InNode>(name: K): InNode[K] {
	const ask = async (...given: readonly unknown[]) => {
		const { result, problem } = await inNode(name, given);
		if (problem) throw PickupError.from(problem);
		return result;
	};
	return ask as InNode[K];
}

openPage({
	port: {
		...editor,
		state: asked('state'),
		cut: asked('cut'),
		frame: asked('frame'),
		edit: asked('edit'),
		carries: asked('carries'),
		show: asked('show'),
	},
	readPortFile: asked('readPortFile'),
	get: asked('get'),
	startDaemon: asked('startDaemon'),
	openInBrowser: asked('openInBrowser'),
	openSocket: (url, protocols) => new WebSocket(url, protocols) as SocketLike,
	locale: navigator.language.replace('-', '_'),
	version: '1',
	randomUuid: () => crypto.randomUUID(),
});

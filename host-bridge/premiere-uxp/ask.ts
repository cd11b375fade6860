import type { ClientOptions } from '../../protocol/client.ts';
import { PickupError } from '../../protocol/errors.ts';
import { SUBPROTOCOL } from '../../protocol/rpc.ts';

declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** How long the daemon may take to answer, in ms. */
const ANSWER_WITHIN = 15_000;

/**
 * The first message of a WebSocket at an `http:` address: on a Mac UXP asks nothing by that itself.
 * No token goes along. Throws `system-refused` where Premiere does not let the plugin ask, else an
 * Error with what was said.
 */
export async function ask(
	openSocket: ClientOptions['openSocket'],
	address: string,
): Promise<string> {
	try {
		return await firstMessage(openSocket, address.replace(/^http:/, 'ws:'));
	} catch (cause) {
		const { message } = cause as Error;
		if (!/permission|manifest/i.test(message)) throw cause;
		throw new PickupError(
			'system-refused',
			`Premiere does not let its plugin speak to Pickup: ${message}`,
			{
				action:
					'Install the plugin that may use any port: run “pickup install premiere --any-port” in a terminal, then start Premiere again.',
				cause,
			},
		);
	}
}

function firstMessage(openSocket: ClientOptions['openSocket'], url: string): Promise<string> {
	return new Promise((resolve, reject) => {
		const socket = openSocket(url, [SUBPROTOCOL]);
		const end = (settle: () => void) => {
			clearTimeout(limit);
			settle();
			socket.close();
		};
		const fail = (said: unknown) => end(() => reject(new Error(String(said || 'no answer'))));
		const limit = setTimeout(() => fail(null), ANSWER_WITHIN);
		socket.onmessage = ({ data }: { readonly data: unknown }) => end(() => resolve(String(data)));
		socket.onerror = ({ message }: { readonly message?: unknown }) => fail(message);
		socket.onclose = () => fail(null);
	});
}

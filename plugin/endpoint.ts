import { PickupError } from '../protocol/errors.ts';
import { provesItself } from '../protocol/proof.ts';

type Endpoint = { readonly port: number; readonly token: string };

/**
 * Where the daemon listens, asked before every attempt to connect. After a restart the port may be
 * anybody's: who listens there proves first that it has the token, and only then is shown it.
 * Throws `daemon-unreachable`, or `wrong-token` where it is another one now.
 */
export function endpointOf(port: number, token: string): () => Promise<Endpoint> {
	const ask = async (path: string) => {
		const answer = await fetch(path, { cache: 'no-store' }).catch(() => null);
		if (answer) return answer.text();
		throw new PickupError('daemon-unreachable', `No daemon answers at 127.0.0.1:${port}`);
	};
	return async () => {
		if (await provesItself({ port, token }, ask)) return { port, token };
		throw new PickupError('wrong-token', 'Expected the daemon that this page was opened with');
	};
}

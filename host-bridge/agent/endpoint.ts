import { PickupError } from '../../protocol/errors.ts';
import { provesItself } from '../../protocol/proof.ts';
import { type PortFile, PROTOCOL_VERSION, portFileSchema } from '../../protocol/rpc.ts';

/** How an agent reaches the daemon; what differs from editor to editor. */
export type Reach = {
	/** The text of `daemon.json` in the state folder; null where there is none. */
	readonly readPortFile: () => Promise<string | null>;
	/**
	 * What is said at an address: the body of a `GET`, or the one message of a WebSocket there. Throws
	 * where nobody answers, and a PickupError where it is known why.
	 */
	readonly get: (url: string) => Promise<string>;
};

/**
 * Where the daemon listens. It has proved that it is the one that wrote the file: a port in an old
 * one may be anybody's. Throws `daemon-unreachable`, or `version-mismatch`.
 */
export async function findDaemon({ readPortFile, get }: Reach): Promise<PortFile> {
	const text = await readPortFile();
	if (text === null) throw new PickupError('daemon-unreachable', 'Pickup is not running');
	const daemon = parsed(text);
	if (!daemon) {
		throw new PickupError(
			'daemon-unreachable',
			'Pickup is not running: its port file says nothing',
		);
	}
	const url = `http://127.0.0.1:${daemon.port}`;
	const isDaemon = await provesItself(daemon, (path) => get(`${url}${path}`)).catch(unreachable);
	if (!isDaemon) unreachable(null);
	if (daemon.protocol === PROTOCOL_VERSION) return daemon;
	throw new PickupError(
		'version-mismatch',
		`Expected a daemon of protocol ${PROTOCOL_VERSION}, found Pickup ${daemon.version} with protocol ${daemon.protocol}`,
		{ action: 'Install Pickup and what it has in this editor in one version.' },
	);
}

function unreachable(cause: unknown): never {
	if (cause instanceof PickupError) throw cause;
	const said = cause instanceof Error ? `: ${cause.message}` : '';
	throw new PickupError('daemon-unreachable', `Pickup is not running, or does not answer${said}`, {
		cause,
	});
}

function parsed(text: string): PortFile | null {
	try {
		return portFileSchema.parse(JSON.parse(text));
	} catch {
		return null;
	}
}

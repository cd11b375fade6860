import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { PROOF_PATH, proofText, SUBPROTOCOL } from '../../protocol/rpc.ts';

export type Gate = {
	readonly port: number;
	readonly token: string;
	/** Beside the daemon's own. */
	readonly origins: readonly string[];
};

/**
 * Who may come in: `isStranger` says no, and the token is right. A page from a file has to have the
 * token to be anything else than a stranger. Gives the HTTP status of the refusal, or null.
 */
export function refusal(request: IncomingMessage, gate: Gate): 401 | 403 | null {
	if (isStranger(request, gate)) return 403;
	if (tokensOf(request).some((token) => sameToken(token, gate.token))) return null;
	return isFromFile(request) ? 403 : 401;
}

/**
 * A request that is not to this machine by its own name (a web page elsewhere can point its domain at
 * 127.0.0.1), or that is a page's which is not allowed. A page from a file is none yet.
 */
export function isStranger(request: IncomingMessage, gate: Gate): boolean {
	const { host, origin } = request.headers;
	return (
		!ownHosts(gate).includes(host?.toLowerCase() ?? '') ||
		!(isFromFile(request) || originAllowed(origin, gate))
	);
}

/**
 * A page that came from a file, as the panels of Adobe's editors do: its WebSockets say `file://`, what
 * it fetches says `null`. So does a hostile page in a sandboxed frame: only a secret tells them apart.
 */
export function isFromFile({ headers }: IncomingMessage): boolean {
	return headers.origin === 'file://' || headers.origin === 'null';
}

/**
 * The proof that this is the daemon, for a program that has proved by its own that it has the token;
 * null for any other request.
 */
export function proofFor({ url = '' }: IncomingMessage, { port, token }: Gate): string | null {
	if (!url.startsWith(PROOF_PATH)) return null;
	const [, once, proof] =
		/^([0-9a-f]{32})\/([0-9a-f]{64})$/.exec(url.slice(PROOF_PATH.length)) ?? [];
	if (once === undefined || proof === undefined) return null;
	const sign = (side: 'client' | 'daemon') =>
		createHmac('sha256', token)
			.update(proofText(side, port, once))
			.digest('hex');
	return sameToken(proof, sign('client')) ? sign('daemon') : null;
}

/** Programs send no origin, browsers always do when they open a WebSocket. */
function originAllowed(origin: string | undefined, gate: Gate): boolean {
	if (origin === undefined) return true;
	return (
		ownHosts(gate).some((host) => origin === `http://${host}`) || gate.origins.includes(origin)
	);
}

/** Compares in a time that tells nothing about how much of it was right. */
export function sameToken(given: string, expected: string): boolean {
	return timingSafeEqual(digest(given), digest(expected));
}

function subprotocolsOf(request: IncomingMessage): readonly string[] {
	return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
}

/** A bearer header, or a subprotocol beside ours: browsers cannot set headers. */
function tokensOf(request: IncomingMessage): readonly string[] {
	const tokens: string[] = [];
	const bearer = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
	if (bearer !== undefined) tokens.push(bearer);
	if (subprotocolsOf(request).includes(SUBPROTOCOL)) {
		const offered = subprotocolsOf(request).find((name) => name.startsWith('token.'));
		if (offered !== undefined) tokens.push(offered.slice('token.'.length));
	}
	return tokens;
}

function ownHosts({ port }: Gate): readonly string[] {
	return [`127.0.0.1:${port}`, `localhost:${port}`];
}

function digest(text: string): Buffer {
	return createHash('sha256').update(text).digest();
}
